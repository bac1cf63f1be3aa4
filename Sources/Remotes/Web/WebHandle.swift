import CCurl
import Glibc
import System

/// One connection's worth of libcurl: requests one after the other, over a connection that stays open between them.
/// Servers' certificates are verified; passwords come from `~/.netrc`.
final class WebHandle {
  private let library: Libcurl
  private let easy: Libcurl.Handle

  init() throws {
    library = try Libcurl.shared.get()
    guard let easy = library.makeHandle() else {
      throw Failure(.remote, "libcurl cannot be started: there is too little memory")
    }
    self.easy = easy
  }

  deinit { library.removeHandle(easy) }

  /// Sends a request and takes the answer.
  ///
  /// - Parameters:
  ///   - body: fills a buffer with the next bytes to send, and says how many; nil where nothing is sent.
  ///   - receive: gets the bytes of an answer that tells of success, and the answer's head.
  /// - Returns: the answer's head, and the start of what came with one that tells of no success.
  /// - Throws: a `WebBreak` if no whole answer came, or what `body` and `receive` throw.
  func perform(
    _ request: WebRequest, body: ((UnsafeMutableRawBufferPointer) throws -> Int)? = nil,
    receive: @escaping (UnsafeRawBufferPointer, WebAnswer) throws -> Void
  ) throws -> WebAnswer {
    library.resetHandle(easy)
    let exchange = WebExchange(library, easy, send: body, receive: receive)
    let isSecure = request.url.hasPrefix("https:")
    set(.url, request.url)
    set(.userAgent, "brake")
    set(.protocols, Libcurl.http | Libcurl.https)
    // Whoever was asked over TLS leads nowhere else.
    set(.redirectProtocols, isSecure ? Libcurl.https : Libcurl.http | Libcurl.https)
    set(.followLocation, request.body == nil && !request.isBesides && !request.isSigned ? 1 : 0)
    set(.maxRedirects, 5)
    // What a proxy says before the server is heard is not the server's.
    set(.suppressConnectHeaders, 1)
    set(.noSignal, 1)
    set(.connectTimeout, min(WebHandle.connectSeconds, request.silence, request.seconds ?? .max))
    if let seconds = request.seconds { set(.timeout, seconds) }
    // Who sends less than this for so long has stopped.
    set(.lowSpeedLimit, request.lowestSpeed)
    set(.lowSpeedTime, request.silence)
    if request.isBesides { set(.noProxy, "*") } else { set(.netrc, Libcurl.netrcOptional) }
    set(.keepAlive, 1)
    if let file = WebHandle.certificates { set(.certificates, file) }

    var headers: UnsafeMutableRawPointer?
    defer { library.removeList(headers) }
    // curl would wait for leave to send, for a second, from servers that never give it.
    for header in request.headers + ["Expect:"] { headers = library.append(headers, header) }
    brake_curl_set_pointer(library.set, easy, Libcurl.Option.headers.rawValue, headers)

    if let body = request.body {
      set(.upload, 1)
      brake_curl_set_size(library.set, easy, Libcurl.Option.uploadSize.rawValue, Int64(body))
    }
    switch request.method {
    case "GET", "PUT": break
    case "HEAD": set(.noBody, 1)
    default: set(.customRequest, request.method)
    }

    let box = Unmanaged.passUnretained(exchange).toOpaque()
    set(.writeFunction, .writeData, box) { bytes, size, count, box in
      WebExchange.of(box).take(UnsafeRawBufferPointer(start: bytes, count: Int(size * count)))
    }
    set(.readFunction, .readData, box) { bytes, size, count, box in
      WebExchange.of(box).fill(UnsafeMutableRawBufferPointer(start: bytes, count: Int(size * count)))
    }
    set(.headerFunction, .headerData, box) { bytes, size, count, box in
      WebExchange.of(box).takeHeader(UnsafeRawBufferPointer(start: bytes, count: Int(size * count)))
    }
    if !request.isTakingBack {
      set(.noProgress, 0)
      brake_curl_set_progress(library.set, easy, Libcurl.Option.progressFunction.rawValue) { _, _, _, _, _ in
        Task.isCancelled ? 1 : 0
      }
    }

    let code = withExtendedLifetime(exchange) { library.perform(easy) }
    if let error = exchange.error { throw error }
    if !request.isTakingBack { try Task.checkCancellation() }
    if code != 0 { throw WebBreak(code: code, text: String(cString: library.text(code))) }
    exchange.answer.status = exchange.status
    exchange.answer.words = String(decoding: exchange.words, as: UTF8.self)
    return exchange.answer
  }

  private func set(_ option: Libcurl.Option, _ value: Int) {
    brake_curl_set_long(library.set, easy, option.rawValue, value)
  }

  private func set(_ option: Libcurl.Option, _ value: String) {
    brake_curl_set_text(library.set, easy, option.rawValue, value)
  }

  private func set(
    _ function: Libcurl.Option, _ data: Libcurl.Option, _ box: UnsafeMutableRawPointer,
    _ body: @escaping brake_curl_transfer
  ) {
    brake_curl_set_transfer(library.set, easy, function.rawValue, body)
    brake_curl_set_pointer(library.set, easy, data.rawValue, box)
  }

  private static let connectSeconds = 15

  /// Certificates of authorities that are trusted instead of the system's.
  private static let certificates = Environment["SSL_CERT_FILE"]
}

/// What is asked of a server.
struct WebRequest {
  var method: String
  var url: String
  /// `Name: value`
  var headers: [String] = []
  /// Bytes that are sent with it.
  var body: Int?
  /// Seconds after which a server that says nothing is given up.
  var silence = 30
  /// Bytes a second of which fewer are nothing.
  var lowestSpeed = 1
  /// Seconds after which it is given up in any case.
  var seconds: Int?
  /// Whether it goes to a service beside the machine: past all proxies, to nowhere else, and without passwords of `~/.netrc`.
  var isBesides = false
  /// Whether it is signed for a bucket: a signature and its token count for one host, and go to no other.
  var isSigned = false
  /// Whether it is asked even where the task was cancelled.
  var isTakingBack = false
}

/// The head of an answer.
struct WebAnswer {
  var status = 0
  /// By name in small letters; the last of several.
  var headers: [String: String] = [:]

  /// What the hub of Hugging Face says of a file, as the first answer has it that says it: the server that was asked may lead on, to
  /// another name of its own and then to another server, which has no say against it.
  fileprivate(set) var first: [String: String] = [:]
  fileprivate static let ofHub: Set = ["x-repo-commit", "x-linked-size", "x-linked-etag", "x-error-code"]
  /// What came with one that tells of no success, as far as it is not long.
  var words = ""

  var isSuccess: Bool { 200...299 ~= status }
  /// What S3 or the hub of Hugging Face calls an error.
  var code: String? {
    (S3Text.value(of: "Code", in: words) ?? first["x-error-code"]).flatMap { code in
      1...64 ~= code.utf8.count && code.allSatisfy { $0.isASCII && $0.isLetter } ? code : nil
    }
  }
  /// Seconds for which the server wants to be left alone: as their number, or as the moment at which they end.
  var wantedPause: Double? {
    guard let text = headers["retry-after"] else { return nil }
    return Double(text)
      ?? WebMoment.seconds(text).map { max(0, Double($0) - Double(SystemTime.real()) / 1e9) }
  }
  /// Bytes that are to come with it.
  var length: Int? { headers["content-length"].flatMap { Int($0) } }
}

/// One request and its answer, as libcurl calls back about it.
private final class WebExchange {
  var answer = WebAnswer()
  var error: (any Error)?
  private let library: Libcurl
  private let easy: Libcurl.Handle
  private let send: ((UnsafeMutableRawBufferPointer) throws -> Int)?
  private let receive: (UnsafeRawBufferPointer, WebAnswer) throws -> Void

  init(
    _ library: Libcurl, _ easy: Libcurl.Handle, send: ((UnsafeMutableRawBufferPointer) throws -> Int)?,
    receive: @escaping (UnsafeRawBufferPointer, WebAnswer) throws -> Void
  ) {
    self.library = library
    self.easy = easy
    self.send = send
    self.receive = receive
  }

  static func of(_ box: UnsafeMutableRawPointer?) -> WebExchange {
    Unmanaged<WebExchange>.fromOpaque(box!).takeUnretainedValue()
  }

  var status: Int {
    var status = 0
    brake_curl_get_long(library.get, easy, Libcurl.responseCode, &status)
    return status
  }

  /// - Returns: how many bytes were taken; any other number than all of them ends the request.
  func take(_ bytes: UnsafeRawBufferPointer) -> UInt {
    answer.status = status
    // Of what a server says of its troubles the start is kept; endless words are not listened to.
    guard answer.isSuccess else {
      words.append(contentsOf: bytes.prefix(4096 - words.count))
      said += bytes.count
      return said > 1 << 20 ? 0 : UInt(bytes.count)
    }
    do { try receive(bytes, answer) } catch {
      self.error = error
      return 0
    }
    return UInt(bytes.count)
  }

  /// Bytes of an answer that tells of no success, and its start.
  private var said = 0
  private(set) var words: [UInt8] = []

  func fill(_ buffer: UnsafeMutableRawBufferPointer) -> UInt {
    do { return UInt(try send?(buffer) ?? 0) } catch {
      self.error = error
      return UInt(Libcurl.abortReading)
    }
  }

  /// Tells the server at once that the head has come. Some send the rest only then, and the system would wait 40 ms.
  private func acknowledge() {
    var (connection, yes) = (-1, Int32(1))
    brake_curl_get_long(library.get, easy, Libcurl.activeSocket, &connection)
    setsockopt(
      Int32(truncatingIfNeeded: connection), Int32(IPPROTO_TCP), TCP_QUICKACK, &yes,
      socklen_t(MemoryLayout<Int32>.size))
  }

  /// Whether the head that comes is not yet that of an answer (1xx, such as 103 Early Hints).
  private var isBeforehand = false

  func takeHeader(_ bytes: UnsafeRawBufferPointer) -> UInt {
    let line = String(decoding: bytes, as: UTF8.self)
    if line == "\r\n" { acknowledge() }
    // Another head, after a redirection or what was said beforehand.
    if line.hasPrefix("HTTP/") {
      answer.headers = [:]
      isBeforehand = line.split(separator: " ").dropFirst().first?.hasPrefix("1") == true
    }
    if !isBeforehand, let colon = line.firstIndex(of: ":"), answer.headers.count < 200, bytes.count < 16384 {
      let name = line[..<colon].lowercased()
      let value = String(line[line.index(after: colon)...].trimmed)
      answer.headers[name] = value
      if WebAnswer.ofHub.contains(name), answer.first[name] == nil { answer.first[name] = value }
    }
    return UInt(bytes.count)
  }
}

extension Substring {
  /// Without white space at both ends.
  fileprivate var trimmed: Substring {
    var text = drop { $0.isWhitespace }
    while text.last?.isWhitespace == true { text.removeLast() }
    return text
  }
}
