import Artefacts
import Compute
import JSON

@testable import Report

/// Runs whose every number is written down here, so that what is said of them can be checked to the last digit.
enum SampleRuns {
  static func analysis(
    _ run: String, group: String? = nil, verdict: Verdict = .deceleration, finalRate: Double = 0.02,
    skip: Int = 100, smoothing: Double? = 1.2, subsampled: Bool = true, prepared: Bool = false,
    hasTwoBreaks: Bool = false, hasLimit: Bool = false, hasBreakIntervals: Bool = true, cutStep: Double = 4000
  ) throws -> CurveAnalysis {
    let curve = OneBreak(b: 20, c0: 0.2, c1: finalRate - 0.2, logD1: 8.5, f1: 0.3)
    let steps =
      Array(stride(from: 50, through: 100, by: 10)) + Array(stride(from: 110, through: 20_000, by: 150))
    let losses = steps.enumerated().map { index, step in
      curve.loss(at: Double(step)) * (index.isMultiple(of: 2) ? 1.01 : 0.99)
    }
    let quality: JSON = [
      "parameters": 5, "points": 133, "sse": 0.0133, "rsle": 0.01,
    ]
    var powerLaw = quality
    if case .object(var members) = quality {
      members["parameters"] = 2
      powerLaw = .object(members)
    }
    func law(
      _ name: String, _ parameters: Int, _ behind: Double, _ breaks: JSON, rates: JSON = [0.2, 0.02],
      intervals: JSON = nil
    ) -> JSON {
      [
        "name": .string(name), "has_break": .bool(breaks != []), "parameters": .integer(Int64(parameters)),
        "rsle": 0.01, "behind": .number(behind), "rates": rates, "breaks": breaks,
        "prediction_error": 0.003, "intervals": intervals,
      ]
    }
    let twoBreaks = law(
      "two breaks", 8, 0, [1181.5, 2384.25], rates: [0.15, 0.4, 0.0125],
      intervals: hasBreakIntervals
        ? [
          "resamples": 200, "failed": 1, "breaks": [[1100.5, 1300.25], [2000.5, 3000.75]],
          "rates": [[0.14, 0.16], [0.35, 0.5], [0.01, 0.015]],
        ] : ["resamples": 200, "failed": 21, "breaks": [], "rates": []])
    let oneBreak = law("one break", 5, hasTwoBreaks ? 20.5 : 0, [4914.8])
    let limited = law(
      "one break with limit", 6, -12, [6000.5],
      intervals: [
        "resamples": 200, "failed": 0, "breaks": [[5900.5, 6100.25]],
        "rates": [[0.18, 0.22], [0.01, 0.03]],
      ])
    let smooth = law("power law with limit", 3, 31.5, [])
    let evidence: JSON = [
      "windows": 29, "noise": "steps", "persistence": 0.25, "discrepancy": 0.001, "margin": 31.5,
      "laws": .array((hasTwoBreaks ? [twoBreaks] : hasLimit ? [limited] : []) + [oneBreak, smooth]),
      "parts": [["first_step": 350, "last_step": 20_000, "margin": 12.5]],
      "prediction": ["first_step": 10_100, "rival": "power law", "advantage": -3.5],
    ]
    let json: JSON = [
      "run": .string(run), "b": 20, "c0": 0.2, "c1": .number(finalRate - 0.2), "log_d1": 8.5, "f1": 0.3,
      "L_T": 3.25, "quality": quality, "first_step": 110, "last_step": 20_000, "starts": 60,
      "starts_at_optimum": 60, "at_bound": false,
      "intervals": [
        "resamples": 200, "failed": 3, "at_bound": 0, "seed": 7, "noise": "steps",
        "persistence": 0.25, "discrepancy": 0,
        "b": [19, 21], "c0": [0.19, 0.21], "c1": [-0.19, -0.17], "log_d1": [8.4, 8.6], "f1": [0.2, 0.4],
        "t_d": [4447.06, 5431.66], "L_d": [3.6, 3.7], "r_d": [0.017, 0.023], "L_T_predicted": [3.5, 3.6],
      ],
      "sensitivity": [
        [
          "skip": 300, "points": 120, "t_d": .number(cutStep), "L_d": 3.6, "r_d": 0.02, "rsle": 0.009,
          "curve": [
            "b": 20, "c0": 0.2, "c1": -0.18, "log_d1": .number(Elementary.log(cutStep)), "f1": 0.3,
          ],
        ]
      ],
      "power_law": ["b": 12, "c0": 0.14, "quality": powerLaw], "evidence": evidence,
      "options": [
        "skip": .integer(Int64(skip)), "warmup": nil, "bootstrap": 200, "seed": 7, "starts": 60,
        "cuts": [300],
      ],
      "verdict": .string(verdict.rawValue),
      "reasons": ["The first reason.", "t_d moves with the cut."],
      "notes": [],
      "curve": [
        "run": .string(run), "group": .string(group ?? run),
        "steps": .array(steps.map { .integer(Int64($0)) }),
        "losses": .array(losses.map { .number($0) }), "smoothing": smoothing.map { .number($0) } ?? nil,
        "subsampled": .bool(subsampled), "source_points": 20_000, "already_prepared": .bool(prepared),
        "notes": [["kind": "restart", "count": 1, "places": ["line 512: step 100 after 612"]]],
      ],
    ]
    return try CurveAnalysis(json: json)
  }

  static func run(
    _ name: String, label: String? = nil, index: Int = 0, verdict: Verdict = .deceleration,
    finalRate: Double = 0.02
  ) throws -> ReportedRun {
    try run(of: analysis(name, verdict: verdict, finalRate: finalRate), label: label, index: index)
  }

  static func run(of analysis: CurveAnalysis, label: String? = nil, index: Int = 0) -> ReportedRun {
    let name = analysis.curve.run
    return ReportedRun(
      label: label ?? name, groupLabel: label ?? name, colour: Theme.run(index), analysis: analysis,
      digest: Digest(of: analysis.json.canonicalBytes))
  }
}
