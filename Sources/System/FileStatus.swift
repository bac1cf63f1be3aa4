package import Glibc

/// What the system says of a file without opening it. Two equal ones of the same path mean that nothing was written
/// in between, but for writes within one tick of the file system's clock.
public struct FileStatus: Hashable, Sendable {
  public let device: UInt64
  public let inode: UInt64
  public let size: Int64
  /// Nanoseconds since 1970.
  public let modified: Int64
  public let changed: Int64
  private let mode: UInt32

  public var isFile: Bool { mode & S_IFMT == S_IFREG }
  public var isFolder: Bool { mode & S_IFMT == S_IFDIR }
  public var isLink: Bool { mode & S_IFMT == S_IFLNK }
  /// Of a folder: whether what is made in it belongs to its group, not to that of whoever makes it.
  package var givesGroup: Bool { mode & S_ISGID != 0 }
  public var isExecutable: Bool { mode & S_IXUSR != 0 }

  /// `a pipe`, for messages.
  public var kind: String {
    switch mode & S_IFMT {
    case S_IFREG: "a file"
    case S_IFDIR: "a folder"
    case S_IFLNK: "a link"
    case S_IFIFO: "a pipe"
    case S_IFSOCK: "a socket"
    default: "a device"
    }
  }

  package init(_ status: stat) {
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
    size = Int64(status.st_size)
    modified = Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
    changed = Int64(status.st_ctim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_ctim.tv_nsec)
    mode = status.st_mode
  }

  package func isSameFile(as other: FileStatus) -> Bool { device == other.device && inode == other.inode }
}
