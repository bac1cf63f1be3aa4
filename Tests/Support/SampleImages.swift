import Foundation
import System

/// Container images as people have them: made and saved by umoci and skopeo, of a small file system with busybox in it.
public final class SampleImages: Sendable {
  public let folder = TemporaryFolder()

  /// Whether the programs are here that make them. Where everything is tested, as `./check` does, tests without them fail.
  public static let canBeMade =
    ["umoci", "skopeo", "/bin/busybox"].allSatisfy { ProgramPath.find($0) != nil }
    || ProcessInfo.processInfo.environment["CI"] != nil

  /// An image of three layers: the first has programs and files, the second replaces a folder, the third takes a file away.
  ///
  /// - Parameter greeting: an environment variable of the image.
  public init(greeting: String = "hello") throws {
    let base = folder["base"]
    folder.write("NAME=sample\n", to: "base/etc/os-release")
    folder.write("one\n", to: "base/old/file")
    folder.write("two\n", to: "base/old/other")
    folder.write("gone\n", to: "base/kept/gone")
    folder.write("stays\n", to: "base/kept/stays")
    folder.write("secret\n", to: "base/etc/unreadable")
    folder.write("second\n", to: "top/file")
    try shell(
      """
      mkdir \(base)/bin; cp /bin/busybox \(base)/bin/busybox; chmod 4755 \(base)/bin/busybox
      for name in sh cat ls echo env touch id sleep test wc; do ln -s busybox \(base)/bin/$name; done
      for library in $(ldd /bin/busybox 2>/dev/null | grep -o '/[^ )]*'); do cp -L --parents $library \(base); done
      ln \(base)/bin/busybox \(base)/bin/only-here
      ln -s /etc \(base)/absolute; ln -s ../../../../etc \(base)/old/above
      chmod 0 \(base)/etc/unreadable; touch -d @1000000000 \(base)/kept/stays
      umoci init --layout \(layout) && umoci new --image \(layout):a
      umoci config --image \(layout):a --config.env GREETING=\(greeting)
      umoci insert --image \(layout):a \(base) /
      umoci insert --image \(layout):a --opaque \(folder["top"]) /old
      umoci insert --image \(layout):a --whiteout /kept/gone
      umoci gc --layout \(layout)
      """)
  }

  /// The image as an OCI layout, with layers that gzip has compressed.
  public var layout: String { folder["layout"] }

  /// Saves the image in another form.
  ///
  /// - Parameters:
  ///   - form: of skopeo, such as `oci-archive`.
  ///   - options: of skopeo.
  /// - Returns: its path.
  @discardableResult public func save(_ form: String, as name: String, _ options: String = "") throws
    -> String
  {
    let tag = form.hasPrefix("docker") ? ":some/name:tag" : ""
    try shell("skopeo copy -q \(options) oci:\(layout):a \(form):\(folder[name])\(tag)")
    return folder[name]
  }

  /// The ID that skopeo says the image has.
  public func id() throws -> String {
    try shell("skopeo inspect --config --raw oci:\(layout):a | sha256sum").prefix(64).lowercased()
  }

  @discardableResult public func shell(_ script: String) throws -> String { try TestShell.run(script) }
}
