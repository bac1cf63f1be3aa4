import Glibc
import System

/// The bytes that go to and come from a program at the other end of two pipes. Nobody waits for ever: neither for one who says
/// nothing nor for one who does not listen.
class PipeChannel: @unchecked Sendable {
  /// What errors call the other end.
  let name: String
  /// Bytes that are kept back before they go.
  static let mostWaiting = 1 << 20
  /// Until when one asks on even where the task was cancelled, so that what was begun is taken back; nil where nothing is.
  var takesBackUntil: ContinuousClock.Instant?
  var isTakingBack: Bool { takesBackUntil != nil }
  private let input: Int32
  private let output: Int32
  private var waiting: [UInt8] = []
  private var buffer: [UInt8] = []
  private var next = 0
  /// Seconds without a sign of life after which the other end is given up.
  private let patience: Int?

  /// What to do where the connection ends.
  private let hint: String

  init(input: Int32, output: Int32, name: String, patience: Int?, hint: String) {
    self.input = input
    self.output = output
    self.name = name
    self.patience = patience
    self.hint = hint
  }

  // MARK: Sending

  func send(_ bytes: some Sequence<UInt8>) throws {
    waiting += bytes
    if waiting.count >= PipeChannel.mostWaiting { try flush() }
  }

  func send(_ piece: UnsafeRawBufferPointer) throws {
    waiting.append(contentsOf: piece)
    if waiting.count >= PipeChannel.mostWaiting { try flush() }
  }

  func flush() throws {
    var rest = waiting[...]
    // What has gone does not go again, however this ends.
    defer { waiting = Array(rest) }
    while !rest.isEmpty {
      try wait(for: output, Int16(POLLOUT))
      let count = rest.withUnsafeBytes { Glibc.write(output, $0.baseAddress, $0.count) }
      if count < 0 && (errno == EINTR || errno == EAGAIN) { continue }
      guard count > 0 else { throw broken }
      rest = rest.dropFirst(count)
    }
  }

  // MARK: Receiving

  func receive(_ count: Int) throws -> ArraySlice<UInt8> {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(min(count, PipeChannel.mostWaiting))
    while bytes.count < count {
      try fill()
      let part = min(count - bytes.count, buffer.count - next)
      bytes += buffer[next..<next + part]
      next += part
    }
    return bytes[...]
  }

  private func fill() throws {
    if next < buffer.count { return }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      try wait(for: input, Int16(POLLIN))
      let count = bytes.withUnsafeMutableBytes { Glibc.read(input, $0.baseAddress, $0.count) }
      if count < 0 && (errno == EINTR || errno == EAGAIN) { continue }
      guard count > 0 else { throw broken }
      bytes.removeSubrange(count...)
      (buffer, next) = (bytes, 0)
      return
    }
  }

  private func wait(for descriptor: Int32, _ events: Int16) throws {
    var waited = 0
    while true {
      if let end = takesBackUntil {
        guard ContinuousClock.now < end else {
          throw RemoteFailure.unreachable(name, "it takes too long to take back what was begun")
        }
      } else {
        try Task.checkCancellation()
      }
      var poll = pollfd(fd: descriptor, events: events, revents: 0)
      let ready = Glibc.poll(&poll, 1, 100)
      if ready > 0 { return }
      if ready < 0 && errno != EINTR { throw broken }
      waited += 1
      if let patience = isTakingBack ? 5 : patience, waited > 10 * patience {
        throw RemoteFailure.unreachable(name, "it has said nothing for \(patience) seconds")
      }
    }
  }

  private var broken: Failure {
    RemoteFailure.unreachable(name, "the connection has ended", hint: hint)
  }
}
