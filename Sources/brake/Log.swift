import ArgumentParser
import JSON
import Pipeline

extension Brake {
  struct Log: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show what stages print while they run, printed when they ran, or when they last failed.")

    @OptionGroup var pipeline: PipelineOptions
    @Flag(help: "Print an array of objects.") var json = false
    @OptionGroup var given: Targets

    func run() async throws {
      let logs = try await pipeline.engine(given.overrides).logs(targets: given.targets)
      if json { return try Output.print(.array(logs.map { try $0.json() })) }
      for log in logs {
        if log.place == .none {
          Output.note("\(log.instance) has not run")
          continue
        }
        if logs.count > 1 { try Output.print("== \(log.instance)") }
        var endsLine = true
        try log.stream { bytes in
          try Output.write(bytes)
          if let last = bytes.last { endsLine = last == UInt8(ascii: "\n") }
        }
        if !endsLine { try Output.print("") }
        if case .failed(_, let work?) = log.place {
          Output.note("\(log.instance) failed; what it had written is in \(work)")
        }
      }
    }
  }
}

extension StageLog {
  /// Of a long log the end alone, since it becomes one text in memory.
  fileprivate func json() throws -> JSON {
    guard place != .none else { return ["stage": .string(instance), "log": .null] }
    let most = 16 << 20
    var bytes: [UInt8] = []
    try stream { piece in
      bytes += piece
      if bytes.count > 2 * most { bytes.removeFirst(bytes.count - most) }
    }
    return ["stage": .string(instance), "log": .string(String(decoding: bytes.suffix(most), as: UTF8.self))]
  }
}
