import Artefacts
import Synchronization
import System

/// What commands have said to be complete, kept at once under another name, so that a later attempt of the same action can go on
/// from it, whatever ends this one.
///
///     failed/KEY-saved/checkpoints/64.pt    under its path in the folder of the command
///     failed/KEY-saved.json                 what of growing outputs is in the store (`SavedList`)
///
/// It is kept until the action succeeds, and for two weeks behind the last file at most.
struct SavedFiles: Sendable {
  private let store: Store
  private var files: any FileSystem { store.files }

  private static let longest = 1024
  private static let deepest = 32
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

  /// Makes ready what an attempt can go on from, and counts the attempt.
  ///
  /// - Parameter isPlaced: whether it also gets what of growing outputs is in the store.
  /// - Returns: the folder with it, absolute; nil if there is nothing.
  func resume(_ key: Digest, isPlaced: Bool) -> String? {
    var list = SavedList(of: key, in: store)
    if isPlaced {
      // What the store has not any more is made again, and with it all that was finished later.
      let lost = list.members.firstIndex { !restore($0, of: key) } ?? list.members.count
      for member in list.members[lost...] { drop(member.path, of: key) }
      list.members.removeSubrange(lost...)
    }
    guard let folder = folder(for: key) else { return nil }
    list.timesResumed += 1
    try? list.write(for: key, in: store)
    return folder
  }

  /// How many attempts were given what earlier ones had saved.
  func timesResumed(_ key: Digest) -> Int { SavedList(of: key, in: store).timesResumed }

  private func restore(_ member: SavedList.Member, of key: Digest) -> Bool {
    let target = folder(of: key) + "/" + member.path
    do {
      if try files.entry(target) != nil { return true }
      try store.makeFolders(parentFolder(of: target))
      try store.restore(member.digest, to: target, executable: member.isExecutable)
      FileTimes.set(target, modified: member.modified)
      return true
    } catch {
      return false
    }
  }

  /// What one attempt saves. What it has saved and removed again it does not want to go on from: once it saves something else,
  /// that is kept no more.
  final class Attempt: Sendable {
    private let saved: SavedFiles
    private let key: Digest
    private let paths = Mutex<Set<String>>([])

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
    func keep(_ path: String, in work: String) {
      paths.withLock { paths in
        guard paths.count < Attempt.most || paths.contains(path), saved.keep(path, in: work, of: key) else {
          return
        }
        paths.insert(path)
        for other in paths where !saved.isThere(other, in: work) {
          saved.drop(other, of: key)
          paths.remove(other)
        }
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
      if try files.entry(folder(of: key)) == nil { removeOld() }
      try store.makeFolders(parentFolder(of: target))
      if try files.entry(new) != nil { try files.remove(new) }
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
    for path in [SavedList.path(of: key, in: store), folder] where (try? files.entry(path)) ?? nil != nil {
      files.removeAll(path)
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
    for name in (try? files.names(in: root)) ?? []
    where name.hasSuffix("-saved") || name.hasSuffix("-saved.json") {
      guard let status = try? files.entry("\(root)/\(name)") else { continue }
      if Int64(SystemTime.milliseconds()) * 1_000_000 - status.modified > SavedFiles.lifetime {
        files.removeAll("\(root)/\(name)")
      }
    }
  }
}
