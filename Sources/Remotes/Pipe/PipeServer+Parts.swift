import System

extension PipeServer {
  /// Answers who wants parts of objects.
  func readParts(_ count: Int) throws {
    var wanted: [(path: String, part: WantedPart)] = []
    for _ in 0..<count { wanted.append((try path(), try part())) }
    for (path, part) in wanted {
      var hasBegun = false
      do {
        let isThere = try files.read(
          part, of: path,
          begin: { size in
            hasBegun = true
            try wire.send(UInt8(1))
            try wire.send(UInt64(size))
          }, { try wire.send(piece: $0) })
        if isThere { try wire.send(UInt32(0)) } else { try wire.send(UInt8(0)) }
      } catch {
        if hasBegun { try wire.send(Wire.noMore) } else { try wire.send(UInt8(2)) }
        try wire.send(text: PipeServer.words(error))
      }
    }
  }

  private func part() throws -> WantedPart {
    let start = try wire.receive(UInt64.self)
    guard let count = Int(exactly: try wire.receive(UInt64.self)) else { throw violation }
    if start == Wire.fromEnd { return .last(count) }
    guard let start = Int(exactly: start), count <= Int.max - start else { throw violation }
    return .range(start..<start + count)
  }
}
