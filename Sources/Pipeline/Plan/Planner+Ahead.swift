package import Actions

extension Planner {
  /// What can be planned of the targets while stages with eager outputs still run: the instances that are what they will be in
  /// the plan that is made when these have ended, whatever else will come.
  ///
  /// So an instance is not among them that reads all members of an output that grows, or all instances of a stage that will have
  /// more; nor is one whose place among others decides what it is, as in a chain, or with `pairs:` or `zip:`. Those that read
  /// what is not there yet are for the caller to pass over.
  ///
  /// - Parameters:
  ///   - keys: as of a plan that is not made ahead.
  ///   - growing: the members so far of eager outputs.
  package func planAhead(
    _ file: PipelineFile, overrides: [(name: String, value: String)], targets: [String],
    keys: [KeyedOutput: [String]], growing: [KeyedOutput: [String]]
  ) throws(PipelineError) -> [StageInstance] {
    // What is wrong is said by the plan that is not made ahead.
    let plan = try plan(
      file, overrides: overrides, keys: keys, growing: growing, faults: Faults(collecting: true))
    var needed: Set<String> = []
    for target in targets.isEmpty ? plan.defaults : targets {
      // It may name an instance that is not there yet.
      guard let selection = try? plan.selection([target]) else { continue }
      needed.formUnion(selection.instances.map(\.name))
    }
    return plan.instances.filter { needed.contains($0.name) && !plan.incomplete.contains($0.wholeName) }
  }
}

extension StageInstance {
  /// Of a link of a chain, the chain's.
  fileprivate var wholeName: String { keys.isEmpty ? stage : StageInstance.name(of: stage, keys) }

  /// The outputs whose members others may read while it runs.
  package var eager: [String] { if case .command(let command) = work { command.eager } else { [] } }
}
