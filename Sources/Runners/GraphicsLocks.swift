import Glibc
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

  /// - Returns: nil if another brake has it. Where there can be no locks, each brake knows only of what it has handed out itself.
  func take(_ name: String) -> Lock? { lock(name) }

  /// - Returns: nil if somebody waits for it, who comes first.
  func takeTurn(_ name: String) -> Lock? { lock(name, ".next") }

  private func lock(_ name: String, _ suffix: String = "") -> Lock? {
    guard isOwn else { return Lock(nil, files) }
    let file = (prefixes[name] ?? prefix) + name + suffix
    let path = "\(folder)/\(file.replacing("/", with: ":"))"
    // As one that is to be written anew, it has the time of its last use: what is old in /tmp is removed on many machines.
    guard let file = try? files.open(path, toWrite: .replacing) else { return Lock(nil, files) }
    let lock = Lock((file, path), files)
    return (try? FileLock.take(file, path: path)) == false ? nil : lock
  }

  /// Whether there is a folder that is this user's alone.
  private var isOwn: Bool {
    // At one stroke with its mode: others may make something there at any moment.
    mkdir(folder, 0o700)
    guard let status = try? files.entry(folder) else { return false }
    return status.isFolder && status.isSecret
  }

  /// Held until this is let go of.
  final class Lock: Sendable {
    private let file: (number: Int32, path: String)?
    private let files: any FileSystem

    fileprivate init(_ file: (number: Int32, path: String)?, _ files: any FileSystem) {
      self.file = file
      self.files = files
    }

    deinit {
      guard let file else { return }
      FileLock.giveBack(file.number)
      try? files.close(file.number, path: file.path)
    }
  }
}
