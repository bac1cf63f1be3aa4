import Compute

/// In which form a curve is handed to the fit.
enum Handed: Int, CaseIterable {
  /// The losses of all steps, fitted as they are or smoothed before.
  case losses, smoothed
  /// Smoothed points alone, as published runs are: the noise of the steps is not known.
  case points

  /// Seeds take turns.
  init(seed: Int) { self = Handed.allCases[seed % Handed.allCases.count] }

  func prepared(_ curve: Curve) throws -> PreparedCurve {
    let prepared = try Preparation(smoothing: self == .losses ? nil : 1.2)(curve)
    guard self == .points else { return prepared }
    return PreparedCurve(
      run: prepared.run, steps: prepared.steps, losses: prepared.losses, smoothing: nil,
      isSubsampled: false, sourcePoints: prepared.steps.count, wasPrepared: true, notes: [])
  }
}
