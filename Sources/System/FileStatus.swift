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
  /// Whether any bytes of a file have room on the disk: of one that was only made longer, none have.
  package let takesRoom: Bool
  private let mode: UInt32
  private let owner: UInt32

  public var isFile: Bool { mode & S_IFMT == S_IFREG }
  public var isFolder: Bool { mode & S_IFMT == S_IFDIR }
  public var isLink: Bool { mode & S_IFMT == S_IFLNK }
  /// Of a folder: whether what is made in it belongs to its group, not to that of whoever makes it.
  package var givesGroup: Bool { mode & S_ISGID != 0 }
  /// Of a folder: whether all of its group may make something in it.
  package var isGroupWritable: Bool { mode & S_IWGRP != 0 }
  public var isExecutable: Bool { mode & S_IXUSR != 0 }
  /// Who may execute it: 0o111 if all may.
  package var executeMode: UInt32 { mode & 0o111 }

  /// What its owner, its group and all others may do with it, as in `chmod`.
  package var permissions: UInt32 { mode & 0o777 }

  /// Whether it is this user's, and nobody else may read or write it.
  package var isSecret: Bool { owner == geteuid() && mode & 0o077 == 0 }

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
    takesRoom = status.st_blocks > 0
    mode = status.st_mode
    owner = status.st_uid
  }

  /// Room may be given to a file long after it was written: that it has some is no difference.
  public static func == (first: FileStatus, second: FileStatus) -> Bool {
    first.isSameFile(as: second) && first.size == second.size && first.modified == second.modified
      && first.changed == second.changed && first.mode == second.mode
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(inode)
    hasher.combine(changed)
  }

  package func isSameFile(as other: FileStatus) -> Bool { device == other.device && inode == other.inode }
}
