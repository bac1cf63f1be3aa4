import Glibc

/// What a program makes of bytes that it is given, read piece by piece: neither what it is given nor what it gives is ever in memory as
/// a whole.
package final class FilterFlow: ByteStream {
  private let pipes: FilterPipes
  private let source: any ByteStream
  /// What was read of the source and not taken by the program yet.
  private var waiting: ArraySlice<UInt8> = []
  private var complaint: Complaint

  private static let piece = 1 << 17
  /// Milliseconds, after which it is looked whether the task was cancelled.
  private static let patience: Int32 = 200

  fileprivate init(_ pipes: FilterPipes, _ source: any ByteStream, _ complaint: Complaint) {
    self.pipes = pipes
    self.source = source
    self.complaint = complaint
    for end in pipes.childEnds { end.close() }
  }

  package func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    var done = 0
    while done < buffer.count {
      let count = try receive(UnsafeMutableRawBufferPointer(rebasing: buffer[done...]))
      if count == 0 { break }
      done += count
    }
    return done
  }

  /// Waits until the program gives something, and gives it what it takes meanwhile. What it gives has ended when it has nothing more to
  /// complain of either.
  private func receive(_ buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    let ends = pipes.ownEnds
    while true {
      try Task.checkCancellation()
      try refill()
      var open = [
        pollfd(fd: ends[0].number, events: Int16(POLLOUT), revents: 0),
        pollfd(fd: ends[1].number, events: Int16(POLLIN), revents: 0),
        pollfd(fd: ends[2].number, events: Int16(POLLIN), revents: 0),
      ]
      if open[1].fd < 0, open[2].fd < 0 { return 0 }
      guard poll(&open, nfds_t(open.count), FilterFlow.patience) > 0 else { continue }
      if open[0].fd >= 0, open[0].revents != 0, !FilterPipes.send(&waiting, to: open[0].fd) {
        ends[0].close()
      }
      if open[2].fd >= 0, open[2].revents != 0 { listen() }
      guard open[1].fd >= 0, open[1].revents != 0 else { continue }
      let count = Glibc.read(open[1].fd, buffer.baseAddress, buffer.count)
      if count > 0 { return count }
      if count < 0 && errno == EINTR { continue }
      ends[1].close()
    }
  }

  private func refill() throws {
    guard waiting.isEmpty, pipes.ownEnds[0].number >= 0 else { return }
    var count = 0
    waiting = try [UInt8](unsafeUninitializedCapacity: FilterFlow.piece) { buffer, length in
      count = try source.read(into: UnsafeMutableRawBufferPointer(buffer))
      length = count
    }[...]
    if count == 0 { pipes.ownEnds[0].close() }
  }

  private func listen() {
    var bytes: [UInt8] = []
    if !FilterPipes.receive(&bytes, from: pipes.ownEnds[2].number) { pipes.ownEnds[2].close() }
    complaint.add(bytes)
  }

  /// Lets go of the program.
  fileprivate func close() -> String {
    for end in pipes.ownEnds { end.close() }
    return complaint.end()
  }
}

/// What a program prints to its standard error: the first 64 KiB of the lines that count.
private struct Complaint {
  private let counts: (String) -> Bool
  private var kept: [UInt8] = []
  private var line: [UInt8] = []

  private static let most = 1 << 16

  init(_ counts: @escaping (String) -> Bool) { self.counts = counts }

  mutating func add(_ bytes: [UInt8]) {
    for byte in bytes {
      if byte == UInt8(ascii: "\n") {
        endLine()
      } else if line.count < Complaint.most {
        line.append(byte)
      }
    }
  }

  mutating func end() -> String {
    if !line.isEmpty { endLine() }
    return String(decoding: kept, as: UTF8.self)
  }

  private mutating func endLine() {
    if counts(String(decoding: line, as: UTF8.self)) {
      kept += (line + [UInt8(ascii: "\n")]).prefix(Complaint.most - kept.count)
    }
    line.removeAll(keepingCapacity: true)
  }
}

extension FilterProgram {
  /// Runs the program with what it makes of a source, which this thread reads meanwhile. It ends when the task is cancelled that this
  /// thread works for.
  ///
  /// - Parameters:
  ///   - counts: whether a line that it prints to its standard error is kept.
  ///   - body: reads as much as it wants. Where it throws, the program is ended.
  /// - Returns: how the program ended, and what it printed to its standard error: the first 64 KiB of what counts.
  /// - Throws: `Failure.notInstalled`, `System.Failure` where the program cannot be started, `CancellationError`, and what `body` throws.
  package func flow<Result>(
    of source: any ByteStream, keeping counts: @escaping (String) -> Bool = { _ in true },
    _ body: (any ByteStream) throws -> Result
  ) throws -> (result: Result, ending: ProcessEnding, complaint: String) {
    let (process, pipes) = try streaming()
    var complaint = ""
    let (ending, result) = try process.run { () throws -> Result in
      let flow = FilterFlow(pipes, source, Complaint(counts))
      defer { complaint = flow.close() }
      return try body(flow)
    }
    return (result, ending, complaint)
  }
}
