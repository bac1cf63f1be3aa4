import Actions

/// What `for:`, `chain:`, `where:` and `unless:` of a stage say: over which values of its variables it has instances.
struct FanOut: Sendable {
  /// One variable, or several that go through their values together.
  struct Step: Sendable {
    let variables: [PipelineNode.Entry]
    let position: Position
  }

  static let none = FanOut(steps: [], conditions: [], isChain: false)

  /// All combinations of their values are made, the last step changing fastest.
  let steps: [Step]
  /// All must hold.
  let conditions: [Condition]
  /// Whether the last step is that of `chain:`, along which each instance follows the one before it.
  let isChain: Bool
  /// Of all steps, in order.
  let variables: [PipelineNode.Entry]

  init(steps: [Step], conditions: [Condition], isChain: Bool) {
    self.steps = steps
    self.conditions = conditions
    self.isChain = isChain
    variables = steps.flatMap(\.variables)
  }
}
