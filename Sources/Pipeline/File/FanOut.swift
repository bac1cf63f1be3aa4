import Actions

/// What `for:`, `where:` and `unless:` of a stage say: over which values of its variables it has instances.
struct FanOut: Sendable {
  /// One variable, or several that go through their values together.
  struct Step: Sendable {
    let variables: [PipelineNode.Entry]
    let position: Position
  }

  static let none = FanOut(steps: [], conditions: [])

  /// All combinations of their values are made, the last step changing fastest.
  let steps: [Step]
  /// All must hold.
  let conditions: [Condition]
  /// Of all steps, in order.
  let variables: [PipelineNode.Entry]

  init(steps: [Step], conditions: [Condition]) {
    self.steps = steps
    self.conditions = conditions
    variables = steps.flatMap(\.variables)
  }
}
