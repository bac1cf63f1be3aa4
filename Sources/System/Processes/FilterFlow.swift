import Glibc

/// What a program makes of bytes that it is given, read piece by piece: neither what it is given nor what it gives is ever in memory as
/// a whole.
package final class FilterFlow: ByteStream {
  private let pipes: FilterPipes
  private let source: any ByteStream
  /// What was read of the source and not taken by the program yet.
  private var waiting: ArraySlice<UInt8> = []
  private var complaint: [UInt8] = []

  private static let piece = 1 << 17
  private static let longestComplaint = 1 << 16

  fileprivate init(_ pipes: FilterPipes, _ source: any ByteStream) {
    self.pipes = pipes
    self.source = source
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

  /// Waits until the program gives something, and gives it what it takes meanwhile.
  private func receive(_ buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    let ends = pipes.ownEnds
    while true {
      try refill()
      var open = [
        pollfd(fd: ends[0].number, events: Int16(POLLOUT), revents: 0),
        pollfd(fd: ends[1].number, events: Int16(POLLIN), revents: 0),
        pollfd(fd: ends[2].number, events: Int16(POLLIN), revents: 0),
      ]
      if open[1].fd < 0 { return 0 }
      guard poll(&open, nfds_t(open.count), -1) > 0 else { continue }
      if open[0].fd >= 0, open[0].revents != 0, !FilterPipes.send(&waiting, to: open[0].fd) {
        ends[0].close()
      }
      if open[2].fd >= 0, open[2].revents != 0 { listen() }
      guard open[1].revents != 0 else { continue }
      let count = Glibc.read(open[1].fd, buffer.baseAddress, buffer.count)
      if count > 0 { return count }
      if count < 0 && errno == EINTR { continue }
      ends[1].close()
      return 0
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
    if !FilterPipes.receive(&complaint, from: pipes.ownEnds[2].number) { pipes.ownEnds[2].close() }
    complaint.removeLast(max(0, complaint.count - FilterFlow.longestComplaint))
  }

  /// Lets go of the program.
  fileprivate func close() -> String {
    while pipes.ownEnds[2].number >= 0, pipes.ownEnds[1].number < 0 { listen() }
    for end in pipes.ownEnds { end.close() }
    return String(decoding: complaint, as: UTF8.self)
  }
}

extension FilterProgram {
  /// Runs the program with what it makes of a source, which this thread reads meanwhile.
  ///
  /// - Parameter body: reads as much as it wants. Where it throws, the program is ended.
  /// - Returns: how the program ended, and what it printed to its standard error: the first 64 KiB.
  /// - Throws: `Failure.notInstalled`, `System.Failure` where the program cannot be started, and what `body` throws.
  package func flow<Result>(
    of source: any ByteStream, _ body: (any ByteStream) throws -> Result
  ) throws -> (result: Result, ending: ProcessEnding, complaint: String) {
    let (process, pipes) = try streaming()
    var complaint = ""
    let (ending, result) = try process.run { () throws -> Result in
      let flow = FilterFlow(pipes, source)
      defer { complaint = flow.close() }
      return try body(flow)
    }
    return (result, ending, complaint)
  }
}
