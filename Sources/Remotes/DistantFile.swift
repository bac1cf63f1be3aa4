import Synchronization
import System

/// A file of another place that is read in parts, of which the end was read first: there stands where everything else is.
final class DistantFile: Sendable {
  let path: String
  let size: Int
  private let files: any RangedFiles
  private let progress: TransferProgress
  /// What was read last stands beside what is wanted next.
  private let blocks: Mutex<[Block]>

  private struct Block {
    let start: Int
    let bytes: [UInt8]
  }

  /// Bytes that are read at least.
  private static let least = 1 << 16
  /// Bytes before its end that are read all at once: parts of so short a file, each of them at least that long, would be more.
  private static let short = 3 * least
  /// Bytes that are asked for at once.
  private static let most = 4 << 20

  enum Missing: Error { case file, parts }

  /// - Throws: `Missing` if there is no such file, or no part of it is to be had.
  init(_ path: String, of files: any RangedFiles, progress: TransferProgress) throws {
    self.path = path
    self.files = files
    self.progress = progress
    switch try files.read(.last(DistantFile.least), of: path) {
    case .bytes(let bytes, let size):
      self.size = size
      progress.bytesHaveCome(bytes.count)
      blocks = Mutex([Block(start: size - bytes.count, bytes: bytes)])
    case .missing: throw Missing.file
    case .wholeOnly: throw Missing.parts
    }
  }

  /// The file as one that is open.
  var opened: InputFile {
    InputFile("\(files.name)/\(path)", size: size) { buffer, offset throws(Failure) in
      do {
        try self.read(into: buffer, at: offset)
        return buffer.count
      } catch let error as Failure { throw error } catch {
        throw RemoteFailure.unreachable(self.files.name, "\(error)", cause: error)
      }
    }
  }

  private func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws {
    var done = 0
    while done < buffer.count {
      let count = min(buffer.count - done, DistantFile.most)
      let block = try block(from: offset + done, count)
      let start = offset + done - block.start
      block.bytes.withUnsafeBytes {
        UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<start + count]))
      }
      done += count
    }
  }

  private func block(from start: Int, _ count: Int) throws -> Block {
    let known = blocks.withLock { blocks in
      blocks.first { $0.start <= start && start + count <= $0.start + $0.bytes.count }
    }
    if let known { return known }
    let end = blocks.withLock { $0[0] }
    let isShort = 1...DistantFile.short ~= end.start
    let wanted = isShort ? 0..<end.start : start..<min(size, start + max(count, DistantFile.least))
    switch try files.read(.range(wanted), of: path) {
    case .bytes(let bytes, ofSize: size) where bytes.count == wanted.count:
      progress.bytesHaveCome(bytes.count)
      if isShort {
        let whole = Block(start: 0, bytes: bytes + end.bytes)
        blocks.withLock { $0 = [whole] }
        return whole
      }
      let block = Block(start: start, bytes: bytes)
      // The end stays, and the last block.
      blocks.withLock { $0 = [$0[0], block] }
      return block
    default: throw RemoteFailure.lying(files.name, "has another file as \(path) than a moment ago")
    }
  }
}
