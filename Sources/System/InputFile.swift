import Glibc

/// A regular file open for reading, or one of another machine of which parts can be had.
package struct InputFile: ~Copyable {
  package let path: String
  /// When it was opened.
  package let status: FileStatus
  private let files: any FileSystem
  /// Negative for a file of another machine.
  private let descriptor: Int32
  private let distant: Distant?

  /// Fills a buffer from a place in a file, as far as that reaches, and says how far.
  package typealias Distant =
    @Sendable (UnsafeMutableRawBufferPointer, Int) throws(Failure) -> Int

  package init(_ path: String, followingLinks: Bool = true, files: any FileSystem) throws(Failure) {
    (descriptor, status) = try InputFile.open(path, followingLinks, files)
    self.path = path
    self.files = files
    distant = nil
  }

  /// A file of another machine.
  /// - Parameters:
  ///   - path: what messages call it.
  ///   - size: its bytes.
  ///   - read: gets them.
  package init(_ path: String, size: Int, read: @escaping Distant) {
    var status = stat()
    status.st_mode = S_IFREG
    status.st_size = size
    self.path = path
    self.status = FileStatus(status)
    files = LocalFileSystem()
    descriptor = -1
    distant = read
  }

  private static func open(
    _ path: String, _ followingLinks: Bool, _ files: any FileSystem
  ) throws(Failure) -> (Int32, FileStatus) {
    let descriptor = try files.open(path, followingLinks: followingLinks)
    do throws(Failure) {
      let status = try files.status(of: descriptor, path: path)
      if status.isFile { return (descriptor, status) }
      throw Failure(.refused, "\(path) is \(status.kind), where a regular file is needed")
    } catch {
      try? files.close(descriptor, path: path)
      throw error
    }
  }

  /// Nil if there is no such file.
  package static func ifPresent(
    _ path: String, followingLinks: Bool = true, files: any FileSystem
  ) throws(Failure) -> InputFile? {
    do { return try InputFile(path, followingLinks: followingLinks, files: files) } catch {
      if error.code == .notFound { return nil }
      throw error
    }
  }

  deinit { if descriptor >= 0 { try? files.close(descriptor, path: path) } }

  package var size: Int { Int(status.size) }

  /// Fills the buffer as far as the file reaches.
  package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(Failure) -> Int {
    if let distant { return try distant(buffer, offset) }
    return try files.read(into: buffer, from: descriptor, at: offset, path: path)
  }

  package var changed: Failure {
    Failure(
      .refused, "\(path) changed while it was read", hint: "wait until nothing writes to it any more")
  }

  /// Throws if the file is not what it was when it was opened.
  package func checkUnchanged() throws(Failure) {
    let more = try bytes(at: size, count: 1)
    if try files.status(of: descriptor, path: path) != status || !more.isEmpty { throw changed }
  }

  /// Whether it is on a file system whose locks this machine alone keeps.
  package var isOnLocalDisk: Bool { LifeSign.isLocal(descriptor) }

  /// Whether another process, or another part of this one, holds the file's lock: see `FileLock`.
  package var isLocked: Bool { !FileLock.take(descriptor, shared: true) }

  /// Takes the file's lock, until it is closed.
  /// - Returns: false if it is another's, or cannot be had there.
  package borrowing func lock() -> Bool { FileLock.take(descriptor) }
}

extension InputFile {
  /// All bytes, as many as there were when it was opened.
  package func readAll() throws(Failure) -> [UInt8] {
    let bytes = try bytes(at: 0, count: size)
    if bytes.count < size { throw cutShort }
    return bytes
  }

  private var cutShort: Failure { Failure(.unreadable, "cannot read \(path): it ends before its size") }

  /// Some bytes, as far as the file reaches.
  package func bytes(at offset: Int, count: Int) throws(Failure) -> [UInt8] {
    var failure: Failure?
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, count in
      do throws(Failure) {
        count = try read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return bytes
  }

  /// All bytes that there are by now, whatever size the file says that it has.
  /// - Throws: `.refused` for more than `limit`.
  func readOn(limit: Int) throws(Failure) -> [UInt8] {
    var all: [UInt8] = []
    while true {
      let piece = try bytes(at: all.count, count: min(limit + 1 - all.count, 1 << 16))
      if piece.isEmpty { return all }
      all += piece
      if all.count > limit {
        throw Failure(.refused, "\(path) has more than the \(limit) bytes expected here")
      }
    }
  }

  /// Hands out what stands behind a place by now, piece by piece.
  /// - Returns: the place behind that.
  package func forEachPiece(
    from start: Int, limit: Int = .max, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws -> Int {
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(1, min(limit, 1 << 18)), alignment: 64)
    defer { buffer.deallocate() }
    var done = 0
    while done < limit {
      let part = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(limit - done))
      let count = try read(into: part, at: start + done)
      if count == 0 { break }
      try body(UnsafeRawBufferPointer(rebasing: part[..<count]))
      done += count
    }
    return start + done
  }
}
