internal import Artefacts
internal import Compute

/// How well gradients predict what updates do to the losses of single tokens, and to their mean, in words that follow from
/// the numbers.
extension Page {
  private typealias Found = (result: PredictionResult, digest: Digest)

  func predictions(_ results: ZeroSumResults) -> Markup {
    let items = runs.compactMap { run -> Markup? in
      let found = results.predictions.filter { $0.result.run == run.name && $0.result.step > 0 }
      guard let text = run.decelerates ? sides(found, of: run) : whole(found) else { return nil }
      return "<li><strong>\(run.label)</strong>. \(text)</li>"
    }
    guard !items.isEmpty else { return "" }
    return """

      <p>To first order, a token's gradient says what an update changes its loss by. Over the tokens of the update's own \
      batch, correlation is that of measured with predicted changes, and what is missed is the root mean square of their \
      difference, in parts of that of the measured changes.</p>
      <ul>
      \(items.joined(separator: "\n"))
      </ul>
      """
  }

  private func whole(_ found: [Found]) -> Markup? {
    guard let tokens = tokens(found) else { return nil }
    let mean: Markup =
      mean(found).map { "; the change of the mean loss is predicted \($0.text) times as large as it is" }
      ?? ""
    return "Single tokens are predicted \(tokens)\(mean)."
  }

  private func sides(_ found: [Found], of run: ReportedRun) -> Markup? {
    let step = run.fit.curve.breakStep
    let sides = (
      found.filter { Double($0.result.step) < step }, found.filter { Double($0.result.step) >= step }
    )
    guard let before = tokens(sides.0), let after = tokens(sides.1) else { return whole(found) }
    let text: Markup = """
      Before the deceleration (\(steps(sides.0))) single tokens are predicted \(before); after it (\(steps(sides.1))) \
      \(after).
      """
    guard let early = mean(sides.0), let late = mean(sides.1) else { return text }
    let verdict =
      if late.values.lowerBound > early.values.upperBound {
        "that is more at every checkpoint than before"
      } else if late.values.upperBound < early.values.lowerBound {
        "that is less at every checkpoint than before"
      } else {
        "the two ranges overlap, so that the deceleration makes no clear difference to it"
      }
    return text
      + """
       The change of the mean loss, which is what cancellation leaves, is predicted \(early.text) times as large as it is \
      before, and \(late.text) times after: \(verdict).
      """
  }

  private func steps(_ found: [Found]) -> Markup {
    "<i>t</i> = \(found.map { Format.grouped($0.result.step) }.joined(separator: ", "))"
  }

  /// `well, with a correlation of 0.99 to 1.00, missing 4 % to 11 %`
  private func tokens(_ found: [Found]) -> Markup? {
    guard let correlation = range(found, \.correlation, { Format.fixed($0, 3) }) else { return nil }
    let quality =
      switch correlation.values.lowerBound {
      case 0.9...: "well"
      case 0.5...: "in part"
      default: "badly at some checkpoints"
      }
    let missed: Markup =
      range(found, \.missed, { "\(Format.significant(100 * $0, 2)) %" }).map { ", missing \($0.text)" } ?? ""
    return "\(quality), with a correlation of \(correlation.text)\(missed)"
  }

  /// The predicted change of the mean loss in parts of the measured one.
  private func mean(_ found: [Found]) -> (text: Markup, values: ClosedRange<Double>)? {
    range(
      found,
      { result in
        let ratio = result.predicted.change / result.measured.change
        return ratio.isFinite ? ratio : nil
      }, { Format.fixed($0, 2) })
  }

  /// From the least to the greatest.
  private func range(
    _ found: [Found], _ value: (PredictionResult) -> Double?, _ format: (Double) -> String
  ) -> (text: Markup, values: ClosedRange<Double>)? {
    let values = found.compactMap { found in value(found.result).map { ($0, found.digest) } }
    guard let least = values.min(by: { $0.0 < $1.0 }), let greatest = values.max(by: { $0.0 < $1.0 }) else {
      return nil
    }
    func number(_ value: (Double, Digest)) -> Markup { Page.number(format(value.0), value.0, from: value.1) }
    let text: Markup =
      format(least.0) == format(greatest.0)
      ? number(least) : "\(number(least)) to \(number(greatest))"
    return (text, least.0...greatest.0)
  }
}
