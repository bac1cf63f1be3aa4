import Foundation
import Support
import System
import Testing

@testable import Artefacts

/// What can be said of an object's file while it comes.
@Suite struct ArrivingObjectTests {
  private let folder = TemporaryFolder()

  /// The files of objects with some contents.
  private func files(of contents: [[UInt8]]) throws -> [[UInt8]] {
    let store = try Store(at: folder["store"], files: .withoutSynchronising)
    let publication = store.publication()
    let digests = try contents.map { try publication.add(bytes: $0).digest }
    try publication.commit()
    return try digests.map { digest in
      [UInt8](try #require(FileManager.default.contents(atPath: store.objectPath(digest))))
    }
  }

  /// Why bytes are refused that come in pieces of a size; nil if they are not.
  private func refusal(_ bytes: [UInt8], by size: Int = 1000) -> String? {
    var arriving = ArrivingObject()
    for start in stride(from: 0, to: bytes.count, by: size) {
      let piece = Array(bytes[start..<min(start + size, bytes.count)])
      do { try piece.withUnsafeBytes { try arriving.take($0) } } catch { return "\(error)" }
    }
    return nil
  }

  @Test func `The files of objects pass, in pieces of any size`() throws {
    let contents = [[], [1], mixed(5000), mixed(2_500_000), [UInt8](repeating: 0, count: 3_000_000)]
    for file in try files(of: contents) {
      for size in [1, 7, 4096, 1 << 24] { #expect(refusal(file, by: size) == nil) }
    }
  }

  @Test func `What is no object is refused where that shows`() throws {
    let file = try files(of: [mixed(5000)])[0]
    let header = ObjectFormat.header
    let page = Array("<html><body>Please log in, and then try this once more.</body></html>".utf8)
    #expect(refusal(page)?.contains("does not begin") == true)
    #expect(refusal(header + page)?.contains("does not start with a zstd frame") == true)
    #expect(refusal(file + [0])?.contains("follows") == true)
    // A frame of two MiB, and a footer that is longer than there are chunks.
    let frame: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0xA4, 0, 0, 0x20, 0]
    #expect(refusal(header + frame)?.contains("larger than any chunk") == true)
    #expect(refusal(header + ObjectFormat.frame(length: 1 << 20))?.contains("footer") == true)
    // Blocks that hold nothing, without an end.
    let start: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0xA4, 0, 0, 0x10, 0]
    let blocks = [UInt8](repeating: 0, count: 4 << 20)
    #expect(refusal(header + start + blocks)?.contains("malformed") == true)
    var newer = header
    newer[13] += 1
    #expect(refusal(newer)?.contains("newer brake") == true)
  }
}
