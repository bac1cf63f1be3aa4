internal import Glibc

/// Where temporary files go.
package enum TemporaryPlace {
  /// The folder that `TMPDIR` names, or else `/tmp`, as POSIX has it.
  package static var path: String {
    let given = getenv("TMPDIR").map { String(cString: $0) } ?? ""
    return given.isEmpty ? "/tmp" : given
  }
}
