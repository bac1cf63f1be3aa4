import CCurl
import Glibc
import System

/// libcurl, loaded when the first request is made: no other command waits for it and for the twenty libraries that it needs.
/// The numbers are those of its interface, which have never changed (curl.h of libcurl 7.88).
struct Libcurl: @unchecked Sendable {
  typealias Handle = UnsafeMutableRawPointer

  let makeHandle: @convention(c) () -> Handle?
  let removeHandle: @convention(c) (Handle) -> Void
  let resetHandle: @convention(c) (Handle) -> Void
  let perform: @convention(c) (Handle) -> Int32
  let text: @convention(c) (Int32) -> UnsafePointer<CChar>
  let append: @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<CChar>) -> UnsafeMutableRawPointer?
  let removeList: @convention(c) (UnsafeMutableRawPointer?) -> Void
  let set: brake_curl_variadic
  let get: brake_curl_variadic

  /// Made once; nil with what the loader said where there is none.
  static let shared: Result<Libcurl, Failure> = Result { () throws(Failure) in try Libcurl() }

  private init() throws(Failure) {
    guard let library = dlopen("libcurl.so.4", RTLD_NOW) ?? dlopen("libcurl-gnutls.so.4", RTLD_NOW) else {
      throw Failure(
        .remote,
        "libcurl, which requests to web servers need, cannot be loaded: \(String(cString: dlerror()))",
        hint: "install it, for instance with 'apt-get install libcurl4'")
    }
    func function<Kind>(_ name: String, _ kind: Kind.Type) throws(Failure) -> Kind {
      guard let symbol = dlsym(library, name) else {
        throw Failure(
          .remote, "the library libcurl that is installed has no \(name)", hint: "install a newer one")
      }
      return unsafeBitCast(symbol, to: kind)
    }
    makeHandle = try function("curl_easy_init", (@convention(c) () -> Handle?).self)
    removeHandle = try function("curl_easy_cleanup", (@convention(c) (Handle) -> Void).self)
    resetHandle = try function("curl_easy_reset", (@convention(c) (Handle) -> Void).self)
    perform = try function("curl_easy_perform", (@convention(c) (Handle) -> Int32).self)
    text = try function("curl_easy_strerror", (@convention(c) (Int32) -> UnsafePointer<CChar>).self)
    append = try function(
      "curl_slist_append",
      (@convention(c) (UnsafeMutableRawPointer?, UnsafePointer<CChar>) -> UnsafeMutableRawPointer?).self)
    removeList = try function("curl_slist_free_all", (@convention(c) (UnsafeMutableRawPointer?) -> Void).self)
    set = try function("curl_easy_setopt", brake_curl_variadic.self)
    get = try function("curl_easy_getinfo", brake_curl_variadic.self)
    let start = try function("curl_global_init", (@convention(c) (Int) -> Int32).self)
    guard start(3) == 0 else { throw Failure(.remote, "libcurl cannot be started", hint: "free some memory") }
  }

  enum Option: Int32 {
    case timeout = 13
    case lowSpeedLimit = 19
    case lowSpeedTime = 20
    case noProgress = 43
    case noBody = 44
    case upload = 46
    case netrc = 51
    case followLocation = 52
    case maxRedirects = 68
    case connectTimeout = 78
    case noSignal = 99
    case protocols = 181
    case redirectProtocols = 182
    case keepAlive = 213
    case suppressConnectHeaders = 265
    case writeData = 10001
    case url = 10002
    case readData = 10009
    case userAgent = 10018
    case headers = 10023
    case headerData = 10029
    case customRequest = 10036
    case certificates = 10065
    case noProxy = 10177
    case writeFunction = 20011
    case readFunction = 20012
    case headerFunction = 20079
    case progressFunction = 20219
    case uploadSize = 30115
  }

  static let netrcOptional = 1
  static let http = 1
  static let https = 2
  /// What a reader returns to end a request.
  static let abortReading = 0x1000_0000
  static let responseCode: Int32 = 0x20_0002
  static let activeSocket: Int32 = 0x50_002C
}

/// No whole answer came.
struct WebBreak: Error {
  let code: Int32
  let text: String

  /// Whether the server has said nothing for long.
  var isSilence: Bool { code == 28 }

  /// What one can do about it, where that is not to try again.
  var hint: String? {
    switch code {
    case 60:
      "its certificate is for another host, has run out, or is by nobody whom this machine trusts: name the file (PEM) of one that is "
        + "signed by itself, or of the authority, in SSL_CERT_FILE"
    case 77: "SSL_CERT_FILE has to name a file of certificates (PEM) that can be read"
    default: nil
    }
  }

  /// Whether it may go better the next time: the way there is broken, not the question. Hosts that cannot be found or
  /// reached, cut and stalled answers, broken streams of HTTP/2.
  var mayPass: Bool { [5, 6, 7, 16, 18, 28, 52, 55, 56, 65, 92].contains(code) }
}
