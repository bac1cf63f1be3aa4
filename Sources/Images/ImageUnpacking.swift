import Archives
import Artefacts
package import System

/// Makes one folder of the layers of an image, or of its file system, as it would be the root of a container.
///
/// Whoever unpacks owns all of it, and can read it: set-user-id bits are dropped, devices passed over. The image may come from anyone:
/// nothing is written outside of the folder, and no more than hurts nobody or its size can be meant to hold. It ends when the task is
/// cancelled.
package struct ImageUnpacking {
  private let saved: SavedImage
  private let root: ImageRoot

  /// What an image may hold beyond what hurts nobody: so many times the bytes that its layers take.
  private let ratio: Int
  private let harmless: Int
  private let mostEntries: Int
  private let threads: Int
  private let searchPath: String?

  /// - Parameters:
  ///   - path: of a folder that is not there.
  ///   - threads: how many a program that unpacks may use.
  ///   - searchPath: the folders that such programs are looked for in, as PATH; nil for the user's own.
  package init(
    _ saved: SavedImage, to path: String, files: any FileSystem, harmless: Int = 4 << 30, ratio: Int = 200,
    mostEntries: Int = 5_000_000, mostSteps: Int = 4_000_000, threads: Int = Processors.available,
    searchPath: String? = nil
  ) {
    self.mostEntries = mostEntries
    self.saved = saved
    self.threads = threads
    self.searchPath = searchPath
    self.ratio = ratio
    self.harmless = harmless
    root = ImageRoot(path: path, files: files, mostSteps: mostSteps)
  }

  /// What is mounted over in every container.
  package static let mountPoints = ["dev", "etc", "media", "mnt", "proc", "srv", "sys", "tmp"]
  package static let mountedFiles = ["hosts", "resolv.conf"]

  /// - Throws: `ImageChanged`, or what is wrong with the image. What was written until then is there.
  package func run() throws {
    // What is missing is told before gigabytes are copied.
    let programs = try saved.root.map { _ in
      try UnpackingPrograms(threads: threads, searchPath: searchPath)
    }
    try root.files.makeFolder(root.path)
    try root.files.setMode(root.path, to: 0o755)
    let size = saved.root?.size ?? saved.layers.reduce(0) { $0 &+ $1.file.size }
    let (allowed, overflow) = size.multipliedReportingOverflow(by: ratio)
    let allowance = ImageAllowance(
      entries: mostEntries, bytes: overflow ? Int.max : max(harmless, allowed))
    if let file = saved.root, let programs {
      try SquashedRoot(file: file, id: saved.image.id, root: root).unpack(allowance, by: programs)
    }
    try add(saved.layers, allowance)
    for name in ImageUnpacking.mountPoints { try root.makeMountPoint(name) }
    for name in ImageUnpacking.mountedFiles { try root.makeMountPoint(name, in: "etc") }
  }

  private func add(_ layers: [SavedImage.Layer], _ allowance: ImageAllowance) throws {
    var times = FolderTimes()
    for (layer, digest) in zip(layers, saved.image.layers) {
      let count = try layer.unpacked(digest, limit: allowance.bytes) { bytes in
        try add(TarEntries(bytes, hasEnd: false), allowance, &times)
      }
      try allowance.take(bytes: count)
    }
    // What is made in a folder changes its time.
    try times.set(in: root)
  }

  private func add(
    _ layer: consuming TarEntries, _ allowance: ImageAllowance, _ times: inout FolderTimes
  ) throws {
    var layer = layer
    // What stands in this layer is no business of its own whiteouts.
    var own = LayerPaths()
    while let entry = try layer.next() {
      try allowance.takeEntry()
      root.allowEntry()
      let parts = try ImageUnpacking.parts(entry.name)
      guard let name = parts.last else { continue }
      if Whiteout.isOne(name) {
        try Whiteout(name).apply(in: parts.dropLast(), of: root, sparing: &own)
        continue
      }
      guard let folder = try root.folder(of: parts, making: allowance) else { continue }
      let place = folder + [name]
      if ImageUnpacking.isFolder(entry) {
        try makeFolder(place, entry, allowance)
        try times.note(place, ImageUnpacking.modified(entry))
      } else {
        try make(entry, at: place, &layer)
      }
      try own.add(place)
    }
  }

  private static func parts(_ name: String) throws -> [String] {
    let parts = ImagePath.names(name)
    guard !parts.contains("..") else {
      throw ImageFault.refused("a file called \(name.debugDescription)")
    }
    return parts
  }

  /// Programs from before there was a kind for folders write a file whose name ends like that of one.
  private static func isFolder(_ entry: TarEntries.Entry) -> Bool {
    entry.kind == .folder || entry.kind == .file && entry.name.utf8.last == UInt8(ascii: "/")
  }

  /// In nanoseconds since 1970; a time that no such number can tell becomes the last that one can, in 2262.
  private static func modified(_ entry: TarEntries.Entry) -> Int64 {
    Int64(min(entry.modified, Int(Int64.max) / 1_000_000_000)) * 1_000_000_000
  }

  private func makeFolder(
    _ parts: [String], _ entry: TarEntries.Entry, _ allowance: ImageAllowance
  ) throws {
    let path = try root.path(parts)
    let there = try root.files.entry(path)
    if there?.isFolder != true {
      if there != nil { root.files.removeAll(path) }
      try allowance.takeFolder()
      try root.files.makeFolder(path)
    }
    try root.files.setMode(path, to: UInt32(entry.mode & 0o777) | 0o700)
  }

  private func make(_ entry: TarEntries.Entry, at parts: [String], _ layer: inout TarEntries) throws {
    let files = root.files
    let path = try root.path(parts)
    let mode = UInt32(entry.mode & 0o777)
    let there = try files.entry(path)
    switch entry.kind {
    case .file:
      if there != nil { files.removeAll(path) }
      try files.writeFile(path, mode: 0o600) { try layer.forEachPiece($0) }
      try files.setMode(path, to: mode | 0o600)
      try files.setModified(path, to: ImageUnpacking.modified(entry))
    case .link:
      guard !entry.target.isEmpty else { throw ImageFault.malformed("a link that leads nowhere") }
      if there != nil { files.removeAll(path) }
      try files.makeLink(path, to: entry.target)
      try files.setModified(path, to: ImageUnpacking.modified(entry))
    case .hardLink:
      try link(try ImageUnpacking.parts(entry.target), to: parts, isThere: there != nil)
    // There are others in the place where it runs; what stood there is no longer part of the image.
    case .characterDevice, .blockDevice, .pipe: if there != nil { files.removeAll(path) }
    case .folder, .extended, .global, .longName, .longTarget: return
    }
  }

  private func link(_ target: [String], to parts: [String], isThere: Bool) throws {
    guard let name = target.last, let folder = try root.folder(of: target),
      let status = try root.files.entry(root.path(folder + [name])), !status.isFolder
    else {
      throw ImageFault.malformed(
        "'\(parts.joined(separator: "/"))' is another name of a file that is not there")
    }
    if ImagePath.bytes(folder + [name]) == ImagePath.bytes(parts) { return }
    let path = try root.path(parts)
    if isThere { root.files.removeAll(path) }
    guard try root.files.link(root.path(folder + [name]), to: path) else {
      throw Failure(.system, "cannot link \(path)")
    }
  }
}
