internal import Actions
internal import Compute

/// `curve.generate`
struct CurveGenerateOperation: Operation {
  static let runs = Parameter(
    "runs", default: PublishedRun.all.map(\.name), help: "which of the published runs",
    constraint: "of \(PublishedRun.all.map(\.name).joined(separator: ", "))",
    allows: { runs in
      !runs.isEmpty && Set(runs).count == runs.count
        && runs.allSatisfy { run in PublishedRun.all.contains { $0.name == run } }
    })
  static let noise = Parameter(
    "noise", default: 0.02, unit: "nats of log loss", in: 0...1,
    help: "standard deviation of the loss at a step")
  static let seed = Parameter("seed", default: 1, help: "what the noise is drawn from")

  let name = "curve.generate"
  let revision = 2
  let summary =
    "Makes per-step losses from the published one-break fits of Mircea et al. (ACL 2025, arXiv 2506.05447), with noise."
  let inputs: [InputDeclaration] = []
  let parameters: [any ParameterDeclaration] = [runs, noise, seed]
  let outputs = [
    OutputDeclaration(
      "curves", file: ".csv", keyed: true, help: "step and loss of each run, as curve.import writes them")
  ]

  func keys(of output: String, _ parameters: ParameterValues) -> [String]? { parameters[Self.runs] }

  func run(_ context: OperationContext) async throws {
    let names = context[Self.runs]
    for (index, name) in names.enumerated() {
      context.progress(Double(index) / Double(names.count), name)
      for run in PublishedRun.all where run.name == name {
        let curve = try run.generate(noise: context[Self.noise], seed: context[Self.seed])
        try context.write(curve.bytes, to: "curves", key: name)
      }
    }
  }
}
