internal import Actions
internal import Compute
internal import JSON

/// `curve.prepare`
struct CurvePrepareOperation: Operation {
  static let smoothing = Parameter(
    "smoothing", default: true, help: "replace point j by the mean of the points from floor(j / base) to j")
  static let base = Parameter(
    "base", default: 1.2, help: "the width of that window", constraint: "above 1",
    allows: { $0 > 1 })
  static let subsample = Parameter(
    "subsample", default: true,
    help: "keep steps 10...100 by 1, to 1000 by 10, to 10 000 by 100, then by 1000, and the last")
  static let run = Parameter(
    "run", default: "", help: "what the run is called from here on; empty to keep its name")
  static let group = Parameter(
    "group", default: "",
    help:
      "what it has in common with runs that differ from it in their seed alone, such as the model: conclusions about "
      + "training are drawn over the runs of a group. Empty for a run without such others")

  let name = "curve.prepare"
  let revision = 4
  let summary = "Smooths and subsamples a loss curve; one that its authors have prepared stays as it is."
  let inputs = [InputDeclaration("curve", help: "a curve as curve.import or curve.generate writes it")]
  let parameters: [any ParameterDeclaration] = [smoothing, base, subsample, run, group]
  let outputs = [
    OutputDeclaration(
      "prepared", file: "prepared.json",
      help: "the points for curve.fit, and what it needs of those they were made from")
  ]

  func run(_ context: OperationContext) async throws {
    var curve = try Curve(bytes: context.input("curve").bytes())
    if !context[Self.run].isEmpty { curve.run = context[Self.run] }
    let preparation = Preparation(
      smoothing: context[Self.smoothing] ? context[Self.base] : nil, subsample: context[Self.subsample])
    let prepared = try preparation(curve, group: context[Self.group].isEmpty ? nil : context[Self.group])
    try context.log("\(curve.run): \(prepared.steps.count) of \(curve.steps.count) points")
    try context.write(prepared.json.canonicalBytes, to: "prepared")
  }
}
