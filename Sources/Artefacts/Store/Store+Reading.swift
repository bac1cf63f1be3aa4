public import System

extension Store {
  /// Whether an object of this name is there (its bytes are not looked at).
  public func contains(_ digest: Digest) throws(Failure) -> Bool {
    let path = objectPath(digest)
    try checkFolder(of: path)
    if try files.status(path) != nil { return true }
    return try segments.find(.object(digest)) != nil
  }

  /// The bytes of a blob (or a tree's manifest), at most `limit` of them.
  public func bytes(of digest: Digest, limit: Int = 1 << 30) throws -> [UInt8] {
    try reading(digest) { reader in
      if reader.footer.size > limit {
        throw Failure(
          .refused, "\(digest) has \(reader.footer.size) bytes, more than the \(limit) expected here")
      }
      var bytes: [UInt8] = []
      bytes.reserveCapacity(reader.footer.size)
      try reader.stream(coders, bases: bases) { bytes.append(contentsOf: $0) }
      return bytes
    }
  }

  /// Hands out the bytes in pieces, in order. The digest is known to be right only once this returns.
  public func stream(_ digest: Digest, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    try reading(digest) { try $0.stream(coders, bases: bases, body) }
  }

  /// Kind and size, from the object's checked footer; of a blob, the bytes are not decoded.
  public func artefact(_ digest: Digest) throws -> Artefact {
    let (kind, size) = try reading(digest) { ($0.footer.kind, $0.footer.size) }
    if kind == .blob { return Artefact(digest: digest, kind: .blob, size: size) }
    return Artefact(digest: digest, kind: .tree, size: try tree(digest).size)
  }

  /// The entries of a tree.
  public func tree(_ digest: Digest) throws -> Tree {
    let bytes = try bytes(of: digest, limit: Tree.manifestLimit)
    return try Tree(digest, manifest: bytes)
  }

  /// The digest that starts with these eight or more hexadecimal digits (with or without `sha256:`).
  public func resolve(_ prefix: String) throws -> Digest {
    let digits = prefix.hasPrefix("sha256:") ? String(prefix.dropFirst(7)) : prefix
    guard 8...64 ~= digits.utf8.count, digits.utf8.allSatisfy({ 48...57 ~= $0 || 97...102 ~= $0 }) else {
      throw Failure(
        .ambiguous, "'\(prefix)' is not a digest",
        hint: "give eight or more of its hexadecimal digits, as 'brake ls' prints them")
    }
    if let digest = Digest(digits), try contains(digest) { return digest }
    let found = try digests(under: "objects", startingWith: digits)
    guard let first = found.first else {
      throw Failure(
        .notFound, "no object in \(root) has the digest \(prefix)", hint: "see 'brake ls'")
    }
    if found.count > 1 {
      throw Failure(
        .ambiguous,
        "'\(prefix)' fits \(found.count) objects: \(found.prefix(4).map(\.hex).joined(separator: ", "))",
        hint: "give more digits")
    }
    return first
  }

  /// All objects, sorted.
  public func objects() throws -> [Digest] { try digests(under: "objects") }

  /// What stands in `objects/` or `actions/`, and in segments; sorted.
  func digests(under folder: String) throws -> [Digest] {
    var digests: [Digest] = []
    if try files.entry("\(root)/\(folder)")?.isFolder == true {
      digests = try files.names(in: "\(root)/\(folder)").flatMap { try looseDigests(in: "\(folder)/\($0)") }
    }
    let all = Digest.first...Digest.last
    return merged(digests, try segments.digests(ofRecords: folder == "actions", all))
  }

  /// The same of those that start with certain digits.
  func digests(under folder: String, startingWith digits: String) throws -> [Digest] {
    let loose = try looseDigests(in: "\(folder)/\(digits.prefix(2))")
    let range = Digest.first.starting(with: digits)...Digest.last.starting(with: digits)
    return merged(loose, try segments.digests(ofRecords: folder == "actions", range))
      .filter { $0.hex.hasPrefix(digits) }
  }

  private func merged(_ loose: [Digest], _ segmented: [Digest]) -> [Digest] {
    segmented.isEmpty ? loose : Set(loose).union(segmented).sorted()
  }

  /// The names of the files in a folder of `objects/` or `actions/`. Files that are not named by a digest are passed over.
  private func looseDigests(in folder: String) throws -> [Digest] {
    let path = "\(root)/\(folder)"
    guard try files.entry(path)?.isFolder == true else { return [] }
    return try files.names(in: path).compactMap { Digest(folder.suffix(2) + $0) }
  }

  /// The file of an object that has one of its own.
  func openLooseObject(_ digest: Digest) throws -> InputFile? {
    do throws(Failure) {
      try checkFolder(of: objectPath(digest))
      return try InputFile.ifPresent(objectPath(digest), followingLinks: false, files: files)
    } catch {
      throw unreadable(digest, error)
    }
  }

  /// Opens an object and reads from it. What is damaged goes to `quarantine/`; what cannot be read stays.
  func reading<Result>(
    _ digest: Digest, attempts: Int = 4, _ body: (borrowing ObjectReader) throws -> Result
  ) throws -> Result {
    guard let file = try openLooseObject(digest) else { return try readingEntry(digest, attempts, body) }
    let status = file.status
    do { return try body(ObjectReader(ObjectFile(file, as: digest))) } catch let damage as Damage {
      throw quarantine(digest, status, damage.reason)
    } catch let loss as LostBase {
      throw loss.failure(of: digest, in: root)
    } catch let error as Failure {
      throw unreadable(digest, error)
    }
  }

  /// The same of one that stands in a segment.
  private func readingEntry<Result>(
    _ digest: Digest, _ attempts: Int, _ body: (borrowing ObjectReader) throws -> Result
  ) throws -> Result {
    do {
      guard let entry = try entry(.object(digest), damaged: { damaged(digest, in: $0, $1.reason) }) else {
        if attempts > 0, takeBack(digest) { return try reading(digest, attempts: attempts - 1, body) }
        throw missing(digest)
      }
      do { return try body(ObjectReader(entry, digest: digest)) } catch let damage as Damage {
        throw damaged(digest, in: entry.file, damage.reason)
      }
    } catch let error as Failure {
      throw unreadable(digest, error)
    }
  }
}
