internal import Glibc

/// The environment variables of this process.
package enum OwnEnvironment {
  /// All of them. Of a name that is there twice, the last.
  package static var variables: [String: String] {
    var all: [String: String] = [:]
    var next = environ
    while let entry = next.pointee {
      let text = String(cString: entry)
      if let sign = text.firstIndex(of: "=") {
        all[String(text[..<sign])] = String(text[text.index(after: sign)...])
      }
      next += 1
    }
    return all
  }
}
