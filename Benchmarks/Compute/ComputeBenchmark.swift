import ArgumentParser

/// Measures what Compute does, for comparison with other programs that do it: one file a subcommand, one line of JSON a
/// call. `Benchmarks/training.py` calls both sides.
@main struct ComputeBenchmark: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compute-benchmark", abstract: "Times training and inference on models of four sizes.",
    subcommands: [Train.self, Forward.self, Interference.self, PerSequence.self])
}
