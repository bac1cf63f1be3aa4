internal import Glibc
internal import Synchronization

/// The part of a store that is being written: its folders, and the names of files on their way into it.
final class Workspace: Sendable {
  private let root: String
  private let files: any FileSystem
  private let state = Mutex(State())
  /// One for all stores of the process, since two may be of the same folder.
  private static let counter = Atomic<UInt64>(0)

  private struct State {
    var prepared = false
    /// Folders of which this process knows that they are there and that their parents' entries are durable.
    var durable: Set<String> = []
  }

  init(root: String, files: any FileSystem) {
    self.root = root
    self.files = files
  }

  /// Makes what a store needs before its first write, and removes what dead processes left in `tmp/`.
  func prepare(format: String) throws {
    if state.withLock({ $0.prepared }) { return }
    // Two threads may both come here. Everything below may be done twice.
    let changed = try files.makeFolders(root + "/tmp")
    for folder in changed { try files.synchronise(folder) }
    if try files.status(root + "/format") == nil {
      try files.replace(root + "/format", with: Array(format.utf8), by: temporaryPath())
    }
    removeLeftovers()
    state.withLock { $0.prepared = true }
  }

  func nextNumber() -> UInt64 { Workspace.counter.wrappingAdd(1, ordering: .relaxed).newValue }

  func temporaryPath() -> String { "\(root)/tmp/\(ProcessIdentity.current.name)-\(nextNumber())" }

  func prepareFolder(for path: String) throws(ArtefactError) -> [String] {
    let folder = parentFolder(of: path)
    if state.withLock({ $0.durable.contains(folder) }) { return [] }
    let changed = try files.makeFolders(folder)
    // It may have been made by a process that died before it synchronised the folder above.
    return changed.isEmpty ? [parentFolder(of: folder)] : changed
  }

  func noteDurable(_ folders: some Sequence<String>) {
    state.withLock { $0.durable.formUnion(folders) }
  }

  private func removeLeftovers() {
    guard let names = try? files.names(in: root + "/tmp") else { return }
    for name in names where isLeftover(name) {
      files.removeAll(root + "/tmp/" + name)
    }
  }

  private func isLeftover(_ name: String) -> Bool {
    let status = try? files.status(root + "/tmp/" + name, followingLinks: false)
    return ProcessIdentity.isLeftover(name, status)
  }
}

/// Who is writing, so that others can tell whether the writer is still alive.
struct ProcessIdentity {
  /// Boot of the machine, process namespace, process, start of the process.
  private let boot: String
  private let namespace: String
  private let process: Int32
  private let start: String

  static let current = ProcessIdentity()

  private init() {
    let bootText = (try? Store.readVirtualFile("/proc/sys/kernel/random/boot_id")) ?? "unknown"
    boot = String(bootText.filter { $0.isHexDigit }.prefix(16))
    namespace = ProcessIdentity.processNamespace()
    process = getpid()
    start = ProcessIdentity.start(of: process) ?? "0"
  }

  /// No part holds a hyphen.
  var name: String { "\(boot)-\(namespace)-\(process)-\(start)" }

  /// Whether a file in `tmp/` belongs to no one any more: to a dead process of this boot of this machine, or it has
  /// not been touched for a week.
  static func isLeftover(_ name: String, _ status: FileStatus?) -> Bool {
    let parts = name.split(separator: "-", omittingEmptySubsequences: false)
    if parts.count == 5, parts[0] == current.boot, parts[1] == current.namespace,
      let process = Int32(parts[2])
    {
      return start(of: process).map { $0 != parts[3] } ?? true
    }
    guard let status else { return false }
    let week: Int64 = 7 * 86_400 * 1_000_000_000
    return Clock.now() - status.modified > week
  }

  private static func processNamespace() -> String {
    var text = [UInt8](repeating: 0, count: 64)
    let count = text.withUnsafeMutableBytes { buffer in
      buffer.withMemoryRebound(to: CChar.self) { readlink("/proc/self/ns/pid", $0.baseAddress!, $0.count) }
    }
    return String(decoding: text.prefix(max(count, 0)).filter { 48...57 ~= $0 }, as: UTF8.self)
  }

  /// The start of a process in ticks since boot; nil if it is dead.
  private static func start(of process: Int32) -> String? {
    guard let status = try? Store.readVirtualFile("/proc/\(process)/stat"),
      let end = status.lastIndex(of: ")")
    else { return nil }
    // Fields after the name in parentheses: the state is the third of all, the start the 22nd.
    let fields = status[status.index(after: end)...].split(separator: " ")
    guard fields.count > 19, fields[0] != "Z" else { return nil }
    return String(fields[19])
  }
}

enum Clock {
  /// Nanoseconds since 1970.
  static func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}
