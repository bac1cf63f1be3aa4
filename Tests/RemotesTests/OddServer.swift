import Foundation
import Glibc
import Support
import Synchronization

/// A server of the web that does what a test wants: real sockets, and answers byte by byte as they are given.
final class OddServer: Sendable {
  struct Request: Sendable {
    let method: String
    let path: String
    let head: String
    /// What came with it.
    var body: [UInt8] = []
    /// How many requests came before this one.
    var number = 0

    /// Where a wanted range starts.
    var start: Int? {
      head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("range: bytes=") }
        .flatMap { Int($0.dropFirst("range: bytes=".count).prefix { $0 != "-" }) }
    }
  }

  /// The bytes of an answer, and whether more of the last piece comes until nobody listens any more.
  struct Answer: Sendable {
    var pieces: [[UInt8]]
    var isEndless = false
    /// Whether nothing more comes, and the connection stays open until the client ends it.
    var isHeld = false

    init(_ head: String, _ body: [UInt8] = [], isEndless: Bool = false) {
      pieces = [Array((head + "\r\n\r\n").utf8), body]
      self.isEndless = isEndless
    }
  }

  let port: UInt16
  private let listener: Int32
  private let count = Mutex(0)
  private let isStopped = Mutex(false)

  init(_ answer: @escaping @Sendable (Request) -> Answer) {
    let listener = Loopback.makeSocket()
    self.listener = listener
    port = Loopback.bind(listener)
    _ = listen(listener, 64)
    signal(SIGPIPE, SIG_IGN)
    Thread { [self] in
      while true {
        let connection = accept(listener, nil, nil)
        if connection < 0 {
          close(listener)
          return
        }
        Thread { self.serve(connection, answer) }.start()
      }
    }.start()
  }

  /// Whoever still asks is told that nobody is there. The second time nothing happens: the number may be another file's by then.
  func stop() {
    isStopped.withLock { isStopped in
      if isStopped { return }
      isStopped = true
      shutdown(listener, Int32(SHUT_RDWR))
    }
  }

  var requests: Int { count.withLock { $0 } }

  private func serve(_ connection: Int32, _ answer: (Request) -> Answer) {
    // A child that another test has just started may have the connection as well, until it becomes another program: closing it
    // alone would not end it.
    defer {
      shutdown(connection, Int32(SHUT_RDWR))
      close(connection)
    }
    var head = ""
    var byte: UInt8 = 0
    while !head.hasSuffix("\r\n\r\n"), Glibc.read(connection, &byte, 1) == 1 {
      head.unicodeScalars.append(.init(byte))
    }
    let words = head.split(separator: " ")
    guard words.count > 2 else { return }
    let number = count.withLock { count in
      defer { count += 1 }
      return count
    }
    var request = Request(
      method: String(words[0]), path: String(words[1].dropFirst()), head: head, number: number)
    let length = head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("content-length: ") }
      .flatMap { Int($0.dropFirst("content-length: ".count)) }
    request.body = receive(length ?? 0, connection)
    let answer = answer(request)
    for piece in answer.pieces where !send(piece, connection) { return }
    if answer.isHeld { _ = Glibc.read(connection, &byte, 1) }
    while answer.isEndless, send(answer.pieces.last!, connection) {}
  }

  private func receive(_ length: Int, _ connection: Int32) -> [UInt8] {
    var body = [UInt8](repeating: 0, count: length)
    var start = 0
    while start < length {
      let count = body.withUnsafeMutableBytes {
        Glibc.read(connection, $0.baseAddress! + start, length - start)
      }
      if count <= 0 { break }
      start += count
    }
    return body
  }

  private func send(_ bytes: [UInt8], _ connection: Int32) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(connection, $0.baseAddress, $0.count) }
      if count <= 0 { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }
}
