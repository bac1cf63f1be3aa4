import System

extension SFTPFiles: RangedFiles {
  func read(_ part: WantedPart, of path: String) throws -> FilePart {
    try asking { session in
      let landing = Landing(path, limit: part.limit)
      guard let size = try SFTPReading(session, [landing]).run(part, { self.place($0) }) else {
        return .missing
      }
      return .bytes(landing.bytes, ofSize: size)
    }
  }
}
