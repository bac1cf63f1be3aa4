import Actions

/// What is wrong with a pipeline, as it is found. A run ends with the first fault; `brake lint` goes on and collects them.
final class Faults {
  private(set) var errors: [PipelineError] = []
  let collects: Bool
  /// Headlines of what is no fault after all.
  var ignored: Set<String> = []
  private(set) var hasIgnored = false

  init(collecting: Bool = false) { collects = collecting }

  /// Notes an error. Throws it unless they are collected.
  func take(_ error: PipelineError) throws(PipelineError) {
    if !collects { throw error }
    if ignored.contains(error.headline) { hasIgnored = true } else { errors.append(error) }
  }

  /// What the body gives; nil if it fails and faults are collected.
  @discardableResult func attempt<Value>(
    _ body: () throws(PipelineError) -> Value
  ) throws(PipelineError) -> Value? {
    do {
      return try body()
    } catch {
      try take(error)
      return nil
    }
  }
}
