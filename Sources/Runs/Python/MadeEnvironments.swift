import Artefacts
import JSON
import System

/// Environments that brake has made of files of requirements, lock files, or environment files of conda's, one for each content of
/// these and each interpreter, in the store's `index/`:
///
///     environments/<name>/venv/              the environment
///                         requirements.txt   what it was made of; or uv.lock and pyproject.toml; or environment.yml
///                         log                what the programs printed that made it
///                         complete           there when it is whole
///                         used               written to with every use
///     environments/<name>.lock               locked while it is made
///
/// They stand where they were made, since their programs name their own folder. All of it can be removed while nothing runs: it is
/// made again. What nobody has used for a month goes when another one is made.
struct MadeEnvironments: Sendable {
  let store: Store
  /// Ends what it has started when brake ends; nil where there is none.
  let guardExecutable: String?

  /// Seconds.
  private static let keptUnused: Int64 = 30 * 86_400

  private var disk: any FileSystem { store.files }
  private var root: String { store.root + "/index/environments" }

  /// What an environment is made of.
  struct Order: Sendable {
    let source: EnvironmentSource
    /// The file that decides, as the user calls it.
    let name: String
    /// The interpreter that it is made with; empty where it is one of its packages.
    let interpreter: String
    /// What the interpreter says of itself, or for what machine packages are chosen.
    let version: String

    fileprivate var folderName: String { MadeEnvironments.folderName(source, version) }
  }

  /// The folder of an environment that is there and whole, without links; nil if it has to be made.
  func found(_ order: Order) -> String? {
    let entry = root + "/" + order.folderName
    let venv = entry + "/venv"
    guard (try? disk.entry(entry + "/complete"))?.isFile == true, disk.mayExecute(venv + "/bin/python3")
    else {
      return nil
    }
    try? disk.write([], to: entry + "/used")
    return (try? disk.realPath(venv)) ?? nil
  }

  private static func folderName(_ source: EnvironmentSource, _ version: String) -> String {
    let json = JSON.array(source.identity + [.string(version)])
    return String(Digest(of: json.canonicalBytes).hex.prefix(32))
  }

  /// Of the whole environments that were made of these files, with whichever interpreters, the one that was used last; nil if there
  /// is none.
  func lastUsed(_ source: EnvironmentSource) -> String? {
    var last: (used: Int64, venv: String)?
    for name in (try? disk.names(in: root)) ?? [] where !name.hasSuffix(".lock") {
      let entry = root + "/" + name
      guard let version = (try? disk.contents(of: entry + "/complete", limit: 4096)) ?? nil,
        MadeEnvironments.folderName(source, String(decoding: version, as: UTF8.self)) == name,
        disk.mayExecute(entry + "/venv/bin/python3"),
        let used = (try? disk.entry(entry + "/used"))??.modified, used > last?.used ?? .min
      else { continue }
      last = (used, entry + "/venv")
    }
    return last.flatMap { (try? disk.realPath($0.venv)) ?? nil }
  }

  /// Keeps an environment from being taken for one that nobody uses, where it is one that brake has made: a command may start
  /// long after it was found.
  func noteUse(of folder: String) {
    let entry = parentFolder(of: folder)
    guard folder.hasSuffix("/venv"), let real = (try? disk.realPath(root)) ?? nil,
      parentFolder(of: entry) == real
    else { return }
    try? disk.write([], to: entry + "/used")
  }

  /// Makes an environment, or waits for who makes it.
  ///
  /// - Parameter tell: called with what takes long.
  func make(_ order: Order, tell: @Sendable (String) -> Void) async throws {
    let contents = try order.source.contents(on: disk)
    let builder = try EnvironmentBuilder(order, guardExecutable: guardExecutable, disk: disk)
    let entry = root + "/" + order.folderName
    _ = try store.makeFolders(root)
    let lock = try openLock(entry + ".lock")
    defer { try? disk.close(lock, path: entry + ".lock") }
    var isTold = false
    while try !FileLock.take(lock, path: entry + ".lock") {
      if found(order) != nil { return }
      if !isTold { tell("waits for the Python environment of \(order.name), which another brake makes") }
      isTold = true
      try await Task.sleep(for: .milliseconds(200))
    }
    if found(order) != nil { return }
    removeUnused(but: order.folderName)
    try disk.makeFolders(entry)
    for name in ["complete", "venv", "log"] { disk.removeAll("\(entry)/\(name)") }
    for file in contents.files { try disk.write(file.bytes, to: "\(entry)/\(file.name)") }
    for note in contents.notes { tell(note) }
    tell("makes the Python environment of \(order.name)")
    try await builder.build(in: try disk.realPath(entry) ?? entry)
    try disk.write(Array(order.version.utf8), to: entry + "/complete")
    try disk.write([], to: entry + "/used")
  }

  /// Opens it for writing: a network file system gives no lock for a file that is only read.
  private func openLock(_ path: String) throws(Failure) -> Int32 {
    do { return try disk.open(path, toWrite: .appending) } catch {
      // Another user may have made it, whose file this one may read and no more.
      guard error.isForbidden else { throw error }
      return try disk.open(path, followingLinks: false)
    }
  }

  // MARK: Removing

  /// - Parameter now: nanoseconds since 1970, by the clock of the file system.
  private func isUnused(_ entry: String, at now: Int64) -> Bool {
    guard let used = try? disk.entry(entry + "/used") ?? disk.entry(entry) else { return false }
    return now - used.modified > MadeEnvironments.keptUnused * 1_000_000_000
  }

  private func removeUnused(but own: String) {
    guard let now = try? store.timeOfFiles() else { return }
    for name in (try? disk.names(in: root)) ?? [] where name != own && !name.hasSuffix(".lock") {
      let entry = root + "/" + name
      guard isUnused(entry, at: now), let lock = try? openLock(entry + ".lock") else { continue }
      defer { try? disk.close(lock, path: entry + ".lock") }
      // Somebody may have made it anew, or begun to use it, before this one had the lock.
      guard FileLock.take(lock), isUnused(entry, at: now), let grave = try? store.temporaryPath(),
        (try? disk.rename(entry, to: grave)) != nil
      else { continue }
      disk.removeAll(grave)
    }
  }
}
