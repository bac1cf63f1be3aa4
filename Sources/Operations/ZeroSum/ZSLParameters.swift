internal import Actions

/// The parameters that analyses have in common.
enum ZSLParameters {
  static let run = Parameter<String>(
    "run", help: "what the training is called, for results of several trainings together",
    constraint: "not empty and at most 200 bytes", allows: { (1...200).contains($0.utf8.count) })
  static let step = Parameter(
    "step", unit: "updates", in: 0...1 << 31, help: "that the checkpoint was made after")
  static let resamples = Parameter(
    "bootstrap", default: 1000, unit: "resamples", in: 0...100_000,
    help: "of whole sequences, for 95 % intervals; 0 for none")
  static let seed = Parameter("seed", default: 1, in: 0..., help: "of the resamples")
}
