internal import Actions
internal import Artefacts
internal import Compute
internal import System

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
        + "TensorBoard, or the folder of a run with several; the file run-ID.wandb of a run; what a training printed, such as Megatron's, nanoGPT's and transformers' logs; each "
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
    for curve in try await curves(reader, context) {
      for note in curve.notes { try context.log("\(curve.run): \(note)") }
      let columns = curve.columns.map { ", '\($0.loss)' by '\($0.step)'" } ?? ""
      try context.log("\(curve.run): \(curve.steps.count) points\(columns)")
      try context.write(curve.bytes, to: "curves", key: curve.run)
    }
  }

  private func curves(_ reader: CurveImport, _ context: OperationContext) async throws -> [Curve] {
    let input = context.input("file")
    if input.artefact.kind != .tree {
      let bytes = try await Decompression.expand(input.bytes(), file: "input 'file'")
      return try reader(bytes, file: "input 'file'")
    }
    guard reader.format == nil || reader.format == .tensorboard else {
      throw Failure(
        .unusable, "the input 'file' is a folder",
        hint: "only event files of TensorBoard are read as a folder")
    }
    let folder = context.scratch + "/events"
    try input.write(to: folder)
    let events = try Self.eventFiles(in: folder)
    let isEmpty = events.allSatisfy(\.bytes.isEmpty)
    let others = isEmpty ? try Self.others(in: folder, below: "", depth: 2).prefix(3) : []
    return [try reader(eventFiles: events, folder: "input 'file'", others: Array(others))]
  }

  /// Those that TensorBoard takes for such by their names. Its folders in the folder are runs of their own.
  private static func eventFiles(in folder: String) throws -> [(name: String, bytes: [UInt8])] {
    let files = LocalFileSystem()
    var left = CurveFile.limit
    var found: [(name: String, bytes: [UInt8])] = []
    for name in try files.names(in: folder).sorted() where name.contains("tfevents") {
      guard try files.status("\(folder)/\(name)")?.isFile == true else { continue }
      let bytes = try FileInput.bytes(of: "\(folder)/\(name)", name: "input 'file'/\(name)", limit: left)
      left -= bytes.count
      found.append((name, bytes))
    }
    return found
  }

  /// The files in which Weights & Biases and Lightning keep the curves of a run, by their path in the folder.
  private static func others(in folder: String, below place: String, depth: Int) throws -> [String] {
    let files = LocalFileSystem()
    return try files.names(in: folder + place).sorted().flatMap { name -> [String] in
      guard let status = try files.entry("\(folder)\(place)/\(name)") else { return [] }
      if status.isFile, name.hasSuffix(".wandb") || name == "metrics.csv" || name == "trainer_state.json" {
        return [String("\(place)/\(name)".dropFirst())]
      }
      return status.isFolder && depth > 0
        ? try others(in: folder, below: "\(place)/\(name)", depth: depth - 1) : []
    }
  }

  private static func name(_ text: String) -> String? { text.isEmpty ? nil : text }
}
