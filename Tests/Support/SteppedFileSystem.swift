import Foundation
import Synchronization
package import System

/// Lets several threads, each of which stands for a process, take their steps one at a time, in an order that a test decides.
/// A step is a call of the system.
package final class Stepper: @unchecked Sendable {
  package enum Life { case running, stopped, killed, ended }

  private let condition = NSCondition()
  private var lives: [Life]
  /// By themselves, not by their names: a thread may have its parent's name for a while.
  private var threads: [pthread_t?]
  /// Those that wait for their turn.
  private var waiting: Set<Int> = []
  private var turn: Int?

  package init(count: Int) {
    lives = Array(repeating: .running, count: count)
    threads = Array(repeating: nil, count: count)
  }

  package func life(of process: Int) -> Life { condition.withLock { lives[process] } }

  package func set(_ process: Int, _ life: Life) {
    condition.withLock {
      if lives[process] != .ended { lives[process] = life }
      condition.broadcast()
    }
  }

  /// Runs `body` as a process. It waits for its turn at every step, and ends when that throws.
  package func start(_ process: Int, _ body: @escaping @Sendable () throws -> Void) {
    let thread = Thread {
      self.condition.withLock { self.threads[process] = pthread_self() }
      try? body()
      self.condition.withLock {
        self.threads[process] = nil
        self.lives[process] = .ended
        self.condition.broadcast()
      }
    }
    thread.start()
  }

  /// Whether this is the thread that stands for a process.
  fileprivate func isThread(of process: Int) -> Bool {
    condition.withLock { threads[process].map { pthread_equal($0, pthread_self()) != 0 } ?? false }
  }

  /// Called by a process: waits until it may go on.
  /// - Throws: if it was killed.
  fileprivate func step(_ process: Int) throws(Failure) {
    condition.lock()
    defer { condition.unlock() }
    waiting.insert(process)
    condition.broadcast()
    while turn != process && lives[process] != .killed { condition.wait() }
    waiting.remove(process)
    turn = nil
    if lives[process] == .killed { throw Failure(.system, "the process was killed") }
  }

  /// Lets a process take its next step, and waits until it has come to the one after it, or to its end.
  package func advance(_ process: Int) {
    condition.withLock {
      turn = process
      condition.broadcast()
      while turn == process || !(lives[process] == .ended || waiting.contains(process)) { condition.wait() }
    }
  }

  /// Waits until every process stands before a step, or has ended.
  package func settle() {
    condition.withLock {
      while !lives.indices.allSatisfy({ lives[$0] == .ended || waiting.contains($0) }) { condition.wait() }
    }
  }

  package var running: [Int] { condition.withLock { lives.indices.filter { lives[$0] == .running } } }
  package var unended: [Int] { condition.withLock { lives.indices.filter { lives[$0] != .ended } } }
}

/// The file system as one of those processes has it. Other threads of the process are not held up.
package final class SteppedFileSystem: FileSystem {
  private let disk = LocalFileSystem()
  private let stepper: Stepper
  private let process: Int

  package init(_ stepper: Stepper, process: Int) {
    self.stepper = stepper
    self.process = process
  }

  private func step() throws(Failure) {
    if stepper.isThread(of: process) {
      try stepper.step(process)
    } else if stepper.life(of: process) == .killed {
      throw Failure(.system, "the process was killed")
    }
  }

  package func status(_ path: String, followingLinks: Bool) throws(Failure) -> FileStatus? {
    try step()
    return try disk.status(path, followingLinks: followingLinks)
  }
  package func names(in folder: String) throws(Failure) -> [String] {
    try step()
    return try disk.names(in: folder)
  }
  package func realPath(_ path: String) throws(Failure) -> String? { try disk.realPath(path) }
  package func target(ofLink path: String) throws(Failure) -> String? { try disk.target(ofLink: path) }
  package func mayExecute(_ path: String) -> Bool { disk.mayExecute(path) }
  package func open(_ path: String, followingLinks: Bool) throws(Failure) -> Int32 {
    try step()
    return try disk.open(path, followingLinks: followingLinks)
  }
  package func status(of file: Int32, path: String) throws(Failure) -> FileStatus {
    try disk.status(of: file, path: path)
  }
  package func read(
    into buffer: UnsafeMutableRawBufferPointer, from file: Int32, at offset: Int, path: String
  ) throws(Failure) -> Int {
    try step()
    return try disk.read(into: buffer, from: file, at: offset, path: path)
  }
  package func create(_ path: String, mode: UInt32) throws(Failure) -> Int32 {
    try step()
    return try disk.create(path, mode: mode)
  }
  package func open(_ path: String, toWrite writing: Writing) throws(Failure) -> Int32 {
    try step()
    return try disk.open(path, toWrite: writing)
  }
  package func write(_ bytes: UnsafeRawBufferPointer, to file: Int32, path: String) throws(Failure) {
    try step()
    try disk.write(bytes, to: file, path: path)
  }
  package func resize(_ file: Int32, to size: Int, path: String) throws(Failure) {
    try step()
    try disk.resize(file, to: size, path: path)
  }
  /// What a process has open is closed when it is killed.
  package func close(_ file: Int32, path: String) throws(Failure) { try disk.close(file, path: path) }
  package func makeFolder(_ path: String) throws(Failure) {
    try step()
    try disk.makeFolder(path)
  }
  package func setMode(_ path: String, to mode: UInt32) throws(Failure) {
    try step()
    try disk.setMode(path, to: mode)
  }
  package func setModified(_ path: String, to nanoseconds: Int64) throws(Failure) {
    try step()
    try disk.setModified(path, to: nanoseconds)
  }
  package func makeLink(_ path: String, to target: String) throws(Failure) {
    try step()
    try disk.makeLink(path, to: target)
  }
  package func rename(_ path: String, to target: String) throws(Failure) {
    try step()
    try disk.rename(path, to: target)
  }
  package func renameIfAbsent(_ path: String, to target: String) throws(Failure) -> Bool {
    try step()
    return try disk.renameIfAbsent(path, to: target)
  }
  package func exchange(_ path: String, with other: String) throws(Failure) -> Bool {
    try step()
    return try disk.exchange(path, with: other)
  }
  package func link(_ path: String, to target: String) throws(Failure) -> Bool {
    try step()
    return try disk.link(path, to: target)
  }
  package func remove(_ path: String) throws(Failure) {
    try step()
    try disk.remove(path)
  }
  package func synchronise(_ path: String) throws(Failure) { try step() }
  package func synchroniseAll(around file: Int32, path: String) throws(Failure) { try step() }
}
