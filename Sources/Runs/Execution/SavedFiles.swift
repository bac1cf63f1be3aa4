import Artefacts
import Synchronization
import System

/// What commands have said to be complete, kept at once under another name, so that a later attempt of the same action can go on
/// from it, whatever ends this one.
///
///     failed/KEY-saved/checkpoints/64.pt    under its path in the folder of the command
///     failed/KEY-saved.json                 what of growing outputs is in the store (`SavedList`)
///     failed/KEY-saved.log and others       what the attempts printed and took that saved it (`AttemptTrace`)
///
/// It is kept until the action succeeds, and for two weeks behind the last file at most.
struct SavedFiles: Sendable {
  private let store: Store
  private var files: any FileSystem { store.files }

  private static let longest = 1024
  private static let deepest = 32
  /// What a list says that was attempted more often is not believed.
  private static let mostResumed = 1 << 30
  private static let lifetime: Int64 = 14 * 86_400 * 1_000_000_000

  init(store: Store) { self.store = store }

  private func folder(of key: Digest) -> String { "\(store.root)/failed/\(key.hex)-saved" }

  /// The folder with what was saved of an action, absolute; nil if nothing was.
  func folder(for key: Digest) -> String? {
    let folder = folder(of: key)
    guard (try? files.entry(folder))?.isFolder == true, (try? files.names(in: folder))?.isEmpty == false
    else {
      return nil
    }
    return (try? files.realPath(folder)) ?? nil
  }

  /// Whether anything is kept of an action.
  func hasSaved(_ key: Digest) -> Bool { folder(for: key) != nil || SavedList.hasMembers(of: key, in: store) }

  /// Makes ready what an attempt can go on from, and counts the attempt.
  ///
  /// - Parameter isPlaced: whether it also gets what of growing outputs is in the store.
  /// - Returns: the folder with it, absolute; nil if there is nothing.
  func resume(_ key: Digest, isPlaced: Bool) -> String? {
    if isPlaced { try? restore(key) }
    guard let folder = folder(for: key) else { return nil }
    var list = SavedList(of: key, in: store)
    list.timesResumed = min(list.timesResumed, SavedFiles.mostResumed) + 1
    try? list.write(for: key, in: store)
    return folder
  }

  /// Puts what the list names where an attempt finds it. What the store has not any more is made again, and with it all that was
  /// finished later: that leaves the list.
  ///
  /// - Throws: what else went wrong, such as a full disk; list and files are as they were then.
  func restore(_ key: Digest) throws {
    var list = SavedList(of: key, in: store)
    if list.members.isEmpty { return }
    let contents = StatCache(store: store)
    defer { try? contents.save() }
    var there = 0
    while there < list.members.count {
      do { try restore(list.members[there], of: key, contents) } catch let error as Failure {
        if error.isLoss { break }
        throw error
      }
      there += 1
    }
    if there == list.members.count { return }
    let lost = list.members[there...].map(\.path)
    list.members.removeSubrange(there...)
    try list.write(for: key, in: store)
    for path in lost { drop(path, of: key) }
  }

  /// How many attempts were given what earlier ones had saved.
  func timesResumed(_ key: Digest) -> Int {
    min(SavedList(of: key, in: store).timesResumed, SavedFiles.mostResumed)
  }

  /// - Parameter contents: what files hold, so that none is read twice.
  private func restore(_ member: SavedList.Member, of key: Digest, _ contents: StatCache) throws {
    let target = folder(of: key) + "/" + member.path
    try checkFolders(of: member.path, key)
    // A command may have written to its file again, and a disk may have lost what it had: the size alone proves nothing.
    if try size(of: target) == member.size, (try? contents.artefact(at: target))?.digest == member.digest {
      return
    }
    try store.makeFolders(parentFolder(of: target))
    try store.restore(
      member.digest, near: target, executable: member.isExecutable,
      place: { copy in
        try? files.setModified(copy, to: member.modified)
        // Before it has its name, by which it is believed to be whole from then on.
        try synchronise(copy)
        if let status = try files.entry(target), try status.isFolder || files.entry(copy)?.isFolder == true {
          files.removeAll(target)
        }
        try files.rename(copy, to: target)
        try files.synchronise(parentFolder(of: target))
      })
  }

  /// The bytes of a file, or of all in a folder; nil if there is neither.
  private func size(of path: String) throws -> Int? {
    guard let status = try files.entry(path) else { return nil }
    if status.isFile { return Int(status.size) }
    guard status.isFolder else { return nil }
    var sum = 0
    for name in try files.names(in: path) { sum += try size(of: path + "/" + name) ?? 0 }
    return sum
  }

  private func synchronise(_ path: String) throws {
    if try files.entry(path)?.isFolder == true {
      for name in try files.names(in: path) { try synchronise(path + "/" + name) }
    }
    try files.synchronise(path)
  }

  /// What one attempt saves. What it has saved and removed again it does not want to go on from: once it saves something else,
  /// that is kept no more.
  final class Attempt: Sendable {
    private let saved: SavedFiles
    private let key: Digest
    private let paths = Mutex<Set<String>>([])
    /// What it was given by an earlier attempt: kept already, and nothing that this one has saved.
    private let given = Mutex<Set<String>>([])
    private let pace = Mutex(Pace())

    private static let most = 4096

    /// Whether it has saved anything that is still kept.
    var hasSaved: Bool { paths.withLock { !$0.isEmpty } }

    fileprivate init(_ saved: SavedFiles, of key: Digest) {
      self.saved = saved
      self.key = key
    }

    /// - Parameters:
    ///   - path: from the folder of the command, as the command says.
    ///   - work: that folder.
    /// - Returns: whether it is kept; not what cannot be, and no more than a few thousand.
    func keep(_ path: String, in work: String) -> Bool {
      paths.withLock { paths in
        guard paths.count < Attempt.most || paths.contains(path), saved.keep(path, in: work, of: key) else {
          return false
        }
        paths.insert(path)
        given.withLock { given in
          given.remove(path)
          dropRemoved(from: work, &paths, &given)
        }
        return true
      }
    }

    /// With many files that are saved one right after the other, this is not done for each.
    private func dropRemoved(from work: String, _ paths: inout Set<String>, _ given: inout Set<String>) {
      pace.withLock { pace in
        guard pace.isDue else { return }
        let start = ContinuousClock.now
        defer { pace.ended(since: start) }
        for other in paths where !saved.isThere(other, in: work) {
          saved.drop(other, of: key)
          paths.remove(other)
        }
        for other in given where !saved.isThere(other, in: work) {
          saved.drop(other, of: key)
          given.remove(other)
        }
      }
    }

    /// Notes that a copy of what an earlier attempt had saved stands in the folder of the command. What is kept stays another file,
    /// so that the command may write to its own.
    func add(placed path: String) {
      given.withLock { given in
        if given.count < Attempt.most { given.insert(path) }
      }
    }
  }

  func attempt(of key: Digest) -> Attempt { Attempt(self, of: key) }

  /// Keeps a file, which is not changed any more.
  ///
  /// - Returns: false for what cannot be kept, such as what is no file or lies elsewhere.
  private func keep(_ path: String, in work: String, of key: Digest) -> Bool {
    guard isInside(path, work), (try? files.entry(work + "/" + path))?.isFile == true else { return false }
    let target = folder(of: key) + "/" + path
    let new = "\(folder(of: key))/.new"
    do {
      try checkFolders(of: path, key)
      if try files.entry(folder(of: key)) == nil { removeOld() }
      try store.makeFolders(parentFolder(of: target))
      if try files.entry(new) != nil { try files.remove(new) }
      // Under its name it is believed to be whole from then on.
      try files.synchronise(work + "/" + path)
      guard try files.link(work + "/" + path, to: new) else { return false }
      try files.rename(new, to: target)
      // Two names of one file: renaming one to the other leaves it.
      if try files.entry(new) != nil { try files.remove(new) }
      try? files.synchronise(parentFolder(of: target))
      return true
    } catch {
      return false
    }
  }

  func isThere(_ path: String, in work: String) -> Bool {
    // What cannot be looked at may be there.
    do { return try files.entry(work + "/" + path) != nil } catch { return true }
  }

  func drop(_ path: String, of key: Digest) {
    guard (try? checkFolders(of: path, key)) != nil else { return }
    let path = folder(of: key) + "/" + path
    guard let status = (try? files.entry(path)) ?? nil else { return }
    if status.isFolder { files.removeAll(path) } else { try? files.remove(path) }
    // Folders in which nothing is left.
    var above = parentFolder(of: path)
    while above.utf8.count > folder(of: key).utf8.count, (try? files.remove(above)) != nil {
      above = parentFolder(of: above)
    }
  }

  func forget(_ key: Digest) {
    let folder = folder(of: key)
    AttemptTrace.forget(key, in: store)
    for path in [SavedList.path(of: key, in: store), folder]
    where (try? files.entry(path)) ?? nil != nil {
      files.removeAll(path)
    }
  }

  /// Throws if a folder on the way to what is kept under a path is a link: what it leads to belongs to someone else.
  private func checkFolders(of path: String, _ key: Digest) throws {
    try files.checkOwnFolder("\(store.root)/failed")
    var place = folder(of: key)
    for part in path.split(separator: "/") {
      guard try files.checkOwnFolder(place) else { return }
      place += "/" + part
    }
  }

  /// Whether a path leads from a folder to what is in it, past no links.
  private func isInside(_ path: String, _ folder: String) -> Bool {
    guard SavedFiles.isSound(path) else { return false }
    var place = folder
    for part in path.split(separator: "/").dropLast() {
      place += "/" + part
      guard (try? files.entry(place))?.isFolder == true else { return false }
    }
    return true
  }

  /// Whether a path leads downwards by names that can be kept.
  static func isSound(_ path: String) -> Bool {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    return path.utf8.count <= longest && parts.count <= deepest
      && parts.allSatisfy { EntryName.fault(of: String($0)) == nil && !$0.hasPrefix(".") }
  }

  /// Removes what nobody has gone on from for long.
  func removeOld() {
    let root = "\(store.root)/failed"
    // A folder and its list go together.
    var newest: [String: Int64] = [:]
    let suffixes = [""] + AttemptTrace.suffixes + [".json", ".json.new"]
    for name in (try? files.names(in: root)) ?? [] {
      guard let suffix = suffixes.first(where: { name.hasSuffix("-saved" + $0) }) else { continue }
      // An earlier brake that was killed at that moment left a list that had no name yet.
      if suffix.hasSuffix(".new") {
        try? files.remove("\(root)/\(name)")
        continue
      }
      let folder = String(name.dropLast(suffix.count))
      // What cannot be looked at may be new.
      let modified = ((try? files.entry("\(root)/\(name)")) ?? nil)?.modified ?? Int64.max
      newest[folder] = max(newest[folder] ?? modified, modified)
    }
    let limit = Int64(SystemTime.milliseconds()) * 1_000_000 - SavedFiles.lifetime
    for (folder, modified) in newest where modified < limit {
      for suffix in suffixes { files.removeAll("\(root)/\(folder)\(suffix)") }
    }
  }
}
