internal import Actions
internal import Compute

/// The parameters that analyses have in common.
enum ZSLParameters {
  static let run = Parameter<String>(
    "run", help: "what the training is called, for results of several trainings together",
    constraint: "not empty and at most 200 bytes", allows: { (1...200).contains($0.utf8.count) })
  static let step = Parameter(
    "step", unit: "updates", in: 0...1 << 31, help: "that the checkpoint was made after")
  static let resamples = Parameter(
    "bootstrap", default: 1000, unit: "resamples",
    help:
      "of whole sequences, for 95 % intervals, which at least \(SequenceBootstrap.fewest) sequences have; 0 for none",
    constraint: enoughResamples, allows: isEnough)
  static let enoughResamples = "0, or from 39 to 100000, since fewer resamples have no 95 % interval"

  /// Between the least and the greatest of n resamples another one lies with a probability of (n - 1) / (n + 1): 95 % from 39 on.
  @Sendable static func isEnough(_ resamples: Int) -> Bool {
    resamples == 0 || (39...100_000).contains(resamples)
  }

  /// Says in the log where the sequences are too few for intervals.
  static func bootstrap(_ context: OperationContext, sequences: Int) throws -> SequenceBootstrap {
    let bootstrap = SequenceBootstrap(resamples: context[resamples], seed: context[seed])
    if let obstacle = bootstrap.obstacle(sequences: sequences) { try context.log(obstacle) }
    return bootstrap
  }

  static let seed = Parameter("seed", default: 1, in: 0..., help: "of the resamples")
}
