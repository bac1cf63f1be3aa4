import Archives
import Artefacts
package import System

/// Makes one folder of the layers of an image, as it would be the root of a container.
///
/// Whoever unpacks owns all of it, and can read it: set-user-id bits are dropped, devices passed over. The image may come from anyone:
/// nothing is written outside of the folder, and no more than the layers can hold that are there.
package struct ImageUnpacking {
  private let saved: SavedImage
  private let root: ImageRoot

  /// What an image may hold beyond what hurts nobody: so many times the bytes that its layers take.
  private let ratio: Int
  private let harmless: Int
  private static let mostEntries = 5_000_000

  /// - Parameter path: of a folder that is not there.
  package init(
    _ saved: SavedImage, to path: String, files: any FileSystem, harmless: Int = 4 << 30, ratio: Int = 200
  ) {
    self.saved = saved
    self.ratio = ratio
    self.harmless = harmless
    root = ImageRoot(path: path, files: files)
  }

  /// What is mounted over in every container.
  package static let mountPoints = ["dev", "etc", "media", "mnt", "proc", "srv", "sys", "tmp"]
  package static let mountedFiles = ["hosts", "resolv.conf"]

  /// - Throws: what is wrong with the image. What was written until then is there.
  package func run() throws {
    try root.files.makeFolder(root.path)
    try root.files.setMode(root.path, to: 0o755)
    let size = saved.layers.reduce(0) { $0 &+ $1.file.size }
    let (allowed, overflow) = size.multipliedReportingOverflow(by: ratio)
    var left = overflow ? Int.max : max(harmless, allowed)
    var entries = ImageUnpacking.mostEntries
    for (layer, digest) in zip(saved.layers, saved.image.layers) {
      left -= try layer.unpacked(digest, limit: left) { bytes in
        try add(TarEntries(bytes, most: entries, hasEnd: false), &entries)
      }
    }
    for name in ImageUnpacking.mountPoints { try root.makeMountPoint(name) }
    for name in ImageUnpacking.mountedFiles { try root.makeMountPoint(name, in: "etc") }
  }

  private func add(_ layer: consuming TarEntries, _ left: inout Int) throws {
    var layer = layer
    // What stands in this layer is no business of its own whiteouts.
    var own = LayerPaths()
    while let entry = try layer.next() {
      left -= 1
      let parts = try ImageUnpacking.parts(entry.name)
      guard let name = parts.last else { continue }
      if name.hasPrefix(Whiteout.prefix) {
        try Whiteout(name).apply(in: parts.dropLast(), of: root, sparing: own)
        continue
      }
      guard let folder = try root.folder(of: parts, making: true) else { continue }
      try make(entry, at: folder + [name], &layer)
      try own.add(folder + [name])
    }
  }

  private static func parts(_ name: String) throws -> [String] {
    let parts = name.split(separator: "/").filter { $0 != "." }.map(String.init)
    guard !parts.contains("..") else {
      throw ImageFault.refused("a file called \(name.debugDescription)")
    }
    return parts
  }

  private func make(_ entry: TarEntries.Entry, at parts: [String], _ layer: inout TarEntries) throws {
    let files = root.files
    let path = root.path(parts)
    let mode = UInt32(entry.mode & 0o777)
    let there = try files.entry(path)
    switch entry.kind {
    case .folder:
      if there?.isFolder != true {
        if there != nil { files.removeAll(path) }
        try files.makeFolder(path)
      }
      return try files.setMode(path, to: mode | 0o700)
    case .file:
      if there != nil { files.removeAll(path) }
      try files.writeFile(path, mode: 0o600) { try layer.forEachPiece($0) }
      try files.setMode(path, to: mode | 0o600)
      try files.setModified(path, to: entry.modified)
    case .link:
      guard !entry.target.isEmpty else { throw ImageFault.malformed("a link that leads nowhere") }
      if there != nil { files.removeAll(path) }
      try files.makeLink(path, to: entry.target)
    case .hardLink:
      try link(try ImageUnpacking.parts(entry.target), to: parts, isThere: there != nil)
    // There are others in the place where it runs.
    case .characterDevice, .blockDevice, .pipe: return
    case .extended, .global, .longName, .longTarget: return
    }
  }

  private func link(_ target: [String], to parts: [String], isThere: Bool) throws {
    guard let name = target.last, let folder = try root.folder(of: target, making: false),
      let status = try root.files.entry(root.path(folder + [name])), !status.isFolder
    else {
      throw ImageFault.malformed(
        "'\(parts.joined(separator: "/"))' is another name of a file that is not there")
    }
    if folder + [name] == parts { return }
    let path = root.path(parts)
    if isThere { root.files.removeAll(path) }
    guard try root.files.link(root.path(folder + [name]), to: path) else {
      throw Failure(.system, "cannot link \(path)")
    }
  }
}
