internal import Artefacts
internal import Compute
internal import Glibc

/// What the analyses of zero-sum learning found, in words that follow from the numbers.
extension Page {
  var zeroSum: Markup {
    guard let results = zeroSumResults, !results.isEmpty else { return "" }
    var content: Markup = """
      <p>Of the changes <i>δℓ</i> of the tokens' losses from <i>t</i> to 2<i>t</i> updates, <i>D</i> says how far they \
      cancel (0: none, 1: all), <i>M</i> how large they are on average, and \
      <span class="unit">|Δ<i>L</i>| = <i>M</i> (1 − <i>D</i>)</span> what is left of them for the mean loss [1].</p>
      """
    let items = runs.compactMap { run in finding(run, results) }
    if !items.isEmpty { content += "\n<ul>\n\(items.joined(separator: "\n"))\n</ul>" }
    return Page.section(
      "zero-sum", "Zero-sum learning",
      content + sizes(results) + oneStep(results) + gradients(results) + predictions(results)
        + dissent(results))
  }

  // MARK: Runs

  private func finding(_ run: ReportedRun, _ results: ZeroSumResults) -> Markup? {
    guard let (decomposition, digest) = results.decompositions.first(where: { $0.result.run == run.name })
    else {
      return nil
    }
    guard let split = decomposition.split else {
      let reason =
        decomposition.breakStep == nil
        ? "the loss does not decelerate, so there is no before and after to compare"
        : "there are no pairs of checkpoints on both sides of the deceleration step"
      return "<li><strong>\(run.label)</strong>: \(reason) (\(Page.reference(digest))).</li>"
    }
    func number(_ value: Double, _ digits: Int = 2) -> Markup {
      Page.number(Format.significant(value, digits), value, from: digest)
    }
    func pairs(_ steps: [Int]) -> [RateDecomposition.Pair] {
      decomposition.pairs.filter { steps.contains($0.from) }
    }
    func mean(_ steps: [Int], _ value: (RateDecomposition.Pair) -> Double?) -> Double {
      let values = pairs(steps).compactMap(value)
      return values.reduce(0, +) / Double(max(1, values.count))
    }
    let (before, after) = (mean(split.before, \.destructive), mean(split.after, \.destructive))
    let verb =
      switch results.change(of: run, from: split.before.last, to: split.after.first) {
      case .rose: "rises"
      case .fell: "falls"
      case .unclear: "does not change by more than its 95 % intervals"
      }
    return """
      <li><strong>\(run.label)</strong>. At the deceleration <i>D</i> \(verb): before it \
      (\(steps(split.before))) the mean is \(number(before)), after it (\(steps(split.after))) \(number(after)). \
      <i>M</i> goes from \(number(mean(split.before, \.magnitude))) to \(number(mean(split.after, \.magnitude))) \
      nats per token. \(shares(split, digest))</li>
      """
  }

  private func steps(_ steps: [Int]) -> Markup {
    "<i>t</i> = \(steps.map { Format.grouped($0) }.joined(separator: ", "))"
  }

  /// How much of the deceleration is due to cancellation.
  private func shares(_ split: RateDecomposition.Split, _ digest: Digest) -> Markup {
    let factor = exp(split.change.rate)
    guard let (magnitude, constructive) = split.change.shares else {
      return """
        The improvement from <i>t</i> to 2<i>t</i> does not shrink: it changes by a factor of \
        \(Page.number(Format.significant(factor, 2), factor, from: digest)), so there is nothing to account for.
        """
    }
    func percent(_ share: Double) -> Markup {
      Page.number("\(Format.fixed(100 * share, 0)) %", share, from: digest)
    }
    let range: Markup =
      split.destructiveShareInterval.map { " (95 %: \(percent($0.lower)) to \(percent($0.upper)))" } ?? ""
    let most =
      switch constructive {
      case 0.6...: "most of it is cancellation"
      case 0.4...: "cancellation and smaller changes share it about equally"
      case 0...: "most of it is not cancellation but smaller changes"
      default: "none of it is cancellation"
      }
    return """
      The improvement |Δ<i>L</i>| shrinks to \(Page.number(Format.significant(factor, 2), factor, from: digest)) of what \
      it was; of that, on a logarithmic scale, \(percent(constructive))\(range) come from 1 − <i>D</i> and \
      \(percent(magnitude)) from <i>M</i>: \(most) (\(Page.reference(digest))).
      """
  }

  // MARK: Sizes

  /// Whether larger models cancel less, at the last t that all of them have.
  private func sizes(_ results: ZeroSumResults) -> Markup {
    let sized = (comparison?.comparison.rows ?? []).compactMap { row in
      row.size.flatMap { size in runs.first { $0.name == row.run }.map { ($0, size) } }
    }.sorted { $0.1 < $1.1 }.map(\.0).filter { !results.losses(of: $0).isEmpty }
    let common = sized.map { Set(results.losses(of: $0).map(\.from)) }.reduce(nil) { (all: Set<Int>?, one) in
      all?.intersection(one) ?? one
    }
    guard sized.count > 1, let step = common?.max() else { return "" }
    let values = sized.compactMap { run in
      results.losses.first { $0.result.run == run.name && $0.result.from == step }.flatMap { found in
        found.result.destructive.map { (run: run, value: $0, found: found) }
      }
    }
    guard values.count == sized.count else { return "" }
    let list = values.map { run, value, found in
      "\(Page.number(Format.significant(value, 2), value, from: found.digest)) for \(run.label)" as Markup
    }
    let changes = zip(values, values.dropFirst()).map {
      $0.found.result.destructiveChange(to: $1.found.result)
    }
    let verdict =
      if changes.allSatisfy({ $0 == .fell }) {
        "Larger models cancel less"
      } else if changes.allSatisfy({ $0 == .rose }) {
        "Larger models cancel more"
      } else if changes.allSatisfy({ $0 == .unclear }) {
        "Sizes do not differ in how far changes cancel, within their 95 % intervals"
      } else {
        "How far changes cancel does not follow the sizes"
      }
    return """

      <p>\(verdict): from <i>t</i> = \(Format.grouped(step)) to \(Format.grouped(2 * step)), the last pair that all sizes \
      have, <i>D</i> is \(list.joined(separator: ", ")).</p>
      """
  }

  // MARK: Single updates and dissent

  private func oneStep(_ results: ZeroSumResults) -> Markup {
    let items = runs.compactMap { run -> Markup? in
      let found = results.steps.filter { $0.result.run == run.name }
      guard let last = found.last, let train = last.result.train.destructive,
        let evaluation = last.result.evaluation.destructive
      else { return nil }
      func value(_ quantity: InterferenceSpread.Quantity) -> Markup {
        Page.number(
          Format.value(quantity.mean, error: quantity.deviation), quantity.mean, from: last.digest)
      }
      return """
        \(run.label) at step \(Format.grouped(last.result.step)): <i>D</i> = \(value(train)) on the batch, \
        \(value(evaluation)) on the evaluation stream
        """
    }
    guard !items.isEmpty else { return "" }
    return "\n<p>Over a single update (± one deviation over batches): \(items.joined(separator: "; ")).</p>"
  }

  private func gradients(_ results: ZeroSumResults) -> Markup {
    let items = runs.compactMap { run -> Markup? in
      let found = results.gradients.filter { $0.result.run == run.name }
      guard let first = found.first, let last = found.last else { return nil }
      func value(_ value: Double) -> Markup {
        Page.number(Format.significant(value, 3), value, from: last.digest)
      }
      let start = Page.number(
        Format.significant(first.result.destructive, 3), first.result.destructive, from: first.digest)
      return """
        \(run.label) from \(start) at step \(Format.grouped(first.result.step)) to \(value(last.result.destructive)) at \
        step \(Format.grouped(last.result.step)), where independent tokens would give \(value(last.result.null))
        """
    }
    guard !items.isEmpty else { return "" }
    return """

      <p>How far gradients of single tokens cancel, <i>D</i>(∇), in the mean over coordinates without embeddings, goes: \
      \(items.joined(separator: "; ")).</p>
      """
  }

  private func dissent(_ results: ZeroSumResults) -> Markup {
    let items = runs.compactMap { run -> Markup? in
      let found = results.dissent.filter { $0.result.run == run.name }
      guard let first = found.first, let last = found.last, found.count > 1 else { return nil }
      func value(_ found: (result: DissentResult, digest: Digest)) -> Markup {
        Page.number(Format.significant(found.result.dissent, 3), found.result.dissent, from: found.digest)
      }
      let greatest = found.max { $0.result.dissent < $1.result.dissent } ?? last
      let peak: Markup =
        greatest.result.step == first.result.step || greatest.result.step == last.result.step
        ? "" : ", at most \(value(greatest)) at step \(Format.grouped(greatest.result.step))"
      let total = Page.number(
        "\(Format.significant(100 * last.result.total, 2)) %", last.result.total, from: last.digest)
      return """
        \(run.label) from \(value(first)) at step \(Format.grouped(first.result.step)) to \(value(last)) at step \
        \(Format.grouped(last.result.step)), then total for \(total) of the tokens\(peak)
        """
    }
    guard !items.isEmpty else { return "" }
    return """

      <p>Gradient dissent, −cos between attraction to the target and repulsion from all other tokens at the final hidden \
      state, goes in the mean over tokens: \(items.joined(separator: "; ")).</p>
      """
  }
}

extension ZeroSumResults {
  var isEmpty: Bool {
    losses.isEmpty && steps.isEmpty && dissent.isEmpty && decompositions.isEmpty && gradients.isEmpty
      && predictions.isEmpty
  }

  /// Whether D differs between two pairs of checkpoints.
  func change(of run: ReportedRun, from: Int?, to: Int?) -> LossChangeResult.Difference {
    let all = losses(of: run)
    guard let before = all.first(where: { $0.from == from }), let after = all.first(where: { $0.from == to })
    else { return .unclear }
    return before.destructiveChange(to: after)
  }
}

extension LossChangeResult {
  enum Difference { case rose, fell, unclear }

  /// How another D differs from this one: by more than their 95 % intervals, or at all where there are none.
  func destructiveChange(to other: LossChangeResult) -> Difference {
    func interval(_ result: LossChangeResult) -> BootstrapIntervals.Interval? {
      result.destructiveInterval
        ?? result.destructive.map { BootstrapIntervals.Interval(lower: $0, upper: $0) }
    }
    guard let before = interval(self), let after = interval(other) else { return .unclear }
    if after.lower > before.upper { return .rose }
    return after.upper < before.lower ? .fell : .unclear
  }
}
