internal import Artefacts
internal import Compute

/// What the page says of learning rates at equal mean loss.
struct RankingText {
  let result: RankingResult
  let digest: Digest

  /// The bins of a level, each with what its tokens are called.
  static func bins(of level: RankingResult.Level) -> [(name: String, bin: RankingResult.Bin)] {
    level.frequencies.map { bin in
      let name =
        bin.lower > 0
        ? "frequency \(Format.short(bin.lower)) to \(Format.short(bin.upper))"
        : "frequency below \(Format.short(bin.upper))"
      return (name, bin)
    }
      + level.positions.map { bin in
        let (first, last) = (Format.short(bin.lower), Format.short(bin.upper))
        return (first == last ? "position \(first)" : "positions \(first) to \(last)", bin)
      }
  }

  var markup: Markup {
    guard let level = result.levels.last else { return "" }
    return """

      <p>\(agreement(level))</p>
      \(table)
      <p>\(favours(level))</p>
      """
  }

  private func number(_ text: String, _ value: Double) -> Markup { Page.number(text, value, from: digest) }

  /// The mean loss, and where trainings have it.
  private func start(_ level: RankingResult.Level) -> Markup {
    let steps = (level.steps.lowerBound, level.steps.upperBound)
    return """
      At a mean loss of \(number(Format.significant(level.loss, 4), level.loss)), the lowest of those compared, which the \
      trainings reach after \(Format.whole(steps.0)) to \(Format.whole(steps.1)) updates,
      """
  }

  /// Whether rates rank tokens otherwise than seeds do.
  private func agreement(_ level: RankingResult.Level) -> Markup {
    let tested = level.pairs.filter { $0.probability != nil }
    guard !tested.isEmpty, tested.count == level.pairs.count else {
      return """
        \(start(level)) it cannot be told whether rates rank tokens less alike than seeds of one rate do: that takes three \
        seeds, and there \(result.seeds == 1 ? "is one" : "are \(result.seeds)").
        """
    }
    let test: Markup = """
      (jackknife over seeds, Student's <i>t</i> with \(result.seeds - 1) degrees of freedom, at 5 % for \
      \(tested.count == 1 ? "the one pair" : "all \(tested.count) pairs"))
      """
    func pairs(_ direction: Direction) -> [RankingResult.Pair] {
      tested.filter { Direction($0.excess ?? 0, probability: $0.probability, of: tested.count) == direction }
    }
    let (less, more, others) = (pairs(.up), pairs(.down), pairs(.neither))
    func names(_ pairs: [RankingResult.Pair], _ word: String) -> String {
      pairs.map { $0.rates.map { Format.short($0) }.joined(separator: " and ") }
        .joined(separator: ", \(word) ")
    }
    if others.count == tested.count {
      return
        "\(start(level)) rates are not found to rank tokens less alike than seeds of one rate do \(test)."
    }
    let parts =
      (less.isEmpty ? [] : ["ranked less alike by the rates \(names(less, "by")) than by seeds of one rate"])
      + (more.isEmpty
        ? [] : ["ranked more alike by the rates \(names(more, "by")) than by seeds of one rate"])
    let rest = others.isEmpty ? "" : "; of \(names(others, "of")) no difference from seeds is found"
    return "\(start(level)) tokens are \(parts.joined(separator: ", and "))\(rest) \(test)."
  }

  private var table: Markup {
    let rows = result.levels.flatMap { level in
      level.pairs.map { pair -> Markup in
        func cell(_ value: Double?) -> Markup {
          value.map { "<td>\(number(Format.fixed($0, 4), $0))</td>" } ?? "<td>–</td>"
        }
        let interval =
          pair.interval.map { "\(Format.fixed($0.lower, 4)) to \(Format.fixed($0.upper, 4))" } ?? "–"
        return """
          <tr><td>\(Format.significant(level.loss, 4))</td>\
          <td class="words">\(pair.rates.map { Format.short($0) }.joined(separator: " and "))</td>\
          \(cell(pair.within))\(cell(pair.between))\(cell(pair.sameSeed))\(cell(pair.excess))<td>\(interval)</td></tr>
          """
      }
    }
    return """
      <div class="table">
      <table>
      <thead><tr><th scope="col">mean loss</th><th scope="col" class="words">rates</th><th scope="col">seeds of one rate</th>\
      <th scope="col">two rates, other seeds</th><th scope="col">two rates, same seed</th>\
      <th scope="col">seeds − rates</th><th scope="col">95 % interval</th></tr></thead>
      <tbody>
      \(rows.joined(separator: "\n"))
      </tbody>
      </table>
      </div>
      <p>Spearman's rank correlation of the losses of \(Format.grouped(result.tokens)) tokens, in the mean over pairs of \
      trainings: between seeds of one rate (of either), between the two rates with different seeds, which is to be compared \
      with it, and with the same seed, which shares initial weights and the order of the text. Intervals are over seeds.</p>
      """
  }

  /// Which tokens rates favour.
  private func favours(_ level: RankingResult.Level) -> Markup {
    let bins = Self.bins(of: level)
    let count = bins.reduce(0) { $0 + $1.bin.rates.count }
    guard count > 0, bins.allSatisfy({ $0.bin.rates.allSatisfy { $0.probability != nil } }) else {
      return "Whether a rate favours tokens of some frequency or position cannot be told from one seed each."
    }
    let test: Markup = """
      (each rate against the mean over rates, Student's <i>t</i> with a common deviation of seeds, at 5 % for all \(count) \
      comparisons)
      """
    let items = result.rates.compactMap { rate -> Markup? in
      let found = bins.compactMap { name, bin -> (name: String, value: Double)? in
        guard let own = bin.rates.first(where: { $0.rate == rate }),
          Direction(own.difference, probability: own.probability, of: count) != .neither
        else { return nil }
        return (name, own.difference)
      }
      func list(_ found: [(name: String, value: Double)]) -> Markup {
        found.map { "\($0.name) (\(number(Format.significant($0.value, 2), $0.value)))" as Markup }
          .joined(separator: ", ")
      }
      let (lower, higher) = (found.filter { $0.value < 0 }, found.filter { $0.value > 0 })
      if lower.isEmpty && higher.isEmpty { return nil }
      if higher.isEmpty { return "\(Format.short(rate)) has lower losses at \(list(lower))" }
      if lower.isEmpty { return "\(Format.short(rate)) has higher losses at \(list(higher))" }
      return "\(Format.short(rate)) has lower losses at \(list(lower)), higher ones at \(list(higher))"
    }
    if items.isEmpty {
      return "At that mean loss no rate is found to favour tokens of some frequency or position \(test)."
    }
    return """
      At that mean loss, in nats per token, the rate \(items.joined(separator: "; the rate ")) \(test). Over all tokens the differences \
      add up to nothing, as the mean losses are equal.
      """
  }
}
