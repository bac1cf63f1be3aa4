internal import JSON
internal import System

/// One folder: its entries by name, with the digests of what they hold. Subfolders are trees of their own, named by
/// digest, so that equal folders are stored once wherever they stand.
///
/// The manifest is canonical JSON, `{"brake":"tree 1","entries":[{"digest":…,"mode":…,"name":…,"size":…},…]}`, and the
/// tree's digest is that of the manifest. Any bytes that read as such a manifest are a tree.
public struct Tree: Hashable, Sendable {
  public enum Mode: String, Sendable {
    case file = "644"
    case executable = "755"
    case tree
  }

  public struct Entry: Hashable, Sendable {
    public let name: String
    public let mode: Mode
    /// Bytes of the file, or of all files under the subfolder.
    public let size: Int
    public let digest: Digest
  }

  /// Sorted by the UTF-8 bytes of their names.
  public let entries: [Entry]
  /// Bytes of all files under it.
  public let size: Int

  static let opening = Array(#"{"brake":"tree 1","entries":["#.utf8)
  static let anyOpening = Array(#"{"brake":"tree "#.utf8)
  /// Bytes of a manifest: half a million files in one folder.
  public static let manifestLimit = 64 << 20
  /// Folders in folders.
  static let depthLimit = 128
  /// Files and folders under a tree that is written out.
  static let fileLimit = 10_000_000

  init(entries: [Entry]) throws(Failure) {
    self.entries = entries.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    var size = 0
    for (index, entry) in self.entries.enumerated() {
      try Tree.check(name: entry.name)
      if index > 0, self.entries[index - 1].name.utf8.elementsEqual(entry.name.utf8) {
        throw Failure(.refused, "a tree names '\(entry.name)' twice")
      }
      let (sum, overflow) = size.addingReportingOverflow(entry.size)
      if overflow || entry.size < 0 { throw Failure(.refused, "the sizes in a tree are out of range") }
      size = sum
    }
    self.size = size
  }

  /// Reads a manifest, and refuses whatever is not the canonical manifest of a folder that can be made anywhere.
  init(manifest bytes: [UInt8]) throws {
    guard bytes.count <= Tree.manifestLimit, bytes.starts(with: Tree.opening),
      let json = try? JSON(parsing: bytes), let list = json["entries"]?.array
    else { throw Failure(.refused, "not the manifest of a tree") }
    try self.init(entries: try list.map(Tree.entry))
    guard manifest == bytes else { throw Failure(.refused, "the manifest of a tree is not canonical") }
  }

  /// The same, for messages that name the tree.
  init(_ digest: Digest, manifest bytes: [UInt8]) throws {
    do { self = try Tree(manifest: bytes) } catch let error as Failure {
      if FormatVersion.isNewer(bytes, kind: "tree", known: 1) {
        throw Failure.newer("the tree \(digest)")
      }
      throw Failure(
        .refused, "\(digest) is not a tree: \(error.headline)", facts: error.facts, hint: error.hint,
        cause: error)
    }
  }

  /// The canonical bytes that the tree's digest is of.
  var manifest: [UInt8] {
    let list = entries.map { entry -> JSON in
      [
        "name": .string(entry.name), "mode": .string(entry.mode.rawValue),
        "size": .integer(Int64(entry.size)),
        "digest": .string(entry.digest.description),
      ]
    }
    return (["brake": "tree 1", "entries": .array(list)] as JSON).canonicalBytes
  }

  private static func entry(_ json: JSON) throws -> Entry {
    guard let name = json["name"]?.string, let mode = json["mode"]?.string.flatMap(Mode.init),
      let size = json["size"]?.integer, let digest = json["digest"]?.string.flatMap({ Digest($0) })
    else { throw Failure(.refused, "an entry in the manifest of a tree is malformed") }
    return Entry(name: name, mode: mode, size: size, digest: digest)
  }

  private static func check(name: String) throws(Failure) {
    guard let fault = EntryName.fault(of: name) else { return }
    throw Failure(
      .refused, "a tree cannot have an entry named \(name.debugDescription): \(fault)",
      hint: "rename it (ls -b shows it)")
  }
}
