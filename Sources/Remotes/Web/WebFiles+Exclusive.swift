import System

/// A file that is made only where there is none: a bucket is asked to see to it, and a server with WebDAV moves a file to its name, but
/// over no other.
extension WebFiles: ExclusiveFiles {
  func makesExclusively(beside format: [UInt8]) async throws -> Bool {
    try await RemoteStore.waiting { [self] in
      if client.bucket != nil { return try put("format", format, ifAbsent: true).status == 412 }
      let path = temporary
      guard try put(path, format).isSuccess else { return false }
      defer { remove(path) }
      // Whoever replaces it all the same puts the same bytes there.
      return try move(path, to: "format").status == 412
    }
  }

  func make(_ path: String, _ bytes: [UInt8]) async throws -> Bool {
    let answer = try await RemoteStore.waiting { [self] in
      if client.bucket != nil { return try put(path, bytes, ifAbsent: true) }
      let temporary = temporary
      let sent = try put(temporary, bytes)
      guard sent.isSuccess else { throw client.refusal(sent, temporary) }
      let answer = try move(temporary, to: path)
      if !answer.isSuccess { remove(temporary) }
      return answer
    }
    guard answer.isSuccess || [404, 409, 412].contains(answer.status) else {
      throw client.refusal(answer, path)
    }
    // An answer may have been lost, and the question asked again; and two may have moved at the same moment.
    return try await self.bytes(of: path, limit: max(bytes.count, 1 << 16)) == bytes
  }

  /// A name that nobody reads.
  private var temporary: String { "catalogue/\(ProcessFolder.randomName()).new" }

  private func put(_ path: String, _ bytes: [UInt8], ifAbsent: Bool = false) throws -> WebAnswer {
    var request = WebRequest(method: "PUT", url: url(path))
    request.body = bytes.count
    if ifAbsent { request.headers.append("If-None-Match: *") }
    var answer = try client.text(request, sending: bytes, limit: 1 << 20).0
    if client.bucket == nil, [403, 404, 409].contains(answer.status) {
      try makeFolders(above: path)
      answer = try client.text(request, sending: bytes, limit: 1 << 20).0
    }
    return answer
  }

  private func move(_ path: String, to target: String) throws -> WebAnswer {
    try client.ask(
      WebRequest(
        method: "MOVE", url: url(path), headers: ["Destination: \(url(target))", "Overwrite: F"]))
  }

  private func remove(_ path: String) { client.takeBack(WebRequest(method: "DELETE", url: url(path))) }
}
