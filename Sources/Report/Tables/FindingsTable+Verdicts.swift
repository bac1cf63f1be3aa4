internal import Compute

/// What is said of one curve: which law is supported, by how much, and where it changes its slope.
extension FindingsTable {
  static func verdict(of run: ReportedRun) -> [Row] {
    func row(
      _ quantity: String, unit: String? = nil, _ value: Double? = nil,
      _ interval: BootstrapIntervals.Interval? = nil,
      says: String? = nil, test: Test? = nil
    ) -> Row {
      Row(
        scope: "run", name: run.name, quantity: quantity, unit: unit, value: value,
        interval: interval.map { ("this run", $0.lower, $0.upper) }, seeds: 1, artefacts: [run.digest],
        says: says, test: test)
    }
    var rows = [row("verdict", says: run.analysis.verdict.words)]
    if let evidence = run.analysis.evidence {
      let odds = Test(name: "odds of laws", probability: nil, comparisons: 1)
      if let broken = evidence.bestBroken, let smooth = evidence.bestSmooth {
        rows.append(
          row(
            "break_margin", unit: "2 log odds", evidence.margin,
            says:
              "of \(broken.name) over \(smooth.name); decisive above \(Format.short(BreakEvidence.decisive)); each run by itself "
              + "errs in at most 5 %",
            test: odds))
      }
      if run.brokenLaw != nil, let smooth = evidence.bestSmooth, let margin = evidence.marginOfOneBreakFit {
        rows.append(
          row(
            "one_break_margin", unit: "2 log odds", margin,
            says: "of the one-break fit, of which t_d is, over \(smooth.name)"))
      }
      for part in evidence.parts {
        rows.append(
          row(
            "break_margin_in_part", unit: "2 log odds", part.margin,
            says: "in steps \(part.firstStep) to \(part.lastStep) alone; "
              + (evidence.canContradict(part)
                ? "contradicts below \(Format.short(-BreakEvidence.contradicting))"
                : "not asked to show the break, as it is asked what it predicts")))
      }
      if evidence.isPredictable, let prediction = evidence.prediction {
        rows.append(
          row(
            "smooth_prediction_advantage", unit: "2 log odds", prediction.advantage,
            says: "of \(prediction.rival) over laws with a break, for steps from \(prediction.firstStep) on"))
      }
    }
    guard let law = run.analysis.supportedLaw else { return rows }
    rows.append(row("supported_law", says: law.name))
    if let changes = run.analysis.slopeChanges {
      rows.append(
        row(
          "two_breaks_margin", unit: "2 log odds", changes.ahead,
          says:
            "two breaks ahead of the best law with one; decisive above \(Format.short(BreakEvidence.decisive))"
        ))
    }
    let says = "of \(law.name)" + (law.obstacle.map { "; no interval is known: \($0)" } ?? "")
    for (index, step) in law.breaks.enumerated() {
      rows.append(row("break_\(index + 1)", unit: "step", step, law.intervals?.ofBreak(index), says: says))
    }
    for (index, rate) in law.rates.enumerated() {
      rows.append(row("exponent_\(index + 1)", rate, law.intervals?.ofRate(index), says: says))
    }
    if run.decelerates {
      for cut in run.analysis.sensitivity {
        let isOut = run.analysis.movingCuts.contains(cut)
        rows.append(
          row(
            "t_d_by_cut", unit: "step", cut.curve.breakStep,
            says: "fitted to steps above \(cut.skip)\(isOut ? "; outside the 95 % interval of t_d" : "")"))
      }
    }
    return rows
  }
}
