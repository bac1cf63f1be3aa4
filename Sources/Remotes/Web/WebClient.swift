import Synchronization
import System

/// Asks one web server as often as it takes, over connections that stay open. With a bucket, requests are signed for S3.
final class WebClient: Sendable {
  /// What errors call the server.
  let name: String
  let bucket: S3Bucket?
  private let login: String
  /// Seconds after which a server that says next to nothing is given up for good; nil for as much patience as there can be.
  private let silence: Int?
  /// Why such a server is asked no more.
  private let trouble = Mutex<Failure?>(nil)
  private let idle = Mutex<[Connection]>([])

  /// Handed from one task to the next, never used by two.
  private struct Connection: @unchecked Sendable { let handle: WebHandle }

  /// - Parameters:
  ///   - login: what one can do who is not let in.
  ///   - silence: seconds after which a server that says next to nothing is given up for good, by who can do without.
  init(
    name: String, bucket: S3Bucket? = nil,
    login: String = "put the machine's name, login and password into ~/.netrc, or ask for access",
    silence: Int? = nil
  ) {
    self.silence = silence
    self.name = name
    self.bucket = bucket
    self.login = login
  }

  /// Asks until the server answers, or one has asked often enough.
  /// - Parameters:
  ///   - request: made anew for each try.
  ///   - body: fills a buffer with what is to be sent next, and says how many bytes that is.
  ///   - receive: gets what comes with an answer that tells of success.
  ///   - again: called before each further try.
  func ask(
    _ request: () throws -> WebRequest, body: ((UnsafeMutableRawBufferPointer) throws -> Int)? = nil,
    receive: @escaping (UnsafeRawBufferPointer, WebAnswer) throws -> Void, again: () -> Void = {}
  ) throws -> WebAnswer {
    var patience = Patience()
    var hasRenewed = false
    while true {
      try Task.checkCancellation()
      if let failure = trouble.withLock(\.self) { throw failure }
      var request = try request()
      if let silence {
        request.silence = silence
        request.lowestSpeed = WebClient.lowestSpeed
      }
      let identity = try bucket?.sign(&request)
      do {
        let answer = try perform(request, body: body, receive: receive)
        // The answer to HEAD has no words that could say so.
        let mayBeExpired =
          answer.code == "ExpiredToken" || request.method == "HEAD" && [400, 403].contains(answer.status)
        if mayBeExpired, let bucket, !hasRenewed {
          hasRenewed = true
          if try !bucket.identity.renew(unlike: identity) { return answer }
        } else {
          guard [408, 429, 500, 502, 503, 504].contains(answer.status) else { return answer }
          if let silence, answer.wantedPause ?? 0 > Double(silence) { return answer }
          if try !patience.wait(askedFor: answer.wantedPause) { return answer }
        }
      } catch let error as WebBreak {
        let isTooLate = silence != nil && error.isSilence
        if try isTooLate || !error.mayPass || !patience.wait(afterSilence: error.isSilence) {
          let failure = RemoteFailure.unreachable(name, error.text, hint: error.hint)
          if silence != nil { trouble.withLock { $0 = failure } }
          throw failure
        }
      }
      again()
    }
  }

  /// Bytes a second that are next to nothing.
  private static let lowestSpeed = 1000

  /// Asks for something of which the answer is passed over.
  func ask(_ request: WebRequest) throws -> WebAnswer { try ask({ request }) { _, _ in } }

  /// Asks for something small, and may send something small with it.
  /// - Parameter limit: bytes that the answer has at most.
  func text(_ request: WebRequest, sending bytes: [UInt8] = [], limit: Int) throws -> (WebAnswer, String) {
    var request = request
    if !bytes.isEmpty { request.body = bytes.count }
    var (sent, text) = (0, [UInt8]())
    let answer = try ask(
      { request },
      body: { buffer in
        let count = min(buffer.count, bytes.count - sent)
        buffer.copyBytes(from: bytes[sent..<sent + count])
        sent += count
        return count
      },
      receive: { [name] piece, _ in
        guard piece.count <= limit - text.count else {
          throw RemoteFailure.lying(name, "sends more than \(limit) bytes where a short answer is due")
        }
        text += piece
      },
      again: { (sent, text) = (0, []) })
    return (answer, String(decoding: text, as: UTF8.self))
  }

  /// Asks once, for a few seconds, even where the task was cancelled: so what was begun is taken back. Nobody hears whether it
  /// succeeded.
  func takeBack(_ request: WebRequest) {
    var request = request
    request.isTakingBack = true
    request.seconds = 10
    _ = try? bucket?.sign(&request)
    _ = try? perform(request, body: nil) { _, _ in }
  }

  private func perform(
    _ request: WebRequest, body: ((UnsafeMutableRawBufferPointer) throws -> Int)?,
    receive: @escaping (UnsafeRawBufferPointer, WebAnswer) throws -> Void
  ) throws -> WebAnswer {
    let connection = try idle.withLock { $0.popLast() } ?? Connection(handle: WebHandle())
    let answer = try connection.handle.perform(request, body: body, receive: receive)
    idle.withLock { $0.append(connection) }
    return answer
  }

  /// Whether an answer says that there is no such file.
  /// - Throws: if there is not even the bucket.
  func isMissing(_ answer: WebAnswer, _ path: String) throws -> Bool {
    if bucket != nil, answer.code == "NoSuchBucket" { throw refusal(answer, path) }
    return answer.status == 404 || answer.status == 410
  }

  /// What is told of an answer that is none to be content with.
  func refusal(_ answer: WebAnswer, _ path: String) -> Failure {
    let hint: String? =
      switch answer.status {
      case 300...399 where bucket != nil:
        "the bucket is elsewhere\(answer.region): give its region (?region=NAME or AWS_REGION), "
          + "or the address of its service (?endpoint=URL or AWS_ENDPOINT_URL)"
      case 401, 403: bucket.map(\.identity.hint) ?? login
      case 404 where bucket != nil: "check the name of the bucket, and make it if there is none"
      case 405, 501: bucket == nil ? "to write, a web server needs WebDAV" : nil
      case 413:
        "the server takes no file that large: raise its limit (nginx: client_max_body_size 0; Apache: LimitRequestBody 0)"
      case 507: "it has no room left"
      case 429, 500...599: "try again later"
      default: nil
      }
    let code = answer.code.map { " (\($0))" } ?? ""
    return RemoteFailure.refused(
      name, "answers \(answer.status)\(code) to the request for \(path)", hint: hint,
      cause: [401, 403].contains(answer.status) ? RemoteFailure.Forbidden() : nil)
  }
}

extension WebAnswer {
  /// The region of a bucket that was asked for in another one, if the answer names it.
  fileprivate var region: String {
    headers["x-amz-bucket-region"].map { 1...64 ~= $0.utf8.count ? ", in \($0.visible())" : "" } ?? ""
  }
}
