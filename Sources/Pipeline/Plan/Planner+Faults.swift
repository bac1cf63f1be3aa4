package import Actions

extension Planner {
  /// A plan without the stages that something is wrong with and those that read them, which wait for ever in it, and what is wrong.
  ///
  /// - Parameter keys: the keys of keyed outputs that are known because their stage has run.
  package func planWhatCanBe(
    _ file: PipelineFile, overrides: [(name: String, value: String)], keys: [KeyedOutput: [String]]
  ) throws(PipelineError) -> (plan: Plan, faults: [PipelineError]) {
    let faults = Faults(collecting: true)
    let plan = try plan(file, overrides: overrides, keys: keys, faults: faults)
    return (plan, faults.errors)
  }
}

extension DeferredStage {
  /// Whether something is wrong with it, or with what it reads.
  package var waitsForEver: Bool { waitsFor.contains { $0.output.isEmpty } }
}
