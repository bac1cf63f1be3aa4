import Foundation
import System

/// Images of Apptainer, as its programs write them: a file system that mksquashfs has made, in a file that siftool has made, which is the
/// reference implementation's.
public final class ApptainerImages: Sendable {
  public let folder = TemporaryFolder()

  /// Whether the programs are here that make and unpack them. Where everything is tested, as `./check` does, tests without them fail.
  public static let canBeMade =
    TestSandbox.works
    && ["siftool", "mksquashfs", "unsquashfs", "/bin/busybox"].allSatisfy { ProgramPath.find($0) != nil }
    || ProcessInfo.processInfo.environment["CI"] != nil

  /// A small file system in `root`, with busybox and with the scripts that `apptainer build` makes of an image of Docker.
  public init() throws {
    let root = folder["root"]
    folder.write("NAME=sample\n", to: "root/etc/os-release")
    folder.write("secret\n", to: "root/etc/unreadable")
    folder.write("stays\n", to: "root/kept/stays")
    folder.write(
      """
      #!/bin/sh
      export PATH="/opt/tool/bin:/bin"
      export GREETING="${GREETING:-"hello"}"
      """, to: "root/.singularity.d/env/10-docker2singularity.sh")
    folder.write(
      """
      #!/bin/sh
      set -- some words
      read line
      export LATER="$GREETING later"
      export LC_ALL=C HOME=/kept
      """, to: "root/.singularity.d/env/90-environment.sh")
    try shell(
      """
      mkdir -p \(root)/bin \(root)/dev; cp /bin/busybox \(root)/bin/busybox
      for name in sh cat ls echo env touch id sleep test wc; do ln -s busybox \(root)/bin/$name; done
      for library in $(ldd /bin/busybox 2>/dev/null | grep -o '/[^ )]*'); do cp -L --parents $library \(root); done
      mkdir -p \(root)/opt/tool/bin; printf '#!/bin/sh\\necho tool\\n' > \(root)/opt/tool/bin/tool
      chmod 755 \(root)/opt/tool/bin/tool; chmod 4755 \(root)/bin/busybox; chmod 0 \(root)/etc/unreadable
      ln \(root)/kept/stays \(root)/kept/again; ln -s /etc \(root)/absolute; ln -s ../../../../etc \(root)/kept/above
      mkfifo \(root)/kept/pipe; touch -d @1000000000 \(root)/kept/stays; touch -d @1000000001 \(root)/kept
      """)
  }

  /// Writes the folder `root` into a file.
  ///
  /// - Parameters:
  ///   - options: of mksquashfs.
  ///   - pseudo: files that are not in the folder, as mksquashfs calls them, such as devices.
  /// - Returns: its path.
  @discardableResult public func squash(
    _ name: String = "root.sqfs", _ options: String = "", pseudo: String = ""
  )
    throws -> String
  {
    folder.write(pseudo, to: "pseudo")
    try shell(
      "mksquashfs \(folder["root"]) \(folder[name]) -all-root -noappend -quiet -no-progress \(options) -pf \(folder["pseudo"])"
    )
    return folder[name]
  }

  /// Puts files into a new `.sif`, each with options of `siftool add`.
  ///
  /// - Returns: its path.
  @discardableResult public func save(_ name: String, _ parts: [(file: String, options: String)]) throws
    -> String
  {
    try shell("rm -f \(folder[name]); siftool new \(folder[name])")
    for part in parts { try shell("siftool add \(part.options) \(folder[name]) \(part.file)") }
    return folder[name]
  }

  /// An image as `apptainer build` saves one.
  @discardableResult public func save(_ name: String = "image.sif") throws -> String {
    try save(name, [(squash(), ApptainerImages.primary)])
  }

  /// The file system of an image for this machine.
  public static var primary: String { partition(type: 2, format: 1) }

  public static func partition(type: Int, format: Int, machine: Int? = nil) -> String {
    "--datatype 4 --parttype \(type) --partfs \(format) --partarch \(machine ?? ownMachine)"
  }

  public static var ownMachine: Int {
    #if arch(arm64)
      4
    #else
      2
    #endif
  }

  @discardableResult public func shell(_ script: String) throws -> String { try TestShell.run(script) }
}
