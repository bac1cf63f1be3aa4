import Compute

/// Loss curves without noise, as log L of the step and the last step.
struct Family: Sendable {
  let name: String
  let logLoss: @Sendable (_ step: Double, _ last: Double) -> Double

  init(_ name: String, _ logLoss: @escaping @Sendable (Double, Double) -> Double) {
    self.name = name
    self.logLoss = logLoss
  }

  init(_ run: PublishedRun) { self.init("like \(run.name)") { step, _ in run.curve.logLoss(at: step) } }
}
