import Artefacts
import System

extension PipeServer {
  /// Takes apart what comes as segments.
  func takeSegments(_ count: Int) throws {
    for _ in 0..<count {
      do {
        let path = try receiveSegment()
        defer { try? store.files.remove(path) }
        try store.takeApart(segment: path) {
          try wire.send(UInt8(3))
          try wire.flush()
        }
        try wire.send(UInt8(1))
      } catch let error as Failure where error.code != .remote {
        try wire.send(UInt8(2))
        try wire.send(text: PipeServer.words(error))
      }
      try wire.flush()
    }
  }

  /// All of it is read whatever happens, so that both ends know where they are.
  /// - Returns: where it is.
  /// - Throws: why it is not wanted, or was not sent.
  private func receiveSegment() throws -> String {
    var failure: (any Error)?
    if isReadOnly { failure = Failure(.refused, "this store is served for reading only") }
    var path = ""
    if failure == nil { do { path = try store.newFilePath() } catch { failure = error } }
    let landing = Landing("a segment", limit: SealedSegment.sizeLimit, file: (path, store.files))
    defer { if !path.isEmpty { landing.discard() } }
    let reason = try wire.receiveFile { piece in
      guard failure == nil else { return }
      do { try landing.append(piece, from: "the other end") } catch { failure = error }
    }
    if let reason { throw Failure(.refused, reason) }
    if let failure { throw Failure(.refused, PipeServer.words(failure)) }
    landing.arrive()
    _ = try landing.isThere()
    return path
  }
}
