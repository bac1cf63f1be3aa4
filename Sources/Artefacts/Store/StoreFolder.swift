internal import System

/// Which folders are stores, and which may become one.
struct StoreFolder {
  let root: String
  let files: any FileSystem

  /// A store without segments, which older brakes know as well.
  static let format = "brake store 1\n"
  static let segmented = "brake store 2\n"
  /// A store in which objects may be differences from others, and which may have segments.
  static let repacked = "brake store 3\n"
  private static let parts = [
    "actions", "aside", "catalogue", "failed", "index", "leases", "objects", "pins", "quarantine", "refs",
    "remotes", "removed", "runs", "segments", "shared", "signatures", "tmp", "told",
  ]
  /// What may stand in a folder that is to become a store.
  private static let harmless: Set = [".gitignore", ".gitkeep", "README", "README.md"]

  /// Whether the folder is a store already.
  /// - Throws: if it is one of another format or with links in it, or if it could not become one, since it holds things that
  ///   are none of brake's.
  func isStore() throws(Failure) -> Bool {
    if try isFormatted() {
      for part in StoreFolder.parts { try files.checkOwnFolder(root + "/" + part) }
      for part in ["detached", "failures", "jobs", "made", "restored", "running", "runs"] {
        try files.checkOwnFolder(root + "/index/" + part)
      }
      return true
    }
    guard let status = try files.status(root) else { return false }
    guard status.isFolder else {
      throw Failure(.refused, "\(root) is \(status.kind), and no store", hint: StoreFolder.hint)
    }
    let others = try files.names(in: root).filter {
      !StoreFolder.harmless.contains($0) && !StoreFolder.isBeginning($0) && !isLeftBehind($0)
    }
    if others.isEmpty { return false }
    // Another process may have made it one a moment ago.
    if others.contains("format"), try isFormatted() { return true }
    throw Failure(
      .refused,
      "the folder \(root) is no store, and holds other things: "
        + others.prefix(3).map(\.debugDescription).joined(separator: ", ") + (others.count > 3 ? ", …" : ""),
      hint: StoreFolder.hint)
  }

  /// Makes the folder a store if it is none, durably. Whoever is killed on the way leaves a folder that can still become
  /// one: `format` is the first of a store that has a name of its own.
  func make() throws {
    if try isStore() { return }
    for folder in try files.makeFolders(root) { try files.synchronise(folder) }
    do { try write(StoreFolder.format) } catch {
      // Another process that made the store at the same time may have tidied up.
      if try isStore() { return }
      throw error
    }
    for name in try files.names(in: root) where StoreFolder.isBeginning(name) {
      try? files.remove(root + "/" + name)
    }
  }

  /// Says that the store has segments, before it has any: a brake that does not know them would not find what is in them.
  func makeSegmented() throws {
    if try [StoreFolder.segmented, StoreFolder.repacked].contains(where: has) { return }
    try write(StoreFolder.segmented)
  }

  /// Whether it says that it holds differences.
  func isRepacked() throws -> Bool { try has(StoreFolder.repacked) }

  /// Says that the store holds differences, before it does: a brake that does not know them could not read them.
  func makeRepacked() throws { if try !isRepacked() { try write(StoreFolder.repacked) } }

  /// Says that the store holds no difference any more. It may have segments.
  func makeUnpacked() throws { if try isRepacked() { try write(StoreFolder.segmented) } }

  private func has(_ format: String) throws -> Bool {
    try files.contents(of: root + "/format", limit: 256) == Array(format.utf8)
  }

  private func write(_ format: String) throws {
    try files.replace(
      root + "/format", with: Array(format.utf8), by: "\(root)/format.\(ProcessFolder.randomName())")
  }

  private func isFormatted() throws(Failure) -> Bool {
    let path = root + "/format"
    guard let status = try files.status(path, followingLinks: false) else { return false }
    let format = status.isFile ? try files.contents(of: path, limit: 256) : []
    guard let format else { return false }
    let known = [StoreFolder.format, StoreFolder.segmented, StoreFolder.repacked]
    if known.contains(where: { format == Array($0.utf8) }) { return true }
    throw Failure(
      format.starts(with: "brake store ".utf8) ? .newer : .refused,
      "\(root) is not a store that this brake knows (see \(path))",
      hint: "use a newer brake, or another folder with --store")
  }

  /// A `format` that someone was killed while writing.
  private static func isBeginning(_ name: String) -> Bool {
    name.hasPrefix("format.") && ProcessFolder.isRandomName(name.dropFirst(7))
  }

  /// A `tmp` of a place whose first file somebody was sending when the connection was cut.
  private func isLeftBehind(_ name: String) -> Bool {
    guard name == "tmp", let kind = try? files.entry("\(root)/tmp"), kind.isFolder else { return false }
    return ((try? files.names(in: root + "/tmp")) ?? [""]).allSatisfy { ProcessFolder.isRandomName($0[...]) }
  }

  private static let hint = "name an empty or a new folder with --store PATH or BRAKE_STORE"
}
