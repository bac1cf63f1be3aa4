import Glibc

/// Tells that something has happened in some folders, where the system does (inotify). That nothing is told means nothing: on
/// network file systems others' changes go unnoticed, and there may be too many folders.
final class FolderNotices {
  private let file: Int32

  private static let events = UInt32(
    IN_CLOSE_WRITE | IN_MODIFY | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB
      | IN_DELETE_SELF
      | IN_MOVE_SELF)

  init() { file = inotify_init1(Int32(IN_CLOEXEC | IN_NONBLOCK)) }

  deinit { if file >= 0 { close(file) } }

  func watch(_ folders: Set<String>) {
    guard file >= 0 else { return }
    // One that was removed and made again is another one, and is watched anew.
    for folder in folders { _ = inotify_add_watch(file, folder, FolderNotices.events) }
  }

  /// Whether anything has happened since the last look.
  func take() -> Bool {
    guard file >= 0 else { return false }
    var buffer = [UInt8](repeating: 0, count: 1 << 14)
    var isTold = false
    while read(file, &buffer, buffer.count) > 0 { isTold = true }
    return isTold
  }
}
