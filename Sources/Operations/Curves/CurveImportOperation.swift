internal import Actions
internal import Compute

/// `curve.import`
struct CurveImportOperation: Operation {
  static let step = Parameter(
    "step", default: "", help: "column of the step; empty to find it by its usual names")
  static let loss = Parameter(
    "loss", default: "", help: "column of the loss; empty to find it by its usual names")
  static let run = Parameter(
    "run", default: "run", help: "name of the run, where the file does not name its runs",
    constraint: "not empty", allows: { !$0.isEmpty })
  static let format = Parameter(
    "format", default: "detect", oneOf: ["detect"] + CurveImport.Format.allCases.map(\.rawValue),
    help: "how to read the file")

  let name = "curve.import"
  let revision = 8
  let summary = "Reads per-step losses from the files that people have, and reports what is wrong with them."
  let inputs = [
    InputDeclaration(
      "file",
      help:
        "CSV or TSV with a header, also of several runs as Weights & Biases exports them; JSON (list of objects, object of "
        + "lists, {run: …} of those, trainer_state.json, {run: {smoothed_loss: {x, y}}}); JSON lines; an event file of "
        + "TensorBoard; the file run-ID.wandb of a run; what a training printed, such as Megatron's, nanoGPT's and transformers' logs; each "
        + "also compressed with gzip, xz or zstd")
  ]
  let parameters: [any ParameterDeclaration] = [step, loss, run, format]
  let outputs = [
    OutputDeclaration(
      "curves", file: ".csv", keyed: true,
      help:
        "step and loss of each run, in order and without gaps in their meaning; the comment names the columns and what was found"
    )
  ]

  func run(_ context: OperationContext) async throws {
    let reader = CurveImport(
      step: Self.name(context[Self.step]), loss: Self.name(context[Self.loss]), run: context[Self.run],
      format: CurveImport.Format(rawValue: context[Self.format]))
    let bytes = try await Decompression.expand(context.input("file").bytes(), file: "input 'file'")
    for curve in try reader(bytes, file: "input 'file'") {
      for note in curve.notes { try context.log("\(curve.run): \(note)") }
      let columns = curve.columns.map { ", '\($0.loss)' by '\($0.step)'" } ?? ""
      try context.log("\(curve.run): \(curve.steps.count) points\(columns)")
      try context.write(curve.bytes, to: "curves", key: curve.run)
    }
  }

  private static func name(_ text: String) -> String? { text.isEmpty ? nil : text }
}
