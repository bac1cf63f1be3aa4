import System

extension SFTPFiles: RangedFiles {
  func read(_ part: WantedPart, of path: String) throws -> FilePart {
    try asking { session in
      var bytes: [UInt8] = []
      let landing = Landing(path, limit: part.limit) { bytes += $0 }
      guard let size = try SFTPReading(session, [landing]).run(part, { self.place($0) }) else {
        return .missing
      }
      return .bytes(bytes, ofSize: size)
    }
  }
}
