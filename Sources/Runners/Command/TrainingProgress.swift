import Actions
import JSON

/// What is shown of a command that tells of its steps: `step 640, loss 2.345, 48210 tokens/s`.
struct TrainingProgress {
  /// When a number of tokens was told, in seconds.
  private var first: (time: Double, tokens: Double)?
  private var rate: Double?

  /// - Parameter time: in seconds, by any clock.
  mutating func progress(_ events: [CommandEvents.Log], at time: Double) -> OperationContext.Progress? {
    guard let last = events.last else { return nil }
    if let tokens = last.metrics["tokens"]?.double {
      if let first, tokens >= first.tokens {
        if time > first.time { rate = (tokens - first.tokens) / (time - first.time) }
      } else {
        // It starts, or starts anew.
        first = (time, tokens)
      }
    }
    var text = "step \(last.step)"
    if let loss = last.metrics["loss"]?.double {
      text += ", loss \(TrainingProgress.short(loss))"
    } else if let word = last.notFinite["loss"]?.string, ["nan", "inf", "-inf"].contains(word) {
      text += ", loss \(word)"
    }
    if let rate { text += ", \(TrainingProgress.short(rate.rounded())) tokens/s" }
    return OperationContext.Progress(fraction: nil, text: text)
  }

  /// Four digits, or all of a larger number that stand before its point.
  private static func short(_ number: Double) -> String {
    var scale = 1.0
    while abs(number) * scale < 1000, scale < 1e12 { scale *= 10 }
    let text = ((number * scale).rounded() / scale).description
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }
}
