/// All rivals, fitted to the same windows under one model of the noise.
struct LawFits {
  struct Fit {
    let rival: any Rival
    let searched: [Double]
    /// Where searches for it ended, the best first, which is its own.
    let optima: [RivalSolver.Found]
    /// chi^2 and the price of the parameters: -2 log of the probability of the windows under the law, whatever its parameters, but
    /// for a term that all laws share.
    let evidence: Double
  }

  let solver: RivalSolver
  let fits: [Fit]

  /// - Parameters:
  ///   - isScaled: false if the noise is known up to a factor only, which is then each law's own.
  ///   - others: fits to other windows, which may be near.
  init(_ solver: RivalSolver, isScaled: Bool = true, near others: LawFits? = nil) throws {
    self.solver = solver
    let count = Double(solver.x.count)
    var fits: [Fit] = []
    for rival in Rivals.all where rival.parameters < solver.x.count - 3 {
      try Task.checkCancellation()
      let hint = others?.fits.first { $0.rival.name == rival.name }?.searched
      let optima = solver.optima(rival, hint: hint).sorted { $0.chiSquared < $1.chiSquared }
      guard let found = optima.first, let law = solver.curve(rival, found.searched) else { continue }
      let variance = isScaled ? 1 : max(found.chiSquared / count, 1e-20)
      let misfit = isScaled ? found.chiSquared : count * Elementary.log(variance)
      fits.append(
        Fit(
          rival: rival, searched: found.searched, optima: optima,
          evidence: misfit + solver.price(of: law, variance: variance)))
    }
    self.fits = fits
  }

  func best(_ isMeant: (any Rival) -> Bool = { _ in true }) -> Fit? {
    fits.filter { isMeant($0.rival) }.min { $0.evidence < $1.evidence }
  }

  /// How much better the best law with a break is than the best without.
  var margin: Double? {
    guard let smooth = best({ !$0.hasBreak }), let broken = best(\.hasBreak) else { return nil }
    return smooth.evidence - broken.evidence
  }
}
