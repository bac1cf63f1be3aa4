public import JSON
internal import Glibc
internal import Synchronization
internal import System

/// The right to compute an action, which one process at a time has.
///
/// It is a folder `leases/KEY` in which one file stands: another name of the file `alive` in the owner's `ProcessFolder`, which the
/// owner has locked and writes to every few seconds. So all the leases of an owner say at any time whether it lives. The file has
/// the owner's name, which nobody else ever has; that makes every step safe, whenever it happens:
/// - To take the right is to rename a folder that holds one's own file to `leases/KEY`. That succeeds if there is nothing, or an
///   empty folder, and fails on one in which another's file stands.
/// - To give it up, or to take it from an owner who is dead, is to remove the file with the owner's name, and then the folder,
///   which succeeds only if it is empty. Whoever is late with that finds another's file, and leaves it alone.
///
/// No more is relied on than NFS guarantees: that renaming a folder, removing a file and removing a folder happen once and at one
/// stroke, and that who opens a file sees what was written and synchronised before. Nothing depends on a lease but that
/// work is done once: whoever computes an action without the right does no harm.
public final class Lease: Sendable {
  /// Nil where the file system has no second names for files, so that nobody can be told.
  private let folder: String?
  private let files: any FileSystem
  /// It lives as long as any lease of its.
  private let owner: ProcessFolder
  private let isReleased = Atomic(false)

  fileprivate init(folder: String?, owner: ProcessFolder, files: any FileSystem) {
    self.folder = folder
    self.owner = owner
    self.files = files
  }

  deinit { release() }

  public func release() {
    guard let folder, !isReleased.exchange(true, ordering: .relaxed) else { return }
    Leases.remove(owner.leaseName, from: folder, files)
  }

  /// Whether another process took the right away, since it took this one for dead: as one that was stopped, and goes on. A disk that
  /// does not answer says nothing.
  public var isLost: Bool {
    guard let folder, !isReleased.load(ordering: .relaxed) else { return false }
    do { return try files.status("\(folder)/\(owner.leaseName)", followingLinks: false) == nil } catch {
      return false
    }
  }

  /// Tells whoever waits what is going on. Nothing happens if the right was taken away meanwhile.
  public func tell(_ about: JSON) {
    guard let folder, !isReleased.load(ordering: .relaxed),
      (try? files.status("\(folder)/\(owner.leaseName)", followingLinks: false)) ?? nil != nil
    else { return }
    let path = folder + "/" + owner.leaseName + Leases.aboutSuffix
    let bytes = about.canonicalBytes
    guard bytes.count <= Leases.aboutLimit, let file = try? files.open(path, toWrite: .replacing) else {
      return
    }
    try? bytes.withUnsafeBytes { try files.write($0, to: file, path: path) }
    try? files.close(file, path: path)
  }
}

extension ProcessFolder {
  /// What its leases are called: its own name, which is random.
  fileprivate var leaseName: String { String(path[path.index(after: path.lastIndex(of: "/")!)...]) }
}

/// The leases of one store.
public final class Leases: Sendable {
  private let store: Store
  private let isTidy = Atomic(false)

  static let aboutSuffix = ".about"
  static let aboutLimit = 4096

  private var folder: String { store.root + "/leases" }

  public init(of store: Store) { self.store = store }

  /// The right to compute an action; nil if another process has it.
  public func take(_ key: Digest) throws -> Lease? {
    let own = try store.processFolder()
    if !isTidy.exchange(true, ordering: .relaxed) { tidy() }
    guard let prepared = try prepare(own) else {
      return Lease(folder: nil, owner: own, files: store.files)
    }
    let target = folder + "/" + key.hex
    var reason: Failure?
    tries: for attempt in 0..<50 {
      switch try store.files.renameFolder(prepared, to: target) {
      case nil: return Lease(folder: target, owner: own, files: store.files)
      case .notEmpty(let failure):
        if Leases.owner(of: target, store.files) != nil {
          store.files.removeAll(prepared)
          return nil
        }
        Leases.sweep(target, store.files)
        clear(target, own)
        reason = failure
        if failure == nil, attempt >= 3 { break tries }
        // Somebody may have had it just then.
        if failure != nil { usleep(2000) }
      case .file:
        // A lease as they were before: its owner is long gone.
        try? store.files.remove(target)
      case .noParent:
        _ = try store.makeFolders(folder)
        try store.files.checkOwnFolder(folder)
      }
    }
    store.files.removeAll(prepared)
    // Nobody has it, and it cannot be had: that is not somebody else's right.
    if let reason, Leases.owner(of: target, store.files) == nil { throw reason }
    return nil
  }

  /// Takes away a folder in which nothing stands but files that were removed while someone had them open: network file systems
  /// keep those under other names (`.nfs…`, `.fuse_hidden…`) until they are closed, which may be long if that one is stopped.
  private func clear(_ folder: String, _ own: ProcessFolder) {
    guard let names = try? store.files.names(in: folder), !names.isEmpty,
      names.allSatisfy({ $0.hasPrefix(".") }), let grave = try? own.newPath(),
      (try? store.files.rename(folder, to: grave)) != nil
    else { return }
    // Somebody may have taken the right just then, and gets it back.
    if Leases.owner(of: grave, store.files) != nil, (try? store.files.rename(grave, to: folder)) != nil {
      return
    }
    store.files.removeAll(grave)
  }

  /// A folder with a file of the owner's name; nil where files can have no second names.
  private func prepare(_ own: ProcessFolder) throws -> String? {
    let prepared = try own.newPath()
    try store.files.makeFolder(prepared)
    if (try? store.files.link(own.path + "/alive", to: "\(prepared)/\(own.leaseName)")) == true {
      return prepared
    }
    store.files.removeAll(prepared)
    return nil
  }

  /// Removes the leases of processes that are dead for certain.
  private func tidy() {
    for name in (try? store.files.names(in: folder)) ?? [] where Digest(name) != nil {
      var watch = LeaseWatch(folder + "/" + name, store.files)
      _ = watch.isFree(at: .zero)
    }
  }

  /// Watches the lease that another process has.
  public func watch(_ key: Digest) -> LeaseWatch { LeaseWatch(folder + "/" + key.hex, store.files) }

  /// Whether this process has the right to compute an action.
  public func holds(_ key: Digest) -> Bool {
    guard let own = try? store.processFolder() else { return false }
    return Leases.owner(of: folder + "/" + key.hex, store.files) == own.leaseName
  }

  /// What the process that computes an action tells of it: nil if nobody computes it, an empty object if it tells nothing.
  public func about(_ key: Digest) -> JSON? {
    let target = folder + "/" + key.hex
    guard let owner = Leases.owner(of: target, store.files),
      !LeaseWatch.isDead(target + "/" + owner, store.files)
    else { return nil }
    let path = target + "/" + owner + Leases.aboutSuffix
    let bytes = (try? store.files.contents(of: path, limit: Leases.aboutLimit)) ?? nil
    return bytes.flatMap { try? JSON(parsing: $0) } ?? [:]
  }

  // MARK: The folder of a lease

  /// The name of the one whose right it is; nil if it is nobody's.
  fileprivate static func owner(of folder: String, _ files: any FileSystem) -> String? {
    guard (try? files.status(folder, followingLinks: false))??.isFolder == true else { return nil }
    return ((try? files.names(in: folder)) ?? []).first { ProcessFolder.isRandomName($0[...]) }
  }

  /// Takes the right from an owner. Nobody else's is touched.
  fileprivate static func remove(_ owner: String, from folder: String, _ files: any FileSystem) {
    try? files.remove("\(folder)/\(owner)\(aboutSuffix)")
    try? files.remove("\(folder)/\(owner)")
    try? files.remove(folder)
  }

  /// Removes what owners have left behind, and then the folder if it is empty.
  fileprivate static func sweep(_ folder: String, _ files: any FileSystem) {
    for name in (try? files.names(in: folder)) ?? [] where name.hasSuffix(aboutSuffix) {
      let owner = name.dropLast(aboutSuffix.utf8.count)
      if ProcessFolder.isRandomName(owner),
        (try? files.status("\(folder)/\(owner)", followingLinks: false)) == .some(nil)
      {
        try? files.remove(folder + "/" + name)
      }
    }
    try? files.remove(folder)
  }
}

/// What keeps a folder from getting a name.
private enum Obstacle {
  /// - Parameter reason: what the system says, if it is not just that.
  case notEmpty(_ reason: Failure?)
  case file, noParent
}

extension FileSystem {
  /// Gives a folder a name that nothing has, or an empty folder.
  /// - Returns: nil if it has it now.
  fileprivate func renameFolder(_ path: String, to target: String) throws(Failure) -> Obstacle? {
    do {
      try rename(path, to: target)
      return nil
    } catch {
      switch error.errno {
      case ENOTEMPTY, EEXIST: return .notEmpty(nil)
      case ENOTDIR: return .file
      case ENOENT: return .noParent
      // Over SSH (sshfs) whatever goes wrong is not permitted.
      case EPERM, EIO:
        let isFile = try status(target, followingLinks: false)?.isFolder == false
        return isFile ? .file : .notEmpty(error)
      default: throw error
      }
    }
  }
}

/// Finds out when a lease that another process has is to be had.
///
/// A free lock proves at once that the owner is dead, to those who share its kernel. Others, and those whose owner is
/// stopped, have to see for long that the owner shows no sign of life, by their own clock: a gap between two looks
/// counts as no more than a second, since an observer that was itself stopped learnt nothing meanwhile.
public struct LeaseWatch: Sendable {
  static let patience = Duration.seconds(15)

  private struct Sign: Equatable {
    let owner: String
    /// The beats change it, whether the file may be read or not.
    let modified: Int64
    let text: [UInt8]
  }

  private let folder: String
  private let files: any FileSystem
  private var sign: Sign?
  private var unchanged = Duration.zero
  private var last: Duration?

  init(_ folder: String, _ files: any FileSystem) {
    self.folder = folder
    self.files = files
  }

  /// Looks at the lease, and takes it away from an owner who is dead.
  /// - Parameter time: by a monotonic clock.
  /// - Returns: whether it can be had.
  public mutating func isFree(at time: Duration) -> Bool {
    let passed = last.map { min(max(time - $0, .zero), .seconds(1)) } ?? .zero
    last = time
    guard let owner = Leases.owner(of: folder, files) else {
      Leases.sweep(folder, files)
      return true
    }
    let path = folder + "/" + owner
    // What is gone has been let go since.
    guard let seen = look(at: path) else { return false }
    if seen.isDead {
      Leases.remove(owner, from: folder, files)
      return true
    }
    let now = Sign(owner: owner, modified: seen.modified, text: seen.text)
    unchanged = now == sign ? unchanged + passed : .zero
    sign = now
    guard unchanged >= LeaseWatch.patience else { return false }
    Leases.remove(owner, from: folder, files)
    return true
  }

  private struct Look {
    let modified: Int64
    let text: [UInt8]
    let isDead: Bool
  }

  private func look(at path: String) -> Look? {
    // What cannot be read may still be seen to change.
    (try? read(path))
      ?? (try? files.status(path, followingLinks: false))?.map {
        Look(modified: $0.modified, text: [], isDead: false)
      }
  }

  private func read(_ path: String) throws -> Look { try LeaseWatch.read(path, files) }

  /// Whether the owner of a file is dead for certain.
  fileprivate static func isDead(_ path: String, _ files: any FileSystem) -> Bool {
    (try? read(path, files))?.isDead == true
  }

  private static func read(_ path: String, _ files: any FileSystem) throws -> Look {
    let file = try InputFile(path, followingLinks: false, files: files)
    let text = try file.bytes(at: 0, count: 128)
    return Look(
      modified: file.status.modified, text: text, isDead: LifeSign.isDeadForCertain(file, text))
  }
}
