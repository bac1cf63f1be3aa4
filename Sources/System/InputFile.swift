/// A regular file open for reading.
package struct InputFile: ~Copyable {
  package let path: String
  /// When it was opened.
  package let status: FileStatus
  private let files: any FileSystem
  private let descriptor: Int32

  package init(_ path: String, files: any FileSystem) throws(Failure) {
    (descriptor, status) = try InputFile.open(path, files)
    self.path = path
    self.files = files
  }

  private static func open(
    _ path: String, _ files: any FileSystem
  ) throws(Failure) -> (Int32, FileStatus) {
    let descriptor = try files.open(path)
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
  package static func ifPresent(_ path: String, files: any FileSystem) throws(Failure) -> InputFile? {
    do { return try InputFile(path, files: files) } catch {
      if error.code == .notFound { return nil }
      throw error
    }
  }

  deinit { try? files.close(descriptor, path: path) }

  package var size: Int { Int(status.size) }

  /// Fills the buffer as far as the file reaches.
  package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(Failure) -> Int {
    try files.read(into: buffer, from: descriptor, at: offset, path: path)
  }

  package var changed: Failure {
    Failure(
      .refused, "\(path) changed while it was read", hint: "wait until nothing writes to it any more")
  }

  /// Throws if the file is not what it was when it was opened.
  package func checkUnchanged() throws(Failure) {
    var byte: UInt8 = 0
    let more = try withUnsafeMutableBytes(of: &byte) { buffer in
      Result { () throws(Failure) in try read(into: buffer, at: size) }
    }.get()
    if try files.status(of: descriptor, path: path) != status || more > 0 { throw changed }
  }
}

extension InputFile {
  /// All bytes, as many as there were when it was opened.
  package func readAll() throws(Failure) -> [UInt8] {
    var failure: Failure?
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      do throws(Failure) {
        count = try read(into: UnsafeMutableRawBufferPointer(buffer), at: 0)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    if bytes.count < size { throw Failure(.unreadable, "cannot read \(path): it ends before its size") }
    return bytes
  }
}
