/// Takes the next bytes of a file that is being written.
package typealias Append = (UnsafeRawBufferPointer) throws -> Void

extension FileSystem {
  /// All bytes of a file; nil if it is not there.
  /// - Throws: `.refused` for what is not a regular file, or larger than `limit` bytes.
  public func contents(of path: String, limit: Int) throws(Failure) -> [UInt8]? {
    guard let file = try InputFile.ifPresent(path, files: self) else { return nil }
    // The kernel's own files, as in /proc, say that they are empty and are not.
    if file.size == 0 { return try file.readOn(limit: limit) }
    if file.size > limit { throw tooLarge(path, file.size, limit) }
    return try file.readAll()
  }

  private func tooLarge(_ path: String, _ size: Int, _ limit: Int) -> Failure {
    Failure(.refused, "\(path) has \(size) bytes, more than the \(limit) expected here")
  }

  /// The last bytes of a file, at most `limit` of them; nil if it is not there.
  package func end(of path: String, limit: Int) throws(Failure) -> [UInt8]? {
    guard let file = try InputFile.ifPresent(path, files: self) else { return nil }
    let count = min(limit, file.size)
    return try file.bytes(at: file.size - count, count: count)
  }

  /// Creates a file with what `body` appends; removes it if anything fails.
  package func writeFile<Result>(
    _ path: String, mode: UInt32, _ body: (@escaping Append) throws -> Result
  ) throws -> Result {
    let file = try create(path, mode: mode)
    do {
      let result: Result
      do {
        result = try body { try write($0, to: file, path: path) }
      } catch {
        try? close(file, path: path)
        throw error
      }
      try close(file, path: path)
      return result
    } catch {
      try? remove(path)
      throw error
    }
  }

  /// Creates a small file, or writes one anew or at its end: not durable, and not at one stroke.
  package func write(_ bytes: [UInt8], to path: String, _ writing: Writing = .replacing) throws(Failure) {
    let file = try open(path, toWrite: writing)
    var failure: Failure?
    bytes.withUnsafeBytes { bytes in
      do throws(Failure) { try write(bytes, to: file, path: path) } catch { failure = error }
    }
    do throws(Failure) { try close(file, path: path) } catch { failure = failure ?? error }
    if let failure { throw failure }
  }

  /// Writes a small file whole: under a temporary name first, durable, then in place of whatever has the name.
  package func replace(_ path: String, with bytes: [UInt8], by temporary: String) throws {
    try writeFile(temporary, mode: 0o666) { try bytes.withUnsafeBytes($0) }
    do {
      try synchronise(temporary)
      try rename(temporary, to: path)
    } catch {
      try? remove(temporary)
      throw error
    }
    try synchronise(parentFolder(of: path))
  }

  /// Copies a part of an open file to a new one, as far as it reaches.
  package func copy(_ range: Range<Int>, of file: borrowing InputFile, to path: String, mode: UInt32) throws {
    try copy(range, of: file, into: create(path, mode: mode), path: path)
  }

  /// Adds a part of an open file to the end of another, as far as it reaches.
  package func append(_ range: Range<Int>, of file: borrowing InputFile, to path: String) throws {
    try copy(range, of: file, into: open(path, toWrite: .appending), path: path)
  }

  private func copy(
    _ range: Range<Int>, of file: borrowing InputFile, into output: Int32, path: String
  ) throws {
    do {
      _ = try file.forEachPiece(from: range.lowerBound, limit: range.count) {
        try write($0, to: output, path: path)
      }
    } catch {
      try? close(output, path: path)
      throw error
    }
    try close(output, path: path)
  }
}
