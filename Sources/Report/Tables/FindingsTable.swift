internal import Artefacts
internal import Compute
internal import JSON

/// The findings of all runs, and of the groups that differ in their seed alone, one a row, each with the artefact that says
/// so: what a paper's text cites.
struct FindingsTable: Sendable {
  struct Row: Sendable {
    /// `run`, `seeds` for a group of runs, or `rates` for what learning rates differ by.
    let scope: String
    let name: String
    let quantity: String
    /// Nil for a pure number.
    let unit: String?
    let value: Double
    /// What the interval holds in 95 % of cases: `this run` for the value of the run as it was trained, `mean over seeds`, or
    /// `another seed`.
    let interval: (of: String, lower: Double, upper: Double)?
    let seeds: Int
    let artefacts: [Digest]
    /// Of the checkpoint that it is of, or of the first one of a pair; nil for what is of no single one.
    var step: Int?
  }

  let rows: [Row]

  init(_ runs: [ReportedRun], _ results: AnalysisResults) {
    let quantities = ReplicatedQuantity.all
    var rows: [Row] = []
    for run in runs {
      for quantity in quantities {
        guard let finding = quantity.finding(run, results) else { continue }
        rows.append(
          Row(
            scope: "run", name: run.name, quantity: quantity.name, unit: quantity.unit, value: finding.value,
            interval: finding.interval.map { ("this run", $0.lower, $0.upper) }, seeds: 1,
            artefacts: [finding.digest], step: finding.step))
      }
    }
    for group in SeedGroup.groups(of: runs) where group.runs.count > 1 {
      let results = results.common(to: group.runs)
      for quantity in quantities {
        let findings = group.runs.compactMap { quantity.finding($0, results) }
        guard findings.count > 1, let spread = SeedSpread(findings.map(\.value)) else { continue }
        for (of, interval) in [
          ("mean over seeds", spread.meanInterval), ("another seed", spread.nextInterval),
        ] {
          rows.append(
            Row(
              scope: "seeds", name: group.runs[0].group, quantity: quantity.name, unit: quantity.unit,
              value: spread.mean, interval: interval.map { (of, $0.lowerBound, $0.upperBound) },
              seeds: findings.count, artefacts: findings.map(\.digest),
              step: findings[0].step))
        }
      }
    }
    self.rows = rows + ReportedAnalyses.all.flatMap { $0.findings(results) }
  }

  var csv: [UInt8] {
    var csv = CSV([
      "scope", "name", "quantity", "unit", "value", "lower_95", "upper_95", "interval_of", "seeds",
      "artefacts", "step",
    ])
    for row in rows {
      csv.add(
        [row.scope, row.name, row.quantity, row.unit ?? "", Format.exact(row.value)]
          + (row.interval.map { [Format.exact($0.lower), Format.exact($0.upper), $0.of] } ?? ["", "", ""])
          + [
            String(row.seeds), row.artefacts.map(\.description).joined(separator: " "),
            row.step.map(String.init) ?? "",
          ])
    }
    return csv.bytes
  }

  var json: JSON {
    [
      "findings": .array(
        rows.map { row in
          [
            "scope": .string(row.scope), "name": .string(row.name), "quantity": .string(row.quantity),
            "unit": row.unit.map { .string($0) } ?? .null, "value": .number(row.value),
            "interval": row.interval.map {
              ["of": .string($0.of), "level": 0.95, "lower": .number($0.lower), "upper": .number($0.upper)]
            } ?? .null,
            "seeds": .integer(Int64(row.seeds)),
            "artefacts": .array(row.artefacts.map { .string($0.description) }),
            "step": row.step.map { .integer(Int64($0)) } ?? .null,
          ]
        })
    ]
  }
}
