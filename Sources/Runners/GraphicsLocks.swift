import Glibc
import System

/// Tells the brakes of one user on this machine which graphics processors are taken. Each has a file, which is locked as long as a command
/// has it: the kernel drops the lock when its brake ends, however it ends.
struct GraphicsLocks: Sendable {
  private let folder: String
  private let prefix: String
  private let files: any FileSystem

  /// Not in `TMPDIR`, which may be another one for each brake.
  static let own = GraphicsLocks(in: "/tmp/brake-gpu-\(geteuid())", prefix: ownPrefix)

  /// Slurm may call different processors the same in each of its jobs, and in each of their steps.
  private static let ownPrefix: String = {
    let names: [String] = ["SLURM_JOB_ID", "SLURM_STEP_ID"]
    return names.map { name in getenv(name).map { String(cString: $0) + "-" } ?? "" }.joined()
  }()

  /// - Parameter path: of a folder that nobody else can enter; made if it is not there when something is taken.
  init(in path: String, prefix: String = "", files: any FileSystem = LocalFileSystem()) {
    folder = path
    self.prefix = prefix
    self.files = files
  }

  /// - Returns: nil if another brake has it. Where there can be no locks, each brake knows only of what it has handed out itself.
  func take(_ name: String) -> Lock? {
    guard isOwn else { return Lock(nil, files) }
    let path = "\(folder)/\((prefix + name).replacing("/", with: ":"))"
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

    deinit { if let file { try? files.close(file.number, path: file.path) } }
  }
}
