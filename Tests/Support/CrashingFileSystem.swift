import Foundation
import Synchronization
package import System
import Testing

/// What happens to the k-th call.
package enum Fault: Hashable, CustomTestStringConvertible {
  /// It fails, once.
  case error(Int32)
  /// A read ends before the file does; another call is as always.
  case short
  /// It fails, and so does every call after it, as for a process that was killed.
  case stop
  /// A write succeeds, and fails when the system gets to it: told to who had something open by then, and to who
  /// synchronises that file.
  case late

  package var testDescription: String {
    switch self {
    case .error(let code): String(cString: strerror(code))
    case .short: "short"
    case .stop: "stop"
    case .late: "late"
    }
  }
}

/// A file system with a fault at the k-th call. It knows what was not synchronised, and `cutPower` takes that back.
package final class CrashingFileSystem: FileSystem {
  private let disk = LocalFileSystem()
  private let state: Mutex<State>
  private let countsReads: Bool
  private let badFile: UInt64?

  private enum Change {
    /// With the bytes of the file that had the name.
    case renamed(from: String, to: String, replaced: Data?)
    case made(String)

    var folder: String {
      switch self {
      case .renamed(_, let path, _), .made(let path): (path as NSString).deletingLastPathComponent
      }
    }
  }

  private struct State {
    var remaining: Int
    let fault: Fault
    var failed = false
    /// The file whose bytes were lost, and what was open then.
    var lost: String?
    var witnesses: Set<Int32> = []
    var open: Set<Int32> = []
    var unwritten: Set<String> = []
    /// How many bytes of a file survive that was longer when it was last synchronised.
    var longer: [String: Int] = [:]
    var changes: [Change] = []
    var flushes = 0

    mutating func note(_ path: String, _ target: String, _ replaced: Data?) {
      if unwritten.remove(path) != nil { unwritten.insert(target) }
      changes.append(.renamed(from: path, to: target, replaced: replaced))
    }
  }

  /// - Parameters:
  ///   - reads: whether looking and reading count as calls.
  ///   - badFile: the inode of a file that cannot be read.
  package init(failingAt call: Int, _ fault: Fault, reads: Bool = true, badFile: UInt64? = nil) {
    state = Mutex(State(remaining: call, fault: fault))
    countsReads = reads
    self.badFile = badFile
  }

  /// The file whose bytes a late fault has lost.
  package var lostFile: String? { state.withLock(\.lost) }
  package var hasFailed: Bool { state.withLock(\.failed) }
  /// How often something was synchronised.
  package var flushes: Int { state.withLock(\.flushes) }
  /// Whether there were as many calls as it takes to come to the fault.
  package var wasReached: Bool { state.withLock { $0.remaining <= 0 } }

  /// Undoes what would not survive: bytes that were not synchronised are cut off, names go back.
  package func cutPower() {
    state.withLock { state in
      for path in state.unwritten { try? Data().write(to: URL(fileURLWithPath: path)) }
      for (path, size) in state.longer { truncate(path, size) }
      for change in state.changes.reversed() {
        switch change {
        case .renamed(let from, let to, let replaced):
          _ = Foundation.rename(to, from)
          if let replaced { try? replaced.write(to: URL(fileURLWithPath: to)) }
        case .made(let path): try? FileManager.default.removeItem(atPath: path)
        }
      }
      state.changes = []
      state.unwritten = []
      state.longer = [:]
    }
  }

  private func call(_ note: (inout State) -> Void = { _ in }) throws(Failure) {
    let code: Int32? = state.withLock { state in
      state.remaining -= 1
      let isNow = state.remaining == 0
      switch state.fault {
      case .error(let code) where isNow:
        state.failed = true
        return code
      case .stop where state.remaining <= 0:
        state.failed = true
        return EIO
      default:
        note(&state)
        return nil
      }
    }
    if let code { throw Failure(.system, "a fault was injected", errno: code) }
  }

  /// - Returns: whether the answer is to be cut short.
  @discardableResult private func callToRead() throws(Failure) -> Bool {
    if !countsReads { return false }
    do { try call() } catch {
      throw Failure(.unreadable, error.headline, cause: error.cause)
    }
    return state.withLock { state in
      if state.fault != .short || state.remaining != 0 { return false }
      state.failed = true
      return true
    }
  }

  // Reads.

  package func status(_ path: String, followingLinks: Bool) throws(Failure) -> FileStatus? {
    try callToRead()
    return try disk.status(path, followingLinks: followingLinks)
  }

  package func names(in folder: String) throws(Failure) -> [String] {
    try callToRead()
    return try disk.names(in: folder)
  }

  package func realPath(_ path: String) throws(Failure) -> String? {
    try callToRead()
    return try disk.realPath(path)
  }

  package func target(ofLink path: String) throws(Failure) -> String? {
    try callToRead()
    return try disk.target(ofLink: path)
  }

  package func mayExecute(_ path: String) -> Bool { disk.mayExecute(path) }

  package func open(_ path: String, followingLinks: Bool) throws(Failure) -> Int32 {
    try callToRead()
    let file = try disk.open(path, followingLinks: followingLinks)
    state.withLock { _ = $0.open.insert(file) }
    return file
  }

  package func status(of file: Int32, path: String) throws(Failure) -> FileStatus {
    try callToRead()
    return try disk.status(of: file, path: path)
  }

  package func read(
    into buffer: UnsafeMutableRawBufferPointer, from file: Int32, at offset: Int, path: String
  ) throws(Failure) -> Int {
    if let badFile, try disk.status(of: file, path: path).inode == badFile, buffer.count > 1000 {
      throw Failure(.unreadable, "cannot read \(path): a bad sector", errno: EIO)
    }
    let isShort = try callToRead()
    let part = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(isShort ? buffer.count / 2 : .max))
    return try disk.read(into: part, from: file, at: offset, path: path)
  }

  // Changes.

  package func create(_ path: String, mode: UInt32) throws(Failure) -> Int32 {
    try call { $0.unwritten.insert(path) }
    // Writable, so that `cutPower` can cut it.
    return try disk.create(path, mode: mode | 0o200)
  }

  package func write(_ bytes: UnsafeRawBufferPointer, to file: Int32, path: String) throws(Failure) {
    try call { state in
      if state.fault != .late || state.remaining > 0 || state.lost != nil { return }
      state.failed = true
      state.lost = path
      state.witnesses = state.open
    }
    let size = try disk.status(of: file, path: path).size
    state.withLock { state in
      if !state.unwritten.contains(path), state.longer[path] == nil { state.longer[path] = Int(size) }
    }
    try disk.write(bytes, to: file, path: path)
  }

  package func close(_ file: Int32, path: String) throws(Failure) {
    // The descriptor is gone whether or not the call fails.
    try disk.close(file, path: path)
    if state.withLock({ $0.open.remove(file) }) == nil { try call() } else { try callToRead() }
  }

  package func open(_ path: String, toWrite writing: Writing) throws(Failure) -> Int32 {
    // What is written to a file that keeps its bytes is noted by `write`.
    let isThere = try disk.entry(path) != nil
    try call { if !isThere || writing == .replacing { $0.unwritten.insert(path) } }
    return try disk.open(path, toWrite: writing)
  }

  package func resize(_ file: Int32, to size: Int, path: String) throws(Failure) {
    try call()
    try disk.resize(file, to: size, path: path)
  }

  package func setMode(_ path: String, to mode: UInt32) throws(Failure) {
    try call()
    try disk.setMode(path, to: mode)
  }

  package func setModified(_ path: String, to nanoseconds: Int64) throws(Failure) {
    try call()
    try disk.setModified(path, to: nanoseconds)
  }

  package func makeLink(_ path: String, to target: String) throws(Failure) {
    try call { $0.changes.append(.made(path)) }
    try disk.makeLink(path, to: target)
  }

  package func makeFolder(_ path: String) throws(Failure) {
    let isNew = !FileManager.default.fileExists(atPath: path)
    try call { if isNew { $0.changes.append(.made(path)) } }
    try disk.makeFolder(path)
  }

  package func rename(_ path: String, to target: String) throws(Failure) {
    let replaced = FileManager.default.contents(atPath: target)
    try call { $0.note(path, target, replaced) }
    try disk.rename(path, to: target)
  }

  package func renameIfAbsent(_ path: String, to target: String) throws(Failure) -> Bool {
    let isFree = !FileManager.default.fileExists(atPath: target)
    try call { if isFree { $0.note(path, target, nil) } }
    return try disk.renameIfAbsent(path, to: target)
  }

  package func exchange(_ path: String, with other: String) throws(Failure) -> Bool {
    try call()
    return try disk.exchange(path, with: other)
  }

  package func link(_ path: String, to target: String) throws(Failure) -> Bool {
    let isFree = !FileManager.default.fileExists(atPath: target)
    try call { if isFree { $0.changes.append(.made(target)) } }
    return try disk.link(path, to: target)
  }

  package func remove(_ path: String) throws(Failure) {
    try call { $0.unwritten.remove(path) }
    try disk.remove(path)
  }

  package func synchronise(_ path: String) throws(Failure) {
    if state.withLock({ $0.lost == path }) { throw .system("synchronise", path, EIO) }
    try call { state in
      state.flushes += 1
      state.unwritten.remove(path)
      state.longer[path] = nil
      state.changes.removeAll { $0.folder == path }
    }
  }

  package func synchroniseAll(around file: Int32, path: String) throws(Failure) {
    if state.withLock({ $0.witnesses.contains(file) }) { throw .system("synchronise", path, EIO) }
    try call { state in
      state.flushes += 1
      state.unwritten = []
      state.longer = [:]
      state.changes = []
    }
  }
}

extension FileSystem where Self == CrashingFileSystem {
  /// The disk, without the time that it takes to be sure of it.
  package static var withoutSynchronising: CrashingFileSystem {
    CrashingFileSystem(failingAt: .max, .stop)
  }
}
