internal import System

/// The segment that this process writes. Only its end is ever written to, and nobody else writes to it. Its owner sees to it
/// that no two threads use it at once.
final class SegmentWriter: @unchecked Sendable {
  let file: SegmentFile
  let compressor = Compressor()
  private let files: any FileSystem
  private let descriptor: Int32
  private(set) var size = 0
  private let status: FileStatus

  /// Creates an empty segment under a name that nothing has.
  /// - Parameter folder: the folder of the segments, which is there.
  init(in folder: String, files: any FileSystem) throws(Failure) {
    file = SegmentFile(ProcessFolder.randomName(), in: folder, files: files, isOwn: true)
    self.files = files
    descriptor = try files.create(file.path, mode: 0o444)
    do throws(Failure) {
      status = try files.status(of: descriptor, path: file.path)
    } catch {
      try? files.close(descriptor, path: file.path)
      try? files.remove(file.path)
      throw error
    }
  }

  deinit { try? files.close(descriptor, path: file.path) }

  /// Adds groups, with one write, durably. After an error nothing may be added any more: nobody knows what stands at the end.
  func append(_ groups: [UInt8]) throws(Failure) {
    let bytes = size == 0 ? SegmentFormat.header + groups : groups
    do throws(Failure) {
      try write(bytes)
      try files.synchronise(file.path)
    } catch {
      // What may not survive should not be seen either.
      try? files.resize(descriptor, to: size, path: file.path)
      throw error
    }
    size += bytes.count
  }

  private func write(_ bytes: [UInt8]) throws(Failure) {
    var failure: Failure?
    bytes.withUnsafeBytes { bytes in
      do throws(Failure) { try files.write(bytes, to: descriptor, path: file.path) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  /// Whether it still stands under its name: otherwise someone who found it damaged has moved it away, and who looks
  /// for what was added last may not find it.
  var isInPlace: Bool {
    ((try? files.status(file.path, followingLinks: false)) ?? nil)?.isSameFile(as: status) == true
  }

  /// Says that nothing more comes. Not durable: without it the segment is read instead.
  func seal() { try? write(file.newSeal) }
}
