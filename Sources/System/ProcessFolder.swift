internal import Glibc
internal import Synchronization

/// A folder of this process's own inside one that many share, such as `tmp/` of a store: for what is written before it
/// has its place. It goes when its owner lets go of it or the process ends; if the process is killed, others remove it.
///
///     tmp/<32 random hexadecimal digits>/alive      proof that the owner lives
///     tmp/<32 random hexadecimal digits>/1, 2, …    what it writes
///
/// Whether an owner lives is told by what only a living owner can do, never by a process's number, by an age, or by a
/// time that two machines would have to agree on:
/// - It holds a lock (`flock`) on `alive`. The kernel keeps the lock while the process is stopped and drops it when it ends,
///   however it ends. That the lock is free proves death only to those who ask the same kernel, so `alive` says whether
///   its owner saw a file system of this machine, and which device and inode it saw the file as. An observer on such a
///   file system who sees the same shares the owner's kernel.
/// - It has a heartbeat: every few seconds it writes another number into `alive`. This is for observers elsewhere, as on
///   NFS: see `LeftoverWatch`.
///
/// An owner that is taken for dead although it is not (it slept for long, on NFS) finds its folder gone as a whole, and
/// fails. Names are random, so nothing that it writes can end up in a folder of anybody else.
package final class ProcessFolder: Sendable {
  package let path: String
  package let area: String
  package let files: any FileSystem
  private let isAreaTemporary: Bool
  private let life: LifeSign
  private let descriptor: Int32
  private let beats = Atomic<UInt64>(0)
  private let isRemoved = Mutex(false)
  private let watch = Mutex(LeftoverWatch())
  /// One for the whole process.
  private static let counter = Atomic<UInt64>(0)

  /// Makes one, and removes those of the dead beside it.
  /// - Parameter isAreaTemporary: whether the folder `area` is made for this, and goes with the last one in it.
  package init(in area: String, isAreaTemporary: Bool = false, files: any FileSystem) throws {
    let path = area + "/" + ProcessFolder.randomName()
    (life, descriptor) = try ProcessFolder.make(path, in: isAreaTemporary ? area : nil, files)
    self.path = path
    self.area = area
    self.files = files
    self.isAreaTemporary = isAreaTemporary
    Heartbeat.add(self)
    removeLeftovers()
  }

  /// - Parameter area: to be made as well.
  private static func make(
    _ path: String, in area: String?, _ files: any FileSystem
  ) throws -> (LifeSign, Int32) {
    // Others remove folders that are empty: the area, or this one before `alive` is in it.
    for _ in 0..<10 {
      if let area {
        try files.makeFolder(area)
        try files.checkOwnFolder(area)
      }
      let made = Result {
        try files.makeFolder(path)
        return try begin(path, files)
      }
      if case .failure(let error as Failure) = made, error.code == .notFound { continue }
      return try made.get()
    }
    throw Failure(.system, "cannot make the folder \(path), since others remove it again and again")
  }

  /// Makes `alive`, takes its lock, and only then says that the lock counts: who can read that finds it held.
  private static func begin(_ folder: String, _ files: any FileSystem) throws -> (LifeSign, Int32) {
    let path = folder + "/alive"
    var descriptor: Int32 = -1
    do {
      descriptor = try files.create(path, mode: 0o666)
      let isLocked = FileLock.take(descriptor)
      let status = try files.status(of: descriptor, path: path)
      let life = LifeSign(status: status, isLocal: isLocked && LifeSign.isLocal(descriptor))
      if life.write(beat: 0, to: descriptor) < 0 { throw Failure.system("write", path) }
      return (life, descriptor)
    } catch {
      if descriptor >= 0 { try? files.close(descriptor, path: path) }
      files.removeAll(folder)
      throw error
    }
  }

  deinit { remove() }

  /// Removes the folder with all that is in it.
  package func remove() {
    let isFirst = isRemoved.withLock { isRemoved in
      defer { isRemoved = true }
      return !isRemoved
    }
    guard isFirst else { return }
    Heartbeat.remove(self)
    files.removeAll(path)
    // A second time for what a signal or a server that was out of reach prevented.
    if (try? files.status(path)) ?? nil != nil { files.removeAll(path) }
    if isAreaTemporary { try? files.remove(area) }
    try? files.close(descriptor, path: path)
  }

  /// A name in it that nothing has.
  package func newPath() throws(Failure) -> String {
    var status = stat()
    if fstat(descriptor, &status) == 0, status.st_nlink == 0 {
      throw Failure(
        .system, "the folder \(path) of this process was removed while it was in use",
        hint: "another brake took this one for dead, since it did nothing for long; run it again")
    }
    return "\(path)/\(ProcessFolder.counter.wrappingAdd(1, ordering: .relaxed).newValue)"
  }

  /// Says that the owner lives.
  package func beat() {
    let beat = beats.wrappingAdd(1, ordering: .relaxed).newValue
    isRemoved.withLock { isRemoved in
      if isRemoved { return }
      _ = life.write(beat: beat, to: descriptor)
      // Others see it once the server has it.
      if !life.isLocal { fsync(descriptor) }
    }
  }

  /// Removes the folders beside it whose owners are dead for certain.
  /// - Returns: what the others say of themselves.
  @discardableResult package func removeLeftovers() -> [String: [UInt8]] {
    var doubtful: [String: [UInt8]] = [:]
    for name in (try? files.names(in: area)) ?? [] {
      if name.hasSuffix(".dead"), ProcessFolder.isRandomName(name.dropLast(5)) {
        files.removeAll(area + "/" + name)
      }
      guard ProcessFolder.isRandomName(name[...]), path != area + "/" + name else { continue }
      switch LifeSign.verdict(on: area + "/" + name, files, burying: { bury(name) }) {
      case .alive, .dead: break
      case .doubtful(let sign):
        doubtful[name] = sign
        // Its owner has not begun, and makes it again, or has not quite ended. Nothing happens if there is something in it.
        if sign.isEmpty { try? files.remove(area + "/" + name) }
      }
    }
    return doubtful
  }

  /// Looks at those whose locks say nothing to this machine. Called about once a minute.
  package func lookAround(at time: Duration) {
    let signs = removeLeftovers()
    for name in watch.withLock({ $0.look(signs, at: time) }) { bury(name) }
  }

  /// Removes the folders whose owners are dead for certain. Nothing is written, so it can be done on a full disk.
  /// - Returns: whether there was one.
  package static func removeLeftovers(in area: String, files: any FileSystem) -> Bool {
    var isAny = false
    for name in (try? files.names(in: area)) ?? [] {
      if name.hasSuffix(".dead"), isRandomName(name.dropLast(5)) {
        files.removeAll(area + "/" + name)
        if (try? files.entry(area + "/" + name)) == nil { isAny = true }
      } else if isRandomName(name[...]) {
        _ = LifeSign.verdict(
          on: area + "/" + name, files, burying: { isAny = bury(name, in: area, files) || isAny })
      }
    }
    return isAny
  }

  /// Takes the folder away from its owner at once, then removes it.
  private func bury(_ name: String) { ProcessFolder.bury(name, in: area, files) }

  @discardableResult
  private static func bury(_ name: String, in area: String, _ files: any FileSystem) -> Bool {
    let grave = area + "/" + name + ".dead"
    do { try files.rename(area + "/" + name, to: grave) } catch { return false }
    files.removeAll(grave)
    return true
  }

  // Names.

  package static func randomName() -> String {
    var generator = SystemRandomNumberGenerator()
    return (0..<4).map { _ in
      let digits = String(UInt32.random(in: 0...UInt32.max, using: &generator), radix: 16)
      return String(repeating: "0", count: 8 - digits.count) + digits
    }.joined()
  }

  package static func isRandomName(_ name: Substring) -> Bool {
    name.utf8.count == 32 && name.utf8.allSatisfy { 48...57 ~= $0 || 97...102 ~= $0 }
  }
}
