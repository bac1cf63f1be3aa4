import Glibc
import Synchronization

/// The standard streams of a program, seen from both sides.
package final class FilterPipes: Sendable {
  typealias Exchanged = (output: [UInt8], complaint: [UInt8], isOver: Bool)

  /// What becomes the program's standard input, output and error.
  let childEnds: [Descriptor]
  let ownEnds: [Descriptor]
  private let result = Mutex<Exchanged>(([], [], false))

  private static let longestComplaint = 1 << 20

  init() throws(Failure) {
    let input = try FilterPipes.pair()
    let output = try FilterPipes.pair()
    let complaint = try FilterPipes.pair()
    childEnds = [input.0, output.0, complaint.0]
    ownEnds = [input.1, output.1, complaint.1]
  }

  /// What the program printed, and whether it was more than the limit.
  var exchanged: Exchanged { result.withLock { $0 } }

  /// Writes the input and reads what the program prints, both at once, until it closes its streams.
  func exchange(_ input: [UInt8], limit: Int) {
    for end in childEnds { end.close() }
    var rest = input[...]
    var found: Exchanged = ([], [], false)
    defer { result.withLock { $0 = found } }
    var open = [POLLOUT, POLLIN, POLLIN].enumerated().map { index, events in
      pollfd(fd: ownEnds[index].number, events: Int16(events), revents: 0)
    }
    func finish(_ index: Int) {
      ownEnds[index].close()
      open[index].fd = -1
    }
    if rest.isEmpty { finish(0) }
    while open[1].fd >= 0 || open[2].fd >= 0 {
      guard poll(&open, nfds_t(open.count), -1) > 0 else { continue }
      if open[0].fd >= 0, open[0].revents != 0, !FilterPipes.send(&rest, to: open[0].fd) || rest.isEmpty {
        finish(0)
      }
      if open[1].fd >= 0, open[1].revents != 0 {
        if !FilterPipes.receive(&found.output, from: open[1].fd) { finish(1) }
        if found.output.count > limit {
          found = ([], found.complaint, true)
          // The program fails at its next write.
          finish(1)
        }
      }
      if open[2].fd >= 0, open[2].revents != 0 {
        if !FilterPipes.receive(&found.complaint, from: open[2].fd) { finish(2) }
        let excess = found.complaint.count - FilterPipes.longestComplaint
        if excess > 0 { found.complaint.removeLast(excess) }
      }
    }
  }

  /// Takes away what was sent.
  /// - Returns: whether somebody still reads it.
  static func send(_ rest: inout ArraySlice<UInt8>, to descriptor: Int32) -> Bool {
    let count = rest.withUnsafeBytes {
      Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
    }
    if count < 0 { return errno == EAGAIN || errno == EINTR }
    rest = rest.dropFirst(count)
    return true
  }

  /// - Returns: whether there may be more.
  static func receive(_ bytes: inout [UInt8], from descriptor: Int32) -> Bool {
    withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 1) { buffer in
      let count = read(descriptor, buffer.baseAddress, buffer.count)
      if count < 0 { return errno == EINTR }
      bytes.append(contentsOf: buffer[..<count])
      return count > 0
    }
  }

  /// Sockets: a write to one does not end this process with a signal where nobody reads any more.
  private static func pair() throws(Failure) -> (Descriptor, Descriptor) {
    var numbers: [Int32] = [-1, -1]
    let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, type, 0, &numbers) == 0 else { throw Failure.system("make", "a pipe") }
    return (Descriptor(numbers[0]), Descriptor(numbers[1]))
  }
}

/// A file descriptor that is closed once: when it is said, or with its last user.
final class Descriptor: Sendable {
  private let open: Mutex<Int32>

  /// Takes the descriptor over. Those of the standard streams, which are free where a caller has closed his, would be in
  /// the child's way and are moved.
  init(_ number: Int32) {
    var number = number
    if (0..<3).contains(number) {
      let moved = fcntl(number, F_DUPFD_CLOEXEC, 3)
      Glibc.close(number)
      number = moved
    }
    open = Mutex(number)
  }

  /// -1 once it is closed.
  var number: Int32 { open.withLock { $0 } }

  func close() {
    open.withLock { number in
      if number >= 0 { Glibc.close(number) }
      number = -1
    }
  }

  deinit { close() }
}
