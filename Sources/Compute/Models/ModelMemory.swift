public import System

/// Refuses what does not fit into the memory of this machine, before any of it is taken.
public enum ModelMemory {
  /// For weights, their gradients and the state of an optimiser.
  /// - Throws: `unusable` with how much there is, and how much it takes.
  public static func checkTraining(
    of model: ModelConfiguration, with rule: Optimiser.Rule, available: Int = MachineMemory.available
  ) throws(Failure) {
    let count = ParameterLayout(model).count
    try check(
      "weights, gradients and optimiser's state of \(count) parameters",
      floats: (2 + rule.stateNames.count) * count, available: available,
      hint: "train a smaller model, or use a machine with more memory")
  }

  /// For weights, or another array that has a value for each parameter.
  static func checkArray(
    of model: ModelConfiguration, available: Int = MachineMemory.available
  ) throws(Failure) {
    let count = ParameterLayout(model).count
    try check(
      "an array of \(count) parameters", floats: count, available: available,
      hint: "use a machine with more memory")
  }

  /// For what a pass over a batch keeps.
  static func checkPass(
    tokens: Int, floats: Int, available: Int = MachineMemory.available
  ) throws(Failure) {
    try check(
      "the activations of a batch of \(tokens) tokens", floats: floats, available: available,
      hint: "use smaller batches, and accumulate their gradients")
  }

  private static func check(_ what: String, floats: Int, available: Int, hint: String) throws(Failure) {
    let bytes = floats * MemoryLayout<Float>.stride
    guard bytes > available else { return }
    throw Failure(
      .unusable, "there is too little memory for \(what)",
      facts: [("needed", "\(bytes) bytes"), ("available", "\(available) bytes")], hint: hint)
  }
}
