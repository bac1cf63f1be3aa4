/// SFTP gives a file no name that another one has.
extension SFTPFiles: ExclusiveFiles {
  func makesExclusively(beside format: [UInt8]) async throws -> Bool { true }

  func make(_ path: String, _ bytes: [UInt8]) async throws -> Bool {
    try await write([Shipment(path: path, content: .bytes(bytes))])
    return try await self.bytes(of: path, limit: max(bytes.count, 1 << 16)) == bytes
  }
}
