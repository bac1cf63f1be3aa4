import Glibc

/// A program that is given bytes on its standard input and gives bytes back, such as a decompressor. It ends when the task
/// is cancelled.
public struct FilterProgram: Sendable {
  private let name: String
  private let arguments: [String]
  private let variables: [String: String]
  private let searchPath: String?

  public enum Failure: Error {
    case notInstalled
    /// It gave more than the limit, and was stopped.
    case tooMuchOutput
    /// It did not end in the time that it had, and was stopped.
    case tooSlow
  }

  public struct Result: Sendable {
    public let ending: ProcessEnding
    public let output: [UInt8]
    /// What it printed to its standard error: the first megabyte.
    public let complaint: String
  }

  /// - Parameters:
  ///   - variables: what it sees of an environment. Of the user's own it sees where programs and libraries are, no more.
  ///   - searchPath: the folders that the program is looked for in, as PATH; nil for the user's own.
  public init(
    _ name: String, arguments: [String], variables: [String: String] = [:], searchPath: String? = nil
  ) {
    self.name = name
    self.arguments = arguments
    self.variables = variables
    self.searchPath = searchPath
  }

  /// - Parameter limit: the most bytes that it may give.
  /// - Throws: `Failure`, `System.Failure` where the program cannot be started, or `CancellationError`.
  public func run(_ input: [UInt8], limit: Int) async throws -> Result {
    let (process, pipes) = try streaming()
    let ending = try await process.run(measured: { _ in }, exchange: { pipes.exchange(input, limit: limit) })
    return try result(ending, pipes)
  }

  /// The same for who cannot be suspended: this thread waits for it.
  ///
  /// - Parameter time: how long it may take.
  /// - Throws: `.tooSlow` if it took longer, too.
  public func run(_ input: [UInt8], limit: Int, within time: Duration) throws -> Result {
    let (process, pipes) = try streaming()
    guard let ending = try process.wait(atMost: time, exchange: { pipes.exchange(input, limit: limit) })
    else { throw Failure.tooSlow }
    return try result(ending, pipes)
  }

  /// The program, which is to be started, and the ends of its streams.
  func streaming() throws -> (ChildProcess, FilterPipes) {
    guard let path = ProgramPath.find(name, in: searchPath) else { throw Failure.notInstalled }
    let pipes = try FilterPipes()
    let process = ChildProcess(
      arguments: [path] + arguments, environment: environment, folder: ".", streams: .pipes(pipes))
    return (process, pipes)
  }

  private func result(_ ending: ProcessEnding, _ pipes: FilterPipes) throws -> Result {
    let (output, complaint, isOver) = pipes.exchanged
    if isOver { throw Failure.tooMuchOutput }
    return Result(ending: ending, output: output, complaint: String(decoding: complaint, as: UTF8.self))
  }

  private var environment: [String: String] {
    var all: [String: String] = [:]
    for name in ["PATH", "LD_LIBRARY_PATH"] {
      if let value = getenv(name) { all[name] = String(cString: value) }
    }
    if let searchPath { all["PATH"] = searchPath }
    return all.merging(variables) { _, given in given }
  }
}
