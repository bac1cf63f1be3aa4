import Glibc
import Synchronization

/// Tokens that limit how much runs at once, shared with GNU make and with all that speaks its protocol: make's own when
/// brake is called by one, otherwise brake's, which it offers to the commands of stages.
///
/// One thing may run without a token, since whoever has started this process has paid for it. Everything beyond takes a token
/// and gives it back.
public final class JobServer: Sendable {
  /// The right to run one thing.
  public struct Token: Sendable {
    /// What was read, and is to be written back; nil for the one that needs no token.
    fileprivate let byte: UInt8?
  }

  /// How many may run at once, as far as it is known.
  public let jobs: Int?

  /// Both ends, each with a file description of its own that does not wait: a description that is shared with others waits as
  /// they want it to.
  private let reader: OpenFile
  private let writer: OpenFile
  /// Both ends as commands get them.
  let offered: (read: OpenFile, write: OpenFile)
  /// Of a server of one's own, how many tokens there are.
  private let count: Int?
  private let keeper: TokenKeeper?
  private let state = Mutex(State())

  private struct State {
    var isFirstTaken = false
    /// Tokens that were taken, without the first.
    var taken = 0
  }

  /// A server of brake's own; nil if nothing may run beside another thing, or there is no room for it.
  ///
  /// - Parameter jobs: how many may run at once.
  public init?(jobs: Int) {
    // More tokens than a pipe holds would block.
    guard jobs > 1, jobs <= 4096 else { return nil }
    guard let (read, write) = OpenFile.pipe() else { return nil }
    guard let reader = read.reopened(O_RDONLY), let writer = write.reopened(O_WRONLY),
      let offeredRead = read.high(), let offeredWrite = write.high()
    else { return nil }
    self.jobs = jobs
    self.reader = reader
    self.writer = writer
    offered = (offeredRead, offeredWrite)
    count = jobs - 1
    keeper = nil
    for _ in 1..<jobs { put(JobServer.mark) }
  }

  /// Make's own.
  ///
  /// - Parameter keeperExecutable: a program that calls `TokenKeeper.runIfAsked` first of all, and gives tokens back if this process
  ///   is killed.
  init(_ address: JobServerAddress, keeperExecutable: String?) throws(Unreachable) {
    let ends: (OpenFile, OpenFile)
    switch address.place {
    case .descriptors(let read, let write):
      // Without a + before the command make closes them, and another file may have their number.
      guard read >= 0, write >= 0, OpenFile.isPipe(read), OpenFile.isPipe(write),
        let one = OpenFile(copying: read), let other = OpenFile(copying: write)
      else {
        throw Unreachable(
          reason: "make's jobserver cannot be reached, so stages run one at a time",
          hint: "put a + before the line of the recipe that calls brake, or give brake -j")
      }
      ends = (one, other)
    case .fifo(let path):
      let file = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK)
      guard file >= 0 else {
        throw Unreachable(
          reason: "make's jobserver \(path) cannot be opened, so stages run one at a time", hint: nil)
      }
      let fifo = OpenFile(taking: file)
      guard OpenFile.isPipe(file), fcntl(file, F_SETFL, O_RDWR) == 0, let copy = OpenFile(copying: file)
      else {
        throw Unreachable(reason: "\(path) is no jobserver of make, so stages run one at a time", hint: nil)
      }
      ends = (fifo, copy)
    }
    guard let reader = ends.0.reopened(O_RDONLY), let writer = ends.1.reopened(O_WRONLY),
      let offeredRead = ends.0.high(), let offeredWrite = ends.1.high()
    else {
      throw Unreachable(
        reason: "make's jobserver cannot be used without /proc, so stages run one at a time", hint: nil)
    }
    jobs = address.jobs
    self.reader = reader
    self.writer = writer
    offered = (offeredRead, offeredWrite)
    count = nil
    keeper = keeperExecutable.map { TokenKeeper(executable: $0, tokens: writer) }
  }

  /// Why tokens cannot be had that make has announced.
  public struct Unreachable: Error {
    public let reason: String
    public let hint: String?
  }

  /// The server of the make that has called this process; nil if none has.
  ///
  /// - Parameters:
  ///   - makeFlags: of the environment.
  ///   - keeperExecutable: as above.
  public static func inherited(
    makeFlags: String?, keeperExecutable: String?
  ) throws(Unreachable) -> JobServer? {
    guard let makeFlags, let address = JobServerAddress(makeFlags: makeFlags) else { return nil }
    return try JobServer(address, keeperExecutable: keeperExecutable)
  }

  /// Whether the make that has called this process runs one job at a time, for which it needs no server.
  public static func isSerial(makeFlags: String?) -> Bool {
    let options = makeFlags?.split(separator: " ").prefix { $0 != "--" } ?? []
    return options.last { $0.hasPrefix("-j") } == "-j1"
  }

  // MARK: Tokens

  private static let mark = UInt8(ascii: "+")

  /// A token if there is one now.
  public func tryTake() -> Token? {
    state.withLock { state in
      if !state.isFirstTaken {
        state.isFirstTaken = true
        return Token(byte: nil)
      }
      var byte: UInt8 = 0
      guard read(reader.number, &byte, 1) == 1 else { return nil }
      state.taken += 1
      keeper?.noteTaken(byte)
      return Token(byte: byte)
    }
  }

  /// Waits for a token.
  /// - Throws: if the task is cancelled.
  public func take() async throws -> Token {
    var pause = Duration.milliseconds(1)
    while true {
      if let token = tryTake() { return token }
      try await Task.sleep(for: pause)
      pause = min(pause * 2, .milliseconds(40))
    }
  }

  public func give(_ token: Token) {
    state.withLock { state in
      if let byte = token.byte {
        put(byte)
        keeper?.noteGiven(byte)
        state.taken -= 1
      } else {
        state.isFirstTaken = false
      }
      if state.taken == 0 && !state.isFirstTaken { restore() }
    }
  }

  /// Where nothing runs, nobody has a token: those that killed commands took with them are replaced.
  private func restore() {
    guard let count else { return }
    var byte: UInt8 = 0
    while read(reader.number, &byte, 1) == 1 {}
    for _ in 0..<count { put(JobServer.mark) }
  }

  private func put(_ byte: UInt8) {
    var byte = byte
    while write(writer.number, &byte, 1) < 0 && errno == EINTR {}
  }

  // MARK: The offer to commands

  /// The numbers under which commands find both ends. Scripts hardly ever open files of these numbers themselves.
  static let offeredNumbers: (read: Int32, write: Int32) = (198, 199)

  /// Whether a command can have files of these numbers.
  package let isOffered = OpenFiles.limit > 200

  /// What stands in the environment of commands.
  package var makeFlags: String {
    let numbers = JobServer.offeredNumbers
    return (jobs.map { "-j\($0) " } ?? "-j ") + "--jobserver-auth=\(numbers.read),\(numbers.write)"
  }
}
