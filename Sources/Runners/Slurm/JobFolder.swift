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
  private var suffix: String { JobFolder.suffix }

  /// Behind the names of what is this user's.
  static var suffix: String { "-\(geteuid())" }

  /// The folder of an action, with what an earlier brake has left in it.
  func scratch(for action: Action) throws -> Scratch {
    let (leases, key) = (Leases(of: store), action.key)
    // Where this process does not have the right alone, another one may be at the same action.
    guard leases.holds(key) else { return try Scratch(in: store) }
    let path = "\(folder)/\(key.hex)\(suffix)"
    if try store.files.entry(path) == nil {
      removeOld()
      try store.makeFolders(folder)
      try store.files.checkOwnFolder(folder)
      try? store.files.makeFolder(path)
      try? store.files.setMode(path, to: 0o700)
    }
    // What stands in it says what is done with this user's rights, and what has come of it.
    guard JobFolder.isOnlyOwn(path) else { return try Scratch(in: store) }
    guard let real = try store.files.realPath(path) else { throw Failure.system("find", path, ENOENT) }
    return Scratch(
      standingAt: real, marks: ["answer.json", "job"], isOwn: { leases.holds(key) }, files: store.files)
  }

  /// Whether a folder is this user's, and nobody else can write into it.
  private static func isOnlyOwn(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR && status.st_uid == geteuid()
      && status.st_mode & 0o022 == 0
  }

  /// Those of this user, with the names of their jobs.
  func all() throws -> [(key: Digest, job: String)] {
    guard try store.files.entry(folder) != nil else { return [] }
    return try store.files.names(in: folder).sorted().compactMap { name in
      guard name.hasSuffix(suffix), JobFolder.isOnlyOwn("\(folder)/\(name)"),
        let key = Digest(String(name.dropLast(suffix.utf8.count))),
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
