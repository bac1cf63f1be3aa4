internal import Glibc
internal import Synchronization
package import System

/// Artefacts that were written out once for all who read them as files, and change nothing: the inputs of commands in a
/// sandbox.
///
///     index/restored/<digest>/content    a file, or a folder; its modes are usual ones, and the commands' mounts read-only
///                             seal-1000  what the system said of all that is in it when it had been written, and its size,
///                                        sealed with the secret of the user with that number
///                             used       locked while somebody uses it; written to with every use
///
/// An executable file is another entry, `<digest>.x`, than the same bytes that are none; what a user has made of an image is that
/// user's own, `<digest>.image-1000`. An entry is made in `tmp/` and
/// renamed when it is complete. Nothing is flushed: where the bytes did not survive a power cut, the seal does not fit.
/// Whoever can write to the store can make an entry: what a user's own seal does not vouch for, that user's brake reads once
/// before it is believed.
///
/// Whoever uses an entry holds the lock of `used` together with others (`flock`), and whoever removes one holds it alone.
/// Where the store's file system has no locks that this machine alone keeps, there are no entries.
package final class RestoredInputs: Sendable {
  /// Bytes. When there are more, those that nobody uses go, the longest unused first. 0: there are no entries.
  package let budget: Int
  private let store: Store
  private let secret: UserSecret?
  private let folder: String
  private let state = Mutex(State())

  private struct State {
    /// By an entry's name: in one process an entry is written by one thread, and others wait.
    var gates: [String: Gate] = [:]
    /// By an entry's name.
    var sizes: [String: Int] = [:]
  }

  private final class Gate: Sendable { let lock = Mutex(()) }

  /// - Parameter secret: the user's; without one, the bytes are read with every use.
  package init(of store: Store, budget: Int, secret: UserSecret? = .own) {
    self.store = store
    self.budget = budget
    self.secret = secret
    folder = store.root + "/index/restored"
  }

  private var files: any FileSystem { store.files }

  /// What `BRAKE_RESTORED` says, and else 32 GiB.
  package static var usualBudget: Int { (try? givenBudget()) ?? 32 << 30 }

  /// What `BRAKE_RESTORED` says; nil if it says nothing.
  package static func givenBudget() throws(Failure) -> Int? {
    guard let text = getenv("BRAKE_RESTORED").map({ String(cString: $0) }), !text.isEmpty else { return nil }
    if text == "0" { return 0 }
    if let bytes = ByteAmount.bytes(text) { return bytes }
    throw Failure(
      .malformed, "BRAKE_RESTORED takes an amount such as 50G, or 0, not '\(text)'",
      hint: "the units are K, M, G and T, each 1024 of the one before it")
  }

  /// The artefact as a file or folder that nobody removes as long as the result is held.
  ///
  /// - Parameters:
  ///   - executable: whether a blob is to be a file that can be executed.
  ///   - write: writes the artefact to a path, if nobody has yet, and has checked the bytes when it returns.
  /// - Returns: nil where entries cannot be shared.
  package func borrow(
    _ artefact: Artefact, executable: Bool, write: (_ path: String) throws -> Void
  ) throws -> RestoredInput? {
    if budget == 0 { return nil }
    let name = artefact.digest.hex + (executable ? ".x" : "")
    return try borrow(
      Wanted(name: name) { [self] in (try? holds(artefact, executable, $0)) == true }
    ) { path in
      try write(path)
      try files.setUsualModes(path)
    }
  }

  /// A folder that is made of a container image, with links and modes of its own. Nothing but this user's seal says that it is what it
  /// should be.
  ///
  /// - Parameters:
  ///   - image: its digest.
  ///   - write: makes the folder at a path, if nobody has yet, and has checked all of it when it returns.
  /// - Returns: nil where entries cannot be shared.
  package func borrow(rootOf image: Digest, write: (_ path: String) throws -> Void) throws -> RestoredInput? {
    if budget == 0 || secret == nil { return nil }
    return try borrow(
      Wanted(name: "\(image.hex).image-\(geteuid())", hasLinks: true) { _ in false }, write)
  }

  /// An entry that somebody wants.
  private struct Wanted {
    let name: String
    var hasLinks = false
    /// Whether a content for which there is no seal is what it should be.
    let isRight: (_ path: String) -> Bool
  }

  private func borrow(_ wanted: Wanted, _ write: (_ path: String) throws -> Void) throws -> RestoredInput? {
    try gate(wanted.name).lock.withLock { _ in
      // Another process may remove what this one has just written or found.
      for _ in 0..<3 {
        if let input = try find(wanted) { return input }
        guard try make(wanted, write) else { return nil }
        if let input = try find(wanted) {
          shrink(to: budget)
          return input
        }
      }
      return nil
    }
  }

  private func gate(_ name: String) -> Gate {
    state.withLock { state in
      if let gate = state.gates[name] { return gate }
      let gate = Gate()
      state.gates[name] = gate
      return gate
    }
  }

  // MARK: Using

  /// An entry that is there, complete and unchanged; one that somebody has changed is removed.
  private func find(_ wanted: Wanted) throws -> RestoredInput? {
    let entry = folder + "/" + wanted.name
    guard let input = RestoredInput(entry, files: files) else { return nil }
    let seal = try? seal(of: entry, wanted)
    let place = entry + "/" + Seal.name
    if let seal, seal.isSecret, try files.contents(of: place, limit: 256) == seal.text {
      // The last of all: it tells when the entry was used, whoever may write to it.
      try? files.write([], to: entry + "/used")
      return input
    }
    // It was touched or copied, or comes from another mount or user, and may be what it was all the same.
    if let seal, wanted.isRight(entry + "/content"), let now = try? self.seal(of: entry, wanted),
      now.text == seal.text
    {
      // Where another user's folder takes no seal, it is read again.
      if seal.isSecret { try? files.replace(place, with: seal.text, by: store.temporaryPath()) }
      return input
    }
    try remove(wanted.name)
    return nil
  }

  private func seal(of entry: String, _ wanted: Wanted) throws -> Seal {
    try Seal(of: entry + "/content", wanted.name, secret, hasLinks: wanted.hasLinks, files: files)
  }

  private func holds(_ artefact: Artefact, _ executable: Bool, _ path: String) throws -> Bool {
    guard let status = try files.entry(path) else { return false }
    let isRight = artefact.kind == .tree ? status.isFolder : status.isExecutable == executable
    return try isRight && StatCache.artefact(reading: path, files: files).digest == artefact.digest
  }

  // MARK: Writing

  /// - Returns: false where this file system has no locks that can be relied on.
  private func make(_ wanted: Wanted, _ write: (String) throws -> Void) throws -> Bool {
    let entry = try store.temporaryFolder()
    defer { files.removeAll(entry) }
    try files.write([], to: entry + "/used")
    guard try InputFile(entry + "/used", files: files).isOnLocalDisk else { return false }
    do {
      try write(entry + "/content")
    } catch let error as Failure {
      guard error.isFull else { throw error }
      // What nobody uses has less right to the room.
      shrink(to: 0)
      files.removeAll(entry + "/content")
      try write(entry + "/content")
    }
    let seal = try seal(of: entry, wanted)
    try files.write(seal.text, to: entry + "/" + Seal.name)
    try store.makeFolders(folder)
    do {
      try files.rename(entry, to: folder + "/" + wanted.name)
    } catch {
      // Another process was faster.
      guard error.errno == ENOTEMPTY || error.errno == EEXIST else { throw error }
    }
    return true
  }

  // MARK: Removing

  /// Removes entries that nobody uses, the longest unused first, until the rest has so many bytes.
  /// - Parameter isTrial: whether to find out only what would be removed.
  /// - Returns: what was removed.
  @discardableResult package func shrink(
    to most: Int, isTrial: Bool = false
  ) -> (entries: Int, bytes: Int) {
    let names = (try? files.names(in: folder)) ?? []
    var entries = names.compactMap { name -> (name: String, size: Int, used: Int64)? in
      guard let used = try? files.entry("\(folder)/\(name)/used") else { return nil }
      return (name, size(of: name), used.modified)
    }
    var total = entries.reduce(0) { $0 &+ $1.size }
    var removed = (entries: 0, bytes: 0)
    if total <= most { return removed }
    entries.sort { ($0.used, $0.name) < ($1.used, $1.name) }
    for entry in entries where total > most && removeIfUnused(entry.name, isTrial: isTrial) {
      total -= entry.size
      removed.entries += 1
      removed.bytes += entry.size
    }
    return removed
  }

  /// Holds the lock alone meanwhile. Who gets it afterwards finds out that the entry is gone.
  private func removeIfUnused(_ name: String, isTrial: Bool) -> Bool {
    let path = "\(folder)/\(name)/used"
    guard let file = try? files.open(path, followingLinks: false) else { return false }
    defer { try? files.close(file, path: path) }
    guard LifeSign.isLocal(file), FileLock.take(file) else { return false }
    return isTrial || (try? remove(name)) != nil
  }

  /// Takes an entry away at one stroke, then removes it. Those who still read it, as through a mount, can go on.
  private func remove(_ name: String) throws {
    // As of a folder whose owner is dead, which others remove if this process is killed. A full disk has no room for one's own.
    let grave = "\(store.root)/tmp/\(ProcessFolder.randomName()).dead"
    try files.rename(folder + "/" + name, to: grave)
    files.removeAll(grave)
    state.withLock { _ = $0.sizes.removeValue(forKey: name) }
  }

  private func size(of name: String) -> Int {
    if let size = state.withLock({ $0.sizes[name] }) { return size }
    // Anybody's: all tell the same size.
    let seal = try? files.names(in: "\(folder)/\(name)").first { $0.hasPrefix("seal") }
    let text = seal.flatMap { try? files.contents(of: "\(folder)/\(name)/\($0)", limit: 256) }
    let size = text.flatMap { Seal.size(in: $0) } ?? 0
    state.withLock { $0.sizes[name] = size }
    return size
  }
}

/// A file or folder that nobody removes as long as this is held. It must not be written to.
package final class RestoredInput: Sendable {
  package let path: String
  private let files: any FileSystem
  private let lock: Int32

  /// Nil if the entry is not there, is about to be removed, or cannot be locked.
  fileprivate init?(_ entry: String, files: any FileSystem) {
    let used = entry + "/used"
    guard (try? files.entry(entry))?.isFolder == true,
      let lock = try? files.open(used, followingLinks: false)
    else { return nil }
    self.lock = lock
    self.files = files
    // Who reads it may be in another folder than this process, to which the path of a store may be relative.
    path = (try? files.realPath(entry + "/content")) ?? entry + "/content"
    // Somebody may have removed it before the lock was taken.
    guard LifeSign.isLocal(lock), FileLock.take(lock, shared: true),
      let locked = try? files.status(of: lock, path: used), let found = try? files.entry(used),
      locked.isSameFile(as: found)
    else { return nil }
  }

  deinit { try? files.close(lock, path: path) }
}

/// What the system says of a file, or of a folder and all that is in it: as long as it says the same, nothing was written. Only
/// who knows the secret can have made it.
private struct Seal {
  let text: [UInt8]
  /// Whether it proves anything.
  let isSecret: Bool

  /// Of this user's, in an entry.
  static let name = "seal-\(geteuid())"

  /// - Parameters:
  ///   - entry: the name of the entry, so that the seal of one is none of another to which its content is moved.
  ///   - hasLinks: whether there may be links.
  /// - Throws: also for what is neither file nor folder.
  init(
    of path: String, _ entry: String, _ secret: UserSecret?, hasLinks: Bool, files: any FileSystem
  ) throws {
    var bytes: [UInt8] = []
    var size = 0
    func visit(_ path: String, _ name: String) throws {
      guard let status = try files.entry(path),
        status.isFile || status.isFolder || hasLinks && status.isLink
      else {
        throw Failure(.refused, "\(path) is neither a file nor a folder")
      }
      bytes += Array(name.utf8) + [0, status.isFolder ? 2 : status.isLink ? 3 : status.isExecutable ? 1 : 0]
      bytes += status.key.bytes
      if status.isFile { size += Int(status.size) }
      guard status.isFolder else { return }
      for entry in try files.names(in: path) { try visit(path + "/" + entry, name + "/" + entry) }
    }
    try visit(path, entry)
    let head = Array("brake seal 2 \(size)\n".utf8)
    isSecret = secret != nil
    let digest = secret?.seal(of: head + bytes) ?? Digest(of: head + bytes)
    text = head + Array("\(digest.hex)\n".utf8)
  }

  /// The size that a seal tells.
  static func size(in text: [UInt8]) -> Int? {
    let words = String(decoding: text, as: UTF8.self).split(whereSeparator: \.isWhitespace)
    // Sums of as many as there are files stay in range.
    return words.count == 5 ? Int(words[3]).flatMap { 0..<1 << 50 ~= $0 ? $0 : nil } : nil
  }
}
