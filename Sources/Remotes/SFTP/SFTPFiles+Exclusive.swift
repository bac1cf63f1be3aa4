/// SFTP's rename is to give a file no name that another one has; there are servers that replace that one.
extension SFTPFiles: ExclusiveFiles {
  func makesExclusively(beside format: [UInt8]) async throws -> Bool {
    try await talking { session in
      let writing = SFTPWriting(session, root: self.root)
      defer { writing.end() }
      try writing.begin()
      let shipment = Shipment(path: StorePath.format.text, content: .bytes(format), isReplacing: true)
      return try !writing.replacesByRename(shipment)
    }
  }

  func make(_ path: String, _ bytes: [UInt8]) async throws -> Bool {
    try await write([Shipment(path: path, content: .bytes(bytes))])
    return try await self.bytes(of: path, limit: max(bytes.count, 1 << 16)) == bytes
  }
}
