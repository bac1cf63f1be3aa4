internal import Compute

/// What was done to the curves before the fit, and how sure it is.
extension Page {
  var notes: Markup {
    let items = runs.map { run -> Markup in
      let sentences = [prepared(run.analysis.curve), fitted(run), bootstrapped(run)]
      let found = run.analysis.curve.notes.map { "<li>\($0.description)</li>" as Markup }
      let list: Markup = found.isEmpty ? "" : "<ul>\(found.joined())</ul>"
      return
        "<dt>\(run.label)</dt>\n<dd>\(sentences.joined(separator: " ")) \(Page.reference(run.digest))\(list)</dd>"
    }
    return Page.section("notes", "Notes on the curves", "<dl>\n\(items.joined(separator: "\n"))\n</dl>")
  }

  private func prepared(_ curve: PreparedCurve) -> String {
    if curve.wasPrepared {
      return "\(Format.grouped(curve.steps.count)) points, smoothed and subsampled by their authors."
    }
    let smoothed = curve.smoothing.map {
      "smoothed by a logarithmic moving average with base \(Format.short($0))"
    }
    let thinned =
      curve.isSubsampled ? "subsampled to \(Format.grouped(curve.steps.count))" : "all of them kept"
    return "\(Format.grouped(curve.sourcePoints)) points, \(smoothed ?? "not smoothed"), \(thinned)."
  }

  private func fitted(_ run: ReportedRun) -> String {
    let fit = run.fit
    return "Fitted: steps \(Format.grouped(fit.firstStep)) to \(Format.grouped(fit.lastStep)), "
      + "\(Format.grouped(fit.quality.points)) points; \(fit.startsAtOptimum) of \(fit.starts) starts reached the optimum"
      + (fit.isAtBound ? ", which lies at a bound of the search." : ".")
  }

  private func bootstrapped(_ run: ReportedRun) -> String {
    guard let intervals = run.analysis.intervals else {
      let resamples = run.analysis.options.resamples
      return resamples == 0
        ? "No bootstrap." : "No intervals: of \(resamples) resamples no more than half could be fitted."
    }
    let noise =
      switch intervals.source {
      case .steps: "the noise of the steps, through the whole preparation"
      case .differences:
        "the noise of the steps behind a published moving average, measured by differences of neighbouring points"
      case .residuals: "the residuals of the points"
      }
    let misfit =
      intervals.discrepancy > 0
      ? " and a misfit of \(Format.significant(intervals.discrepancy, 2)) of log loss" : ""
    return
      "Bootstrap: \(intervals.resamples) resamples of \(noise) (autocorrelation "
      + "\(Format.significant(intervals.persistence, 2)))\(misfit), seed \(intervals.seed)"
      + (intervals.failed > 0 ? ", \(intervals.failed) of them not to be fitted" : "")
      + (intervals.atBound > 0 ? ", \(intervals.atBound) of them at a bound of the search." : ".")
  }
}
