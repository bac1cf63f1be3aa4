internal import Glibc

/// A folder that stays the one that it was when it was opened, whatever is put in its place.
package final class HeldFolder: Sendable {
  private let file: Int32

  /// - Parameters:
  ///   - place: the folder's path in another one, past no links.
  ///   - folder: that one.
  /// - Returns: nil if there is none.
  package init?(_ place: String, in folder: String) {
    let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
    var file = Glibc.open(folder, flags)
    for part in place.split(separator: "/") where file >= 0 {
      let inner = openat(file, String(part), flags)
      Glibc.close(file)
      file = inner
    }
    guard file >= 0 else { return nil }
    self.file = file
  }

  deinit { Glibc.close(file) }

  /// A path by which this process finds it, as long as this value is there.
  package var path: String { "/proc/self/fd/\(file)" }
}
