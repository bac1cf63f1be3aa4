import Artefacts
import JSON
import System

/// What of an action that has not succeeded yet is in the store, and how often attempts went on from it:
///
///     failed/KEY-saved.json    {"brake":"saved 1","members":[{"digest":…,"key":"64","modified":…,"output":"checkpoints",
///                              "path":"ckpt/step_64.pt","size":…}],"resumed":2}
struct SavedList: Sendable, Equatable {
  struct Member: Sendable, Hashable {
    let output: String
    let key: String
    /// In the folder of the command.
    let path: String
    let digest: Digest
    let size: Int
    let isExecutable: Bool
    /// When its file was last written, in nanoseconds since 1970.
    let modified: Int64
  }

  /// In the order in which they were finished.
  var members: [Member] = []
  /// How many attempts were given what earlier ones had saved.
  var timesResumed = 0

  /// More than that are not kept before the end.
  static let most = 100_000
  private static let limit = 256 << 20

  static func path(of key: Digest, in store: Store) -> String { "\(store.root)/failed/\(key.hex)-saved.json" }

  /// Empty if there is none, or nobody can read it: it saves work, and nothing else.
  init(of key: Digest, in store: Store) {
    guard
      let bytes = (try? store.files.contents(of: SavedList.path(of: key, in: store), limit: SavedList.limit))
        ?? nil,
      let json = try? JSON(parsing: bytes), json["brake"]?.string == "saved 1"
    else { return }
    members = (json["members"]?.array ?? []).compactMap(SavedList.member)
    timesResumed = max(0, json["resumed"]?.integer ?? 0)
  }

  /// Whether there is a list, and it is not empty. It may be long, and is not read for that.
  static func hasMembers(of key: Digest, in store: Store) -> Bool {
    let start = Array((head + "{").utf8)
    do {
      guard let file = try InputFile.ifPresent(path(of: key, in: store), files: store.files) else {
        return false
      }
      return try file.bytes(at: 0, count: start.count) == start
    } catch {
      return false
    }
  }

  /// With what each begins, as canonical JSON.
  private static let head = #"{"brake":"saved 1","members":["#

  private static func member(_ json: JSON) -> Member? {
    guard let output = json["output"]?.string, let key = json["key"]?.string, let path = json["path"]?.string,
      let digest = json["digest"]?.string.flatMap({ Digest($0) }), let size = json["size"]?.integer,
      size >= 0,
      let modified = json["modified"]?.integer, SavedFiles.isSound(path)
    else { return nil }
    return Member(
      output: output, key: key, path: path, digest: digest, size: size,
      isExecutable: json["mode"]?.string == "755", modified: Int64(modified))
  }

  func write(for key: Digest, in store: Store) throws {
    try SavedList.write(
      members.lazy.map(SavedList.bytes), timesResumed: timesResumed, for: key, in: store)
  }

  /// What a list says of a member, as canonical JSON.
  static func bytes(of member: Member) -> [UInt8] {
    var fields: [String: JSON] = [
      "output": .string(member.output), "key": .string(member.key), "path": .string(member.path),
      "digest": .string(member.digest.description), "size": .integer(Int64(member.size)),
      "modified": .integer(member.modified),
    ]
    if member.isExecutable { fields["mode"] = "755" }
    return JSON.object(fields).canonicalBytes
  }

  /// - Parameter members: as `bytes(of:)` gives them.
  static func write(
    _ members: some Sequence<[UInt8]>, timesResumed: Int, for key: Digest, in store: Store
  ) throws {
    var bytes = Array(head.utf8)
    for (number, member) in members.enumerated() {
      if number > 0 { bytes.append(UInt8(ascii: ",")) }
      bytes += member
    }
    bytes += Array(#"],"resumed":\#(timesResumed)}"#.utf8)
    let path = SavedList.path(of: key, in: store)
    try store.makeFolders(parentFolder(of: path))
    try store.files.replace(path, with: bytes, by: store.temporaryPath())
  }

  /// What all lists in a store name.
  static func digests(in store: Store) -> [Digest] {
    let folder = "\(store.root)/failed"
    return ((try? store.files.names(in: folder)) ?? []).sorted().flatMap { name -> [Digest] in
      guard name.hasSuffix("-saved.json"), let key = Digest(String(name.dropLast("-saved.json".count))) else {
        return []
      }
      return SavedList(of: key, in: store).members.map(\.digest)
    }
  }
}
