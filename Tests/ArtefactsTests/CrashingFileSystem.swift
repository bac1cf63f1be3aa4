import Artefacts
import Foundation
import Synchronization

/// A file system that refuses the k-th call, and after it either works on or refuses every call, as for a process that
/// was killed. It knows what was not synchronised, and `cutPower` takes that back.
final class CrashingFileSystem: FileSystem {
  private let disk = LocalFileSystem()
  private let state: Mutex<State>

  private enum Change {
    /// With the bytes of the file that had the name.
    case renamed(from: String, to: String, replaced: Data?)
    case madeFolder(String)

    var folder: String {
      switch self {
      case .renamed(_, let path, _), .madeFolder(let path): (path as NSString).deletingLastPathComponent
      }
    }
  }

  private struct State {
    var remaining: Int
    let staysDown: Bool
    var failed = false
    var unwritten: Set<String> = []
    var changes: [Change] = []

    mutating func note(_ path: String, _ target: String, _ replaced: Data?) {
      if unwritten.remove(path) != nil { unwritten.insert(target) }
      changes.append(.renamed(from: path, to: target, replaced: replaced))
    }
  }

  init(failingAt call: Int, staysDown: Bool) {
    state = Mutex(State(remaining: call, staysDown: staysDown))
  }

  var hasFailed: Bool { state.withLock(\.failed) }

  /// Undoes what would not survive: bytes that were not synchronised are cut off, names go back.
  func cutPower() {
    state.withLock { state in
      for path in state.unwritten { try? Data().write(to: URL(fileURLWithPath: path)) }
      for change in state.changes.reversed() {
        switch change {
        case .renamed(let from, let to, let replaced):
          _ = Foundation.rename(to, from)
          if let replaced { try? replaced.write(to: URL(fileURLWithPath: to)) }
        case .madeFolder(let path): try? FileManager.default.removeItem(atPath: path)
        }
      }
      state.changes = []
      state.unwritten = []
    }
  }

  private func call(_ note: (inout State) -> Void = { _ in }) throws(ArtefactError) {
    let refused = state.withLock { state in
      state.remaining -= 1
      let refused = state.remaining == 0 || (state.remaining < 0 && state.staysDown)
      if refused { state.failed = true } else { note(&state) }
      return refused
    }
    if refused { throw ArtefactError(.system, "no space left", errno: ENOSPC) }
  }

  // Reads.

  func status(_ path: String, followingLinks: Bool) throws(ArtefactError) -> FileStatus? {
    try call()
    return try disk.status(path, followingLinks: followingLinks)
  }

  func names(in folder: String) throws(ArtefactError) -> [String] {
    try call()
    return try disk.names(in: folder)
  }

  func open(_ path: String) throws(ArtefactError) -> Int32 {
    try call()
    return try disk.open(path)
  }

  func status(of file: Int32, path: String) throws(ArtefactError) -> FileStatus {
    try call()
    return try disk.status(of: file, path: path)
  }

  func read(
    into buffer: UnsafeMutableRawBufferPointer, from file: Int32, at offset: Int, path: String
  ) throws(ArtefactError) -> Int {
    try call()
    return try disk.read(into: buffer, from: file, at: offset, path: path)
  }

  // Changes.

  func create(_ path: String, mode: UInt32) throws(ArtefactError) -> Int32 {
    try call { $0.unwritten.insert(path) }
    // Writable, so that `cutPower` can cut it.
    return try disk.create(path, mode: mode | 0o200)
  }

  func write(_ bytes: UnsafeRawBufferPointer, to file: Int32, path: String) throws(ArtefactError) {
    try call()
    try disk.write(bytes, to: file, path: path)
  }

  func close(_ file: Int32, path: String) throws(ArtefactError) {
    // The descriptor is gone whether or not the call fails.
    try disk.close(file, path: path)
    try call()
  }

  func append(_ bytes: UnsafeRawBufferPointer, to path: String) throws(ArtefactError) {
    try call { $0.unwritten.insert(path) }
    try disk.append(bytes, to: path)
  }

  func makeFolder(_ path: String) throws(ArtefactError) {
    let isNew = !FileManager.default.fileExists(atPath: path)
    try call { if isNew { $0.changes.append(.madeFolder(path)) } }
    try disk.makeFolder(path)
  }

  func rename(_ path: String, to target: String) throws(ArtefactError) {
    let replaced = FileManager.default.contents(atPath: target)
    try call { $0.note(path, target, replaced) }
    try disk.rename(path, to: target)
  }

  func renameIfAbsent(_ path: String, to target: String) throws(ArtefactError) -> Bool {
    let isFree = !FileManager.default.fileExists(atPath: target)
    try call { if isFree { $0.note(path, target, nil) } }
    return try disk.renameIfAbsent(path, to: target)
  }

  func remove(_ path: String) throws(ArtefactError) {
    try call { $0.unwritten.remove(path) }
    try disk.remove(path)
  }

  func synchronise(_ path: String) throws(ArtefactError) {
    try call { state in
      state.unwritten.remove(path)
      state.changes.removeAll { $0.folder == path }
    }
  }

  func synchroniseAll(around path: String) throws(ArtefactError) {
    try call { state in
      state.unwritten = []
      state.changes = []
    }
  }
}

extension FileSystem where Self == CrashingFileSystem {
  /// The disk, without the time that it takes to be sure of it.
  static var withoutSynchronising: CrashingFileSystem {
    CrashingFileSystem(failingAt: .max, staysDown: false)
  }
}
