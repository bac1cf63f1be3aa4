import Artefacts
import JSON
import Runners
import System

/// Virtual environments that brake has made of files of requirements, one for each content of such a file and each interpreter, in
/// the store's `index/`:
///
///     environments/<name>/venv/              the environment
///                         requirements.txt   what it was made of
///                         log                what Python and pip printed
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
    let requirements: Digest
    /// The file that holds them, as the user calls it and where it is.
    let name: String
    let path: String
    /// The interpreter, and what it says of itself.
    let interpreter: String
    let version: String

    fileprivate var folderName: String {
      let json: JSON = [.string(requirements.hex), .string(version)]
      return String(Digest(of: json.canonicalBytes).hex.prefix(32))
    }
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
    let requirements = try RequirementsFile(at: order.path, digest: order.requirements, on: disk)
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
    try disk.write(requirements.bytes, to: entry + "/requirements.txt")
    tell("makes the Python environment of \(order.name)")
    try await build(order, in: try disk.realPath(entry) ?? entry)
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

  private func build(_ order: Order, in entry: String) async throws {
    let venv = entry + "/venv"
    do {
      try await execute([order.interpreter, "-m", "venv", venv], in: entry, order)
      try await execute(
        [
          venv + "/bin/python3", "-m", "pip", "install", "--disable-pip-version-check", "--no-input",
          "--no-color", "--progress-bar", "off", "--requirement", entry + "/requirements.txt",
        ], in: entry, order)
    } catch {
      // What was printed stays, for whom the last lines of it are not enough.
      disk.removeAll(venv)
      throw error
    }
  }

  private func execute(_ line: [String], in entry: String, _ order: Order) async throws {
    // What would lead Python or pip elsewhere than into the environment.
    let misleading: Set<String> = [
      "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER",
      "PIP_REQUIREMENT", "PIP_EDITABLE",
    ]
    let process = ChildProcess(
      arguments: guardExecutable.map { CommandGuard.arguments(around: line, by: $0) } ?? line,
      environment: OwnEnvironment.variables.filter { !misleading.contains($0.key) }, folder: entry,
      streams: .log(entry + "/log"), patience: .seconds(2))
    guard try await process.run() != .exited(0) else { return }
    let printed = (try? disk.end(of: entry + "/log", limit: 64 << 10)) ?? []
    let said = String(decoding: printed, as: UTF8.self).split(whereSeparator: \.isNewline).suffix(8)
    throw Failure(
      .refused, "the Python environment of \(order.name) cannot be made",
      facts: said.map { ("said", String($0)) } + [("log", entry + "/log")],
      hint:
        "make one that works with \(order.interpreter) -m venv and pip install -r \(order.name), and correct the file by what that says; then run brake again"
    )
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
