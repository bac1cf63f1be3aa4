internal import System

extension Store {
  /// The folders in `objects/` or `actions/`.
  func shelves(of part: String) throws -> [String] {
    guard try files.entry("\(root)/\(part)")?.isFolder == true else { return [] }
    return try files.names(in: "\(root)/\(part)").filter {
      $0.utf8.count == 2 && Digest($0 + String(repeating: "0", count: 62)) != nil
    }
  }

  /// The files in one of these that are named by digests.
  func looseFiles(in shelf: String) throws -> [(digest: Digest, status: FileStatus)] {
    let path = "\(root)/\(shelf)"
    guard try files.entry(path)?.isFolder == true else { return [] }
    return try files.names(in: path).compactMap { name in
      guard let digest = Digest(shelf.suffix(2) + name), let status = try files.entry("\(path)/\(name)"),
        status.isFile
      else { return nil }
      return (digest, status)
    }
  }
}

extension Store {
  /// Tells of every file and segment how large it is, and of what stands in segments a share of that.
  public func forEachStored(_ body: (_ object: Digest, _ bytes: Int) throws -> Void) throws {
    try forEachStoredAlone(body)
    let all = Digest.first...Digest.last
    for segment in try segments.all() {
      let objects = segment.digests(ofRecords: false, all)
      let count = objects.count + segment.digests(ofRecords: true, all).count
      let share = count == 0 ? 0 : Int(segment.status?.size ?? 0) / count
      for object in objects { try body(object, share) }
    }
  }

  /// The same only of those that have a file of their own.
  public func forEachStoredAlone(_ body: (_ object: Digest, _ bytes: Int) throws -> Void) throws {
    for shelf in try shelves(of: "objects") {
      for (digest, status) in try looseFiles(in: "objects/\(shelf)") { try body(digest, Int(status.size)) }
    }
  }

  /// Bytes of an object as it is written out: of a folder, those of its manifest.
  public func sizeOfObject(_ digest: Digest) throws -> Int { try reading(digest) { $0.footer.size } }

  /// Bytes of all files in a folder of the store.
  public func sizeOfFolder(_ part: String) throws -> Int {
    let path = "\(root)/\(part)"
    guard try files.entry(path)?.isFolder == true else { return 0 }
    // What others remove meanwhile takes no room.
    return ((try? files.names(in: path)) ?? []).reduce(0) { sum, name in
      guard let status = (try? files.entry("\(path)/\(name)")) ?? nil else { return sum }
      return sum + (status.isFolder ? (try? sizeOfFolder("\(part)/\(name)")) ?? 0 : Int(status.size))
    }
  }

  /// Whether more than one user may write to it.
  public var isOpenToOthers: Bool { ((try? files.status(root)) ?? nil)?.isGroupWritable == true }

  /// When the record of an action was written, by `timeOfFiles`; nil if there is none.
  public func timeOfRecord(_ key: Digest) throws -> Int64? {
    switch try holder(ofRecord: key) {
    case .own(let path): try files.entry(path)?.modified
    case .segment(let path): try files.entry(path)?.modified
    case nil: nil
    }
  }
}
