internal import System

/// What files and folders were at one time, so that another process can tell later, without reading them, that nothing
/// has happened to any of them.
///
/// Each is a path and what the stat cache goes by. As there, nothing counts that was written less than one tick of its
/// file system's clock before the sightings began: it could have been written again since without a new time stamp.
public struct Sightings: Sendable {
  private let start: FileClock.Moment
  private let clock: FileClock
  private let disk: any FileSystem
  private var entries: [UInt8] = []
  private var seen: Set<String> = []

  /// Begins: what is added later must not have changed since.
  public init(for store: Store) {
    disk = store.files
    clock = store.clock
    start = clock.moment()
  }

  /// Something is not there, is not what it should be, or may still change unseen.
  private struct Unsettled: Error {}

  /// Adds a file or folder of the workspace, with all that is in it.
  /// - Throws: if its digest is not the one given, or cannot be told from the cache alone.
  public mutating func add(_ path: String, holding digest: Digest, knownTo files: StatCache) throws {
    if seen.contains(path) { return }
    var found: [(String, FileStatus)] = []
    let walk = FolderWalk(
      files: disk,
      file: { path, status in
        guard let artefact = files.remembered(status) else { throw Unsettled() }
        found.append((path, status))
        return artefact
      },
      enter: { found.append(($0, $1)) },
      manifest: { Digest(of: $0) })
    guard try walk.node(at: path).digest == digest else { throw Unsettled() }
    for (path, status) in found { try add(path, status) }
  }

  /// Adds a file whose bytes only their owner knows.
  public mutating func add(_ path: String) throws {
    if seen.contains(path) { return }
    guard let status = try disk.status(path) else { throw Unsettled() }
    try add(path, status)
  }

  /// Adds the record of an action.
  public mutating func add(recordOf key: Digest, in store: Store) throws { try add(store.recordPath(key)) }

  /// Adds the bytes of an object.
  public mutating func add(object digest: Digest, in store: Store) throws {
    try add(store.objectPath(digest))
  }

  /// Adds that an object, found after the sightings began, is there: by the folder that it stands in, which would not be
  /// the same without it.
  public mutating func add(presenceOf digest: Digest, in store: Store) throws {
    try add(parentFolder(of: store.objectPath(digest)))
  }

  private mutating func add(_ path: String, _ status: FileStatus) throws {
    guard clock.isSettled(status, at: path, since: start), path.utf8.count <= UInt16.max else {
      throw Unsettled()
    }
    guard seen.insert(path).inserted else { return }
    entries += status.key.bytes
    entries += UInt16(path.utf8.count).littleEndianBytes
    entries += path.utf8
    entries.append(0)
  }

  // MARK: The file

  // A digest of all that follows, a key, the length of a note (4 bytes), the note, and of each sighting: device, inode,
  // size, mtime, ctime (8 bytes each), the length of its path (2 bytes), the path and a zero. Little-endian.

  private static let limit = 64 << 20

  /// Sixteen files take turns, so that they never need to be cleaned up.
  private static func path(_ key: Digest, in store: Store) -> String {
    "\(store.root)/index/run-\(key.hex.prefix(1))"
  }

  /// Keeps a note for as long as nothing happens to what was sighted. It may be forgotten at any time.
  public func keep(_ note: [UInt8], as key: Digest, in store: Store) throws {
    let body = key.bytes + UInt32(note.count).littleEndianBytes + note + entries
    let bytes = Digest(of: body).bytes + body
    if bytes.count > Sightings.limit { return }
    let temporary = try store.temporaryPath()
    _ = try store.makeFolders(store.root + "/index")
    try store.files.replace(Sightings.path(key, in: store), with: bytes, by: temporary)
  }

  /// The note that was kept; nil if there is none, or anything that was sighted is not what it was then.
  public static func note(_ key: Digest, in store: Store) -> [UInt8]? {
    guard let bytes = try? store.files.contents(of: path(key, in: store), limit: limit), bytes.count >= 68,
      bytes[32..<64].elementsEqual(key.bytes)
    else { return nil }
    return bytes.withUnsafeBytes { raw in
      let body = UnsafeRawBufferPointer(rebasing: raw[32...])
      let length = Int(UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: 64, as: UInt32.self)))
      guard bytes[..<32].elementsEqual(Digest(of: body).bytes), length <= raw.count - 68,
        holds(UnsafeRawBufferPointer(rebasing: raw[(68 + length)...]), on: store.files)
      else { return nil }
      return Array(bytes[68..<68 + length])
    }
  }

  /// Whether everything still is what it was.
  private static func holds(_ entries: UnsafeRawBufferPointer, on files: any FileSystem) -> Bool {
    var rest = entries[...]
    while !rest.isEmpty {
      let entry = UnsafeRawBufferPointer(rebasing: rest)
      guard entry.count > 42 else { return false }
      let end = 42 + Int(UInt16(littleEndian: entry.loadUnaligned(fromByteOffset: 40, as: UInt16.self)))
      guard end < entry.count, entry[end] == 0 else { return false }
      let path = String(decoding: UnsafeRawBufferPointer(rebasing: entry[42..<end]), as: UTF8.self)
      guard let status = try? files.status(path), status.key == FileStatus.Key(entry, at: 0) else {
        return false
      }
      rest = rest.dropFirst(end + 1)
    }
    return true
  }
}
