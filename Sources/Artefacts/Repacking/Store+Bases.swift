internal import Glibc
internal import System

/// Which objects are stored as differences from which others.
extension Store {
  /// The objects that another one is stored as a difference from, so that the one cannot be read without the others: none if
  /// it stands for itself or is not there, two where weights were predicted from what an optimiser has kept. Cheap: the object's
  /// bytes are not looked at.
  ///
  /// - Throws: what `artefact(_:)` does. Whoever removes what nobody needs must not go on then.
  public func bases(of digest: Digest) throws -> [Digest] {
    guard try files.status(objectPath(digest)) != nil else { return [] }
    return try reading(digest) { $0.footer.bases }
  }

  /// The bases of all objects that are stored as differences: of those that have their place, and of those that are set aside and may
  /// come back.
  /// - Throws: if a file cannot be read; what is damaged is no object any more, and has no base.
  public func differences() throws -> (there: [Digest: [Digest]], aside: [Digest: [Digest]]) {
    var (there, aside): ([Digest: [Digest]], [Digest: [Digest]]) = ([:], [:])
    guard try mayHaveBases else { return (there, aside) }
    for object in try objects() {
      do {
        let bases = try bases(of: object)
        if !bases.isEmpty { there[object] = bases }
      } catch let error as Failure where error.code == .damaged || error.code == .notFound {}
    }
    for object in try namesOfFiles(in: "aside/objects").compactMap({ Digest($0) }) where there[object] == nil
    {
      let bases = try basesAside(of: object)
      if !bases.isEmpty { aside[object] = bases }
    }
    return (there, aside)
  }

  /// Whether there may be an object with a base: the store says so before it has the first. If not, none needs to be asked.
  public var mayHaveBases: Bool {
    get throws { try StoreFolder(root: root, files: files).isRepacked() }
  }

  /// Takes the lock that everybody holds who changes which objects have which bases. It is held until the result is let go
  /// of, or the process ends; whoever reads, adds or removes objects needs it not.
  ///
  /// - Throws: `.refused` if somebody else holds it, or the file system has no locks.
  public func lockBases() throws -> BaseLock {
    let lock = try lockFile("bases")
    // A process that this one has just started holds a lock, too, until it runs its own program: what was let go of a moment ago can
    // seem to be held.
    for _ in 0..<200 {
      if FileLock.take(lock.file) { return lock }
      usleep(10_000)
    }
    throw Failure(
      .refused, "another process is repacking \(root)",
      hint:
        "wait until it has ended; where the file system has no locks, do it on the machine that has the disk")
  }

  /// Takes the lock that everybody holds who adds signatures. Who holds it for long is stopped and adds nothing meanwhile, and some
  /// file systems have no locks: then nobody is waited for.
  func lockSignatures() throws -> BaseLock {
    let lock = try lockFile("signatures")
    for _ in 0..<1000 {
      guard let isTaken = try? FileLock.take(lock.file, path: lock.path), !isTaken else { break }
      usleep(10_000)
    }
    return lock
  }

  /// Opens a file to lock. Nobody removes it: two who lock different files of one name would both have the lock.
  private func lockFile(_ name: String) throws -> BaseLock {
    try make()
    let path = "\(root)/tmp/\(name)"
    // Another user may have made it, whose file this one may read and no more.
    if try files.status(path) == nil {
      try files.close(files.open(path, toWrite: .appending), path: path)
    }
    return BaseLock(try files.open(path, followingLinks: false), path: path, files: files)
  }
}
