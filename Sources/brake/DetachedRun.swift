import Artefacts
import Glibc
import System

/// A run that goes on without the terminal it was started from: what it prints, and how it ended, stand in a folder of the store.
///
///     index/detached/NAME/log       what it prints; locked as long as it goes on
///                         process   the machine, and the number of the process, 0 as long as it has none
///                         status    its exit status, once it has ended
struct DetachedRun {
  enum State: Equatable {
    case running
    case ended(Int32)
    /// It was killed, or its machine restarted.
    case lost
    /// Another machine runs it, or did when it was killed.
    case elsewhere(host: String)
  }

  let name: String
  private let folder: String
  private static let files = LocalFileSystem()

  /// How many are kept that have ended.
  private static let kept = 20

  var log: String { folder + "/log" }

  private static func folder(of store: Store) -> String { store.root + "/index/detached" }

  /// Those of this user in a store, the newest last.
  static func all(in store: Store) throws -> [DetachedRun] {
    let place = folder(of: store)
    guard try files.entry(place)?.isFolder == true else { return [] }
    let runs = try files.names(in: place).compactMap { name -> (time: Int64, run: DetachedRun)? in
      let run = DetachedRun(name: name, folder: "\(place)/\(name)")
      guard isName(name), isOwn(run.folder), let status = try files.entry(run.folder + "/process"),
        status.isFile
      else {
        return nil
      }
      return (status.modified, run)
    }
    return runs.sorted { ($0.time, $0.run.name) < ($1.time, $1.run.name) }.map(\.run)
  }

  private static func isName(_ name: String) -> Bool {
    name.utf8.count == 6 && name.utf8.allSatisfy { 48...57 ~= $0 || 97...102 ~= $0 }
  }

  /// What somebody else wrote says nothing of this user's processes.
  private static func isOwn(_ folder: String) -> Bool {
    var status = stat()
    return lstat(folder, &status) == 0 && status.st_uid == geteuid()
  }

  var state: State {
    if let text = text("status"), let status = Int32(text) { return .ended(status) }
    let host = text("process")?.split(separator: " ").first.map(String.init) ?? ""
    if host != Machine.name { return .elsewhere(host: host) }
    guard let file = try? InputFile(log, files: DetachedRun.files), file.isLocked else {
      // It may have ended since.
      return text("status").flatMap { Int32($0) }.map { .ended($0) } ?? .lost
    }
    return .running
  }

  private func text(_ name: String) -> String? {
    ((try? DetachedRun.files.contents(of: "\(folder)/\(name)", limit: 1024)) ?? nil).map {
      String(decoding: $0, as: UTF8.self)
    }
  }

  /// Asks it to end, as Ctrl-C would.
  /// - Returns: false where it does not run on this machine.
  func interrupt() -> Bool {
    // One that was started just now gets its number in a moment.
    for _ in 0..<100 where state == .running {
      let number = text("process")?.split(separator: " ").last.flatMap { pid_t($0) }
      if let number, number > 1 { return kill(number, SIGINT) == 0 }
      usleep(20_000)
    }
    return false
  }

  // MARK: Starting

  /// What the command line of a process has first that stands between a terminal and a run.
  static let subcommand = "detached-run"

  /// Starts a run.
  /// - Parameter arguments: those of brake.
  static func start(_ arguments: [String], in store: Store) throws -> DetachedRun {
    let name = String(ProcessFolder.randomName().prefix(6))
    try store.make()
    try removeOld(in: store)
    // That one is everybody's who uses the store.
    try store.makeFolders(store.root + "/index/detached")
    let folder = try (files.realPath(store.root) ?? store.root) + "/index/detached/" + name
    try files.makeFolder(folder)
    // What stands in it says to which process a signal goes.
    try files.setMode(folder, to: 0o700)
    let run = DetachedRun(name: name, folder: folder)
    let log = open(run.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard log >= 0 else { throw Failure.system("write", run.log) }
    defer { close(log) }
    try run.note(process: 0)
    // The lock goes on to whoever has the file open as well.
    _ = FileLock.take(log)
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, log, 1)
    posix_spawn_file_actions_adddup2(&actions, log, 2)
    // A session of its own hears nothing of this terminal.
    try spawn([CommandLine.arguments[0], subcommand, folder] + arguments, &actions, flags: 0x80)
    return run
  }

  /// - Parameter number: 0 as long as it has none.
  private func note(process number: pid_t) throws {
    try DetachedRun.files.replace(
      folder + "/process", with: Array("\(Machine.name) \(number)".utf8), by: folder + "/process.new")
  }

  @discardableResult private static func spawn(
    _ words: [String], _ actions: inout posix_spawn_file_actions_t, flags: Int32
  ) throws -> pid_t {
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setflags(&attributes, Int16(flags | POSIX_SPAWN_SETSIGDEF))
    var pointers = words.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    var number: pid_t = 0
    let code = posix_spawn(&number, "/proc/self/exe", &actions, &attributes, &pointers, environ)
    guard code == 0 else { throw Failure.system("start", words[0], code) }
    return number
  }

  private static func removeOld(in store: Store) throws {
    let ended = try all(in: store).filter { run in
      switch run.state {
      case .ended, .lost: true
      case .running, .elsewhere: false
      }
    }
    for run in ended.dropLast(kept) { files.removeAll(run.folder) }
  }

  // MARK: Between

  /// Runs a run and notes how it ended, if the command line says so; does not return then.
  static func runIfAsked(_ line: [String] = CommandLine.arguments) {
    guard line.count > 2, line[1] == subcommand else { return }
    let folder = line[2]
    // Who ends everything of a session asks the run, too, and that may take its time.
    for signal in [SIGINT, SIGTERM, SIGHUP] { Glibc.signal(signal, SIG_IGN) }
    var status: Int32 = 2
    do {
      var actions = posix_spawn_file_actions_t()
      posix_spawn_file_actions_init(&actions)
      defer { posix_spawn_file_actions_destroy(&actions) }
      let number = try spawn([line[0]] + line.dropFirst(3), &actions, flags: 0)
      try DetachedRun(name: "", folder: folder).note(process: number)
      var ended: Int32 = 0
      while waitpid(number, &ended, 0) < 0 && errno == EINTR {}
      status = ended & 0x7F == 0 ? ended >> 8 & 0xFF : 128 + ended & 0x7F
    } catch {
      Output.note("error: \(error)")
    }
    try? files.replace(folder + "/status", with: Array(String(status).utf8), by: folder + "/status.new")
    exit(status)
  }
}
