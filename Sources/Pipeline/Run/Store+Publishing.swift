import Artefacts
import Glibc

extension Store {
  /// Writes a copy of an artefact beside a path and hands it over; what is not taken is removed.
  func restore(
    _ digest: Digest, near path: String, executable: Bool, place: (_ copy: String) throws -> Void
  ) throws {
    let copy = path + ".brake-\(getpid())"
    // Of a process that was killed and had our number.
    removeAll(copy)
    defer { removeAll(copy) }
    try restore(digest, to: copy, executable: executable)
    try place(copy)
  }
}
