/// A regular file open for reading.
struct InputFile: ~Copyable {
  let path: String
  /// When it was opened.
  let status: FileStatus
  private let files: any FileSystem
  private let descriptor: Int32

  init(_ path: String, files: any FileSystem) throws(ArtefactError) {
    (descriptor, status) = try InputFile.open(path, files)
    self.path = path
    self.files = files
  }

  private static func open(
    _ path: String, _ files: any FileSystem
  ) throws(ArtefactError) -> (Int32, FileStatus) {
    let descriptor = try files.open(path)
    do throws(ArtefactError) {
      let status = try files.status(of: descriptor, path: path)
      if status.isFile { return (descriptor, status) }
      throw ArtefactError(.refused, "\(path) is \(status.kind), where a regular file is needed")
    } catch {
      try? files.close(descriptor, path: path)
      throw error
    }
  }

  /// Nil if there is no such file.
  static func ifPresent(_ path: String, files: any FileSystem) throws(ArtefactError) -> InputFile? {
    do { return try InputFile(path, files: files) } catch {
      if error.code == .notFound { return nil }
      throw error
    }
  }

  deinit { try? files.close(descriptor, path: path) }

  var size: Int { Int(status.size) }

  /// Fills the buffer as far as the file reaches.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(ArtefactError) -> Int {
    try files.read(into: buffer, from: descriptor, at: offset, path: path)
  }

  var changed: ArtefactError {
    ArtefactError(
      .refused, "\(path) changed while it was read", remedy: "wait until nothing writes to it any more")
  }

  /// Throws if the file is not what it was when it was opened.
  func checkUnchanged() throws(ArtefactError) {
    var byte: UInt8 = 0
    let more = try withUnsafeMutableBytes(of: &byte) { buffer in
      Result { () throws(ArtefactError) in try read(into: buffer, at: size) }
    }.get()
    if try files.status(of: descriptor, path: path) != status || more > 0 { throw changed }
  }
}

extension InputFile {
  /// All bytes, as many as there were when it was opened.
  func readAll() throws(ArtefactError) -> [UInt8] {
    var failure: ArtefactError?
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      do throws(ArtefactError) {
        count = try read(into: UnsafeMutableRawBufferPointer(buffer), at: 0)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    if bytes.count < size { throw ArtefactError(.unreadable, "cannot read \(path): it ends before its size") }
    return bytes
  }
}
