import System

/// An object that is sent to S3 in parts, each of which is tried again by itself. It is there as a whole once all of them have
/// come, or not at all; what was begun in vain is taken back.
struct S3Upload {
  let client: WebClient
  let bucket: S3Bucket
  /// Of the object.
  let url: String
  /// What errors call the object.
  let path: String

  /// S3 takes no more parts of one object.
  private static let mostParts = 10_000

  /// Bytes of each part but the last.
  static func partSize(of size: Int, usually part: Int) -> Int {
    let needed = (size + mostParts - 1) / mostParts
    return needed <= part ? part : (needed + 0xF_FFFF) & ~0xF_FFFF
  }

  /// What services call troubles that pass, and saying nothing.
  private static let passing = [
    "InternalError", "ServiceUnavailable", "SlowDown", "RequestTimeout", "nothing",
  ]

  /// Whether the object is there by these parts, or by what somebody else or an earlier try has sent.
  private enum End { case isMade, isThere, hasFailed }

  /// - Parameters:
  ///   - read: fills a buffer with the bytes from an offset on, and says how many.
  ///   - sent: told of how many bytes have gone; negative for those that go again.
  func send(
    size: Int, isReplacing: Bool, sent: (Int) -> Void,
    _ read: (UnsafeMutableRawBufferPointer, Int) throws -> Int
  ) throws {
    for _ in 0..<3 {
      let id = try begin()
      var gone = 0
      do {
        let end = try send(id, size: size, isReplacing: isReplacing, read) { count in
          gone += count
          sent(count)
        }
        if end != .isMade { takeBack(id) }
        if end != .hasFailed {
          takeBackOthers()
          return
        }
        sent(-gone)
      } catch {
        takeBack(id)
        sent(-gone)
        throw error
      }
    }
    throw RemoteFailure.refused(
      client.name, "loses what is sent to it in parts for \(path)", hint: "try again later")
  }

  private func begin() throws -> String {
    let (answer, text) = try client.text(
      WebRequest(method: "POST", url: "\(url)?uploads=", body: 0), limit: 1 << 16)
    guard answer.isSuccess else { throw client.refusal(answer, path) }
    guard let id = S3Text.value(of: "UploadId", in: text), 1...2048 ~= id.utf8.count else {
      throw RemoteFailure.lying(client.name, "says nothing to the wish to send \(path) in parts")
    }
    return WebAddress.escaped(id, slashes: false)
  }

  private func send(
    _ id: String, size: Int, isReplacing: Bool, _ read: (UnsafeMutableRawBufferPointer, Int) throws -> Int,
    sent: (Int) -> Void
  ) throws -> End {
    let partSize = S3Upload.partSize(of: size, usually: bucket.part)
    var list = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
    for (index, start) in stride(from: 0, to: size, by: partSize).enumerated() {
      let part = start..<min(start + partSize, size)
      let answer = try send(part, as: index + 1, of: id, read, sent: sent)
      if answer.status == 404 { return try endUnknown() }
      guard answer.isSuccess else { throw client.refusal(answer, path) }
      guard let tag = answer.headers["etag"], 1...256 ~= tag.utf8.count else {
        throw RemoteFailure.lying(client.name, "gives a part of \(path) no ETag")
      }
      list += "<Part><PartNumber>\(index + 1)</PartNumber><ETag>\(S3Text.escaped(tag))</ETag></Part>"
    }
    return try complete(id, Array((list + "</CompleteMultipartUpload>").utf8), isReplacing: isReplacing)
  }

  private func send(
    _ part: Range<Int>, as number: Int, of id: String,
    _ read: (UnsafeMutableRawBufferPointer, Int) throws -> Int, sent: (Int) -> Void
  ) throws -> WebAnswer {
    let request = WebRequest(
      method: "PUT", url: "\(url)?partNumber=\(number)&uploadId=\(id)", body: part.count)
    var offset = part.lowerBound
    return try withoutActuallyEscaping(read) { read in
      try withoutActuallyEscaping(sent) { sent in
        try client.ask(
          { request },
          body: { buffer in
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(part.upperBound - offset))
            let count = rest.isEmpty ? 0 : try read(rest, offset)
            offset += count
            sent(count)
            return count
          },
          receive: { _, _ in },
          again: {
            sent(part.lowerBound - offset)
            offset = part.lowerBound
          })
      }
    }
  }

  /// Makes the parts an object. A service may say only after it has begun to answer that it has failed.
  private func complete(_ id: String, _ list: [UInt8], isReplacing: Bool) throws -> End {
    var request = WebRequest(method: "POST", url: "\(url)?uploadId=\(id)")
    // It can take minutes, in which not every service says something.
    request.silence = 300
    if !isReplacing { request.headers = ["If-None-Match: *"] }
    var patience = Patience()
    while true {
      let (answer, text) = try client.text(request, sending: list, limit: 1 << 20)
      if answer.isSuccess, text.contains("<CompleteMultipartUploadResult") { return .isMade }
      switch answer.status {
      case 412 where !isReplacing: return .isThere
      // Another one wrote it at the same time, or had it already; or an answer to this was lost.
      case 404, 409: return try endUnknown()
      case 501 where !request.headers.isEmpty: request.headers = []
      case 200...299:
        let code = S3Text.value(of: "Code", in: text) ?? "nothing"
        guard S3Upload.passing.contains(code), try patience.wait() else {
          throw RemoteFailure.refused(
            client.name, "says \(code.visible()) when the parts of \(path) are to become one object",
            hint: S3Upload.passing.contains(code) ? "try again later" : nil)
        }
      default: throw client.refusal(answer, path)
      }
    }
  }

  private func endUnknown() throws -> End {
    let answer = try client.ask(WebRequest(method: "HEAD", url: url))
    if answer.isSuccess { return .isThere }
    guard answer.status == 404 else { throw client.refusal(answer, path) }
    return .hasFailed
  }

  /// - Parameter id: as an address has it.
  private func takeBack(_ id: String) {
    client.takeBack(WebRequest(method: "DELETE", url: "\(url)?uploadId=\(id)"))
  }

  /// Parts that somebody sent for this object who did not come to the end take room for which somebody pays. They are of no use
  /// now that it is there: it is the same bytes, whoever sends them. Who may not do this leaves them.
  private func takeBackOthers() {
    guard let key = bucket.key(of: url) else { return }
    let request = WebRequest(
      method: "GET", url: "\(bucket.url)?prefix=\(WebAddress.escaped(key, slashes: false))&uploads=")
    guard let (answer, text) = try? client.text(request, limit: 1 << 20), answer.isSuccess else { return }
    for upload in S3Text.blocks(of: "Upload", in: text).prefix(100)
    where S3Text.value(of: "Key", in: upload) == key {
      guard let id = S3Text.value(of: "UploadId", in: upload) else { continue }
      takeBack(WebAddress.escaped(id, slashes: false))
    }
  }
}
