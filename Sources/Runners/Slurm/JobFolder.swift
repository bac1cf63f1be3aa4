import Actions
import Artefacts
import Glibc
import System

/// The folder of an action that runs as a job. Its name follows from the action, so that whoever has the right to do the action next finds
/// the job of a brake that was killed, and goes on with it.
///
///     index/jobs/KEY-USER/
struct JobFolder {
  private let store: Store

  /// For how long nothing was written into a folder that nobody wants any more.
  private static let lifetime: Int64 = 30 * 86_400 * 1_000_000_000

  init(of store: Store) { self.store = store }

  private var folder: String { store.root + "/index/jobs" }
  private var suffix: String { "-\(geteuid())" }

  /// The folder of an action, with what an earlier brake has left in it.
  func scratch(for action: Action) throws -> Scratch {
    // Where nobody can have the right alone, another brake may be at the same action.
    guard Leases(of: store).about(action.key) != nil else { return try Scratch(in: store) }
    let path = "\(folder)/\(action.key.hex)\(suffix)"
    if try store.files.entry(path) == nil { removeOld() }
    try store.makeFolders(path)
    for place in [folder, path] { try store.files.checkOwnFolder(place) }
    guard let real = try store.files.realPath(path) else { throw Failure.system("find", path, ENOENT) }
    return Scratch(standingAt: real, files: store.files)
  }

  /// Those of this user, with the names of their jobs.
  func all() throws -> [(key: Digest, job: String)] {
    guard try store.files.entry(folder) != nil else { return [] }
    return try store.files.names(in: folder).sorted().compactMap { name in
      guard name.hasSuffix(suffix), let key = Digest(String(name.dropLast(suffix.utf8.count))),
        let job = try? ActionTicket(in: "\(folder)/\(name)", files: store.files).job()
      else { return nil }
      return (key, job)
    }
  }

  /// Removes what nobody has asked for in a long time.
  private func removeOld() {
    for name in (try? store.files.names(in: folder)) ?? [] where name.hasSuffix(suffix) {
      let path = "\(folder)/\(name)"
      guard let status = try? store.files.entry(path),
        Int64(SystemTime.milliseconds()) * 1_000_000 - status.modified > JobFolder.lifetime
      else { continue }
      store.files.removeAll(path)
    }
  }
}
