import Glibc
import Synchronization
import System

/// Tells the brakes of one user on this machine which graphics processors are taken. Each has a file, which is locked as long as a command
/// has it: the kernel drops the lock when its brake ends, however it ends. Who waits for one has locked another file, its turn.
///
/// A brake that is started by a command has what that command was given. It does not wait for the lock of the brake above, which ends
/// later, but has files with other names, by which all that the command starts share.
struct GraphicsLocks: Sendable {
  /// What a command finds in `BRAKE_GPUS`: `PREFIX:NAME` for each that it has, separated by commas, with the prefix of the files of the
  /// brakes that it starts.
  static let variable = "BRAKE_GPUS"
  /// What this brake found there; nil if it is not set.
  let given: String?

  private let folder: String
  private let prefix: String
  /// Of those that a brake above this one has.
  private let prefixes: [String: String]
  private let files: any FileSystem

  /// Not in `TMPDIR`, which may be another one for each brake.
  static let own = GraphicsLocks(
    in: "/tmp/brake-gpu-\(geteuid())", prefix: ownPrefix, given: getenv(variable).map { String(cString: $0) })

  /// Slurm may call different processors the same in each of its jobs, and in each of their steps.
  private static let ownPrefix: String = {
    let names: [String] = ["SLURM_JOB_ID", "SLURM_STEP_ID"]
    return names.map { name in getenv(name).map { String(cString: $0) + "-" } ?? "" }.joined()
  }()

  /// - Parameter path: of a folder that nobody else can enter; made if it is not there when something is taken.
  init(
    in path: String, prefix: String = "", given: String? = nil, files: any FileSystem = LocalFileSystem()
  ) {
    folder = path
    self.prefix = prefix
    self.given = given
    self.files = files
    let pairs = (given ?? "").split(separator: ",").map { $0.split(separator: ":", maxSplits: 1) }
    prefixes = Dictionary(pairs.filter { $0.count == 2 }.map { (String($0[1]), String($0[0])) }) { first, _ in
      first
    }
  }

  /// What the variable is for a command that has some.
  func handedOn(_ names: [String]) -> String {
    names.map { "in-\(prefixes[$0] ?? prefix):\($0)" }.joined(separator: ",")
  }

  /// - Returns: nil if another brake has it, or that cannot be found out now. Where there can be no locks, each brake knows only of what it
  ///   has handed out itself: the lock says so then.
  func take(_ name: String) -> Lock? { lock(name) }

  /// - Returns: nil if somebody waits for it, who comes first.
  func takeTurn(_ name: String) -> Lock? { lock(name, ".next") }

  private func lock(_ name: String, _ suffix: String = "") -> Lock? {
    guard isOwn else { return Lock(fault: "there is no folder \(folder) that nobody else can enter", files) }
    let file = (prefixes[name] ?? prefix) + name + suffix
    let path = "\(folder)/\(file.replacing("/", with: ":"))"
    do {
      // As one that is to be written anew, it has the time of its last use: what is old in /tmp is removed on many machines.
      let number = try files.open(path, toWrite: .replacing)
      let lock = Lock(number, path, files)
      guard try FileLock.take(number, path: path) else { return nil }
      // Where it was removed just before that, this is the lock of a file that nobody else finds.
      let (opened, named) = (try files.status(of: number, path: path), try files.entry(path))
      return named?.inode == opened.inode && named?.device == opened.device ? lock : nil
    } catch {
      return GraphicsLocks.passing.contains(error.errno ?? 0) ? nil : Lock(fault: error.headline, files)
    }
  }

  /// Errors of a call that another one may not have.
  private static let passing: Set<Int32> = [EMFILE, ENFILE, ENOMEM, ENOENT]

  /// Whether there is a folder that is this user's alone.
  private var isOwn: Bool {
    // At one stroke with its mode: others may make something there at any moment.
    mkdir(folder, 0o700)
    guard let status = try? files.entry(folder) else { return false }
    return status.isFolder && status.isSecret
  }

  /// Held until this is let go of.
  final class Lock: Sendable {
    /// Why there can be no locks, and this is none; nil of one that is.
    let fault: String?
    private let file: Mutex<(number: Int32, path: String)?>
    private let files: any FileSystem

    fileprivate init(_ number: Int32, _ path: String, _ files: any FileSystem) {
      fault = nil
      file = Mutex((number, path))
      self.files = files
    }

    fileprivate init(fault: String, _ files: any FileSystem) {
      self.fault = fault
      file = Mutex(nil)
      self.files = files
    }

    deinit { release() }

    func release() {
      let file = file.withLock { file in
        defer { file = nil }
        return file
      }
      guard let file else { return }
      FileLock.giveBack(file.number)
      try? files.close(file.number, path: file.path)
    }

    /// Says that it is in use, so that nobody takes its file for one that is left over.
    func touch() {
      file.withLock { file in
        if let file { try? files.setModified(file.path, to: SystemTime.real()) }
      }
    }
  }
}
