internal import Artefacts
internal import Compute
internal import JSON

/// The findings of all runs, and of the groups that differ in their seed alone, one a row, each with the artefact that says
/// so: what a paper's text cites.
struct FindingsTable: Sendable {
  struct Row: Sendable {
    /// `run`, `seeds` for a group of runs, `sizes` for what models of different size differ by, or `rates` for learning rates.
    let scope: String
    let name: String
    let quantity: String
    /// Nil for a pure number.
    let unit: String?
    /// Nil for what is said in words alone.
    let value: Double?
    /// What the interval holds in 95 % of cases: `this run` for the value of the run as it was trained, `mean over seeds`, or
    /// `another seed`.
    let interval: (of: String, lower: Double, upper: Double)?
    let seeds: Int
    let artefacts: [Digest]
    /// Of the checkpoint that it is of, or of the first one of a pair; nil for what is of no single one.
    var step: Int?
    /// What is found, in words, or what a reader of the number has to know.
    var says: String?
    /// Whether the value differs from 0, or from what the words say: what a sentence of the page relies on.
    var test: Test?
  }

  struct Test: Sendable {
    /// Of a paper's reader: `Student's t over seeds`.
    let name: String
    /// The probability of a difference at least as large by chance; nil where the odds of laws decide.
    let probability: Double?
    /// Of so many tests that err together in at most `Direction.errorRate` of pages with nothing to find, this is one. The odds of laws
    /// are of one run each: they err at that rate for each by itself.
    let comparisons: Int
  }

  let rows: [Row]

  init(_ runs: [ReportedRun], _ results: AnalysisResults, _ comparison: CurveComparison?) {
    let quantities = ReplicatedQuantity.all
    var rows: [Row] = []
    for run in runs {
      rows += Self.verdict(of: run)
      for quantity in quantities {
        guard let finding = quantity.finding(run, results) else { continue }
        rows.append(
          Row(
            scope: "run", name: run.name, quantity: quantity.name, unit: quantity.unit, value: finding.value,
            interval: finding.interval.map { ("this run", $0.lower, $0.upper) }, seeds: 1,
            artefacts: [finding.digest], step: finding.step, says: finding.note))
      }
    }
    for group in SeedGroup.groups(of: runs) where group.runs.count > 1 {
      let results = results.common(to: group.runs)
      for quantity in quantities {
        let findings = group.runs.compactMap { quantity.finding($0, results) }
        guard findings.count > 1, let spread = SeedSpread(findings.map(\.value)) else { continue }
        let left = group.runs.count - findings.count
        let says =
          (left > 0 ? ["of \(findings.count) of \(group.runs.count) seeds, as the others have none"] : [])
          + findings.notes(of: group.runs.count)
        for (of, interval) in [
          ("mean over seeds", spread.meanInterval), ("another seed", spread.nextInterval),
        ] {
          rows.append(
            Row(
              scope: "seeds", name: group.runs[0].group, quantity: quantity.name, unit: quantity.unit,
              value: spread.mean, interval: interval.map { (of, $0.lowerBound, $0.upperBound) },
              seeds: findings.count, artefacts: findings.map(\.digest),
              step: findings[0].step, says: says.isEmpty ? nil : says.joined(separator: "; ")))
        }
      }
    }
    self.rows = rows + ReportedAnalyses.all.flatMap { $0.findings(runs, comparison, results) }
  }

  var csv: [UInt8] {
    var csv = CSV([
      "scope", "name", "quantity", "unit", "value", "lower_95", "upper_95", "interval_of", "seeds",
      "artefacts", "step", "says", "test", "p", "error_rate", "comparisons",
    ])
    for row in rows {
      var fields = [row.scope, row.name, row.quantity, row.unit ?? "", row.value.map(Format.exact) ?? ""]
      fields += row.interval.map { [Format.exact($0.lower), Format.exact($0.upper), $0.of] } ?? ["", "", ""]
      fields += [String(row.seeds), row.artefacts.map(\.description).joined(separator: " ")]
      fields += [row.step.map(String.init) ?? "", row.says ?? ""]
      fields += row.test?.fields ?? ["", "", "", ""]
      csv.add(fields)
    }
    return csv.bytes
  }

  var json: JSON { ["findings": .array(rows.map(\.json))] }
}

extension FindingsTable.Test {
  fileprivate var fields: [String] {
    [name, probability.map(Format.exact) ?? "", Format.exact(Direction.errorRate), String(comparisons)]
  }

  fileprivate var json: JSON {
    [
      "name": .string(name), "p": probability.map { .number($0) } ?? .null,
      "error_rate": .number(Direction.errorRate), "comparisons": .integer(Int64(comparisons)),
    ]
  }
}

extension FindingsTable.Row {
  fileprivate var json: JSON {
    let interval: JSON? = interval.map {
      ["of": .string($0.of), "level": 0.95, "lower": .number($0.lower), "upper": .number($0.upper)]
    }
    return [
      "scope": .string(scope), "name": .string(name), "quantity": .string(quantity),
      "unit": unit.map { .string($0) } ?? .null, "value": value.map { .number($0) } ?? .null,
      "interval": interval ?? .null, "seeds": .integer(Int64(seeds)),
      "artefacts": .array(artefacts.map { .string($0.description) }),
      "step": step.map { .integer(Int64($0)) } ?? .null, "says": says.map { .string($0) } ?? .null,
      "test": test?.json ?? .null,
    ]
  }
}
