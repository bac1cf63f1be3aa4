import Artefacts
import Synchronization
import System

/// What commands have said to be complete, kept at once under another name, so that a later attempt of the same action can go on
/// from it, whatever ends this one.
///
///     failed/KEY-saved/checkpoints/64.pt    under its path in the folder of the command
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

  private func isThere(_ path: String, in work: String) -> Bool {
    // What cannot be looked at may be there.
    do { return try files.entry(work + "/" + path) != nil } catch { return true }
  }

  private func drop(_ path: String, of key: Digest) { try? files.remove(folder(of: key) + "/" + path) }

  func forget(_ key: Digest) {
    let folder = folder(of: key)
    if (try? files.entry(folder)) ?? nil != nil { files.removeAll(folder) }
  }

  /// Whether a path leads from a folder to what is in it, past no links.
  private func isInside(_ path: String, _ folder: String) -> Bool {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    guard path.utf8.count <= SavedFiles.longest, parts.count <= SavedFiles.deepest,
      parts.allSatisfy({ EntryName.fault(of: String($0)) == nil && !$0.hasPrefix(".") })
    else { return false }
    var place = folder
    for part in parts.dropLast() {
      place += "/" + part
      guard (try? files.entry(place))?.isFolder == true else { return false }
    }
    return true
  }

  /// Removes what nobody has gone on from for long.
  private func removeOld() {
    let root = "\(store.root)/failed"
    for name in (try? files.names(in: root)) ?? [] where name.hasSuffix("-saved") {
      guard let status = try? files.entry("\(root)/\(name)") else { continue }
      if Int64(SystemTime.milliseconds()) * 1_000_000 - status.modified > SavedFiles.lifetime {
        files.removeAll("\(root)/\(name)")
      }
    }
  }
}
