internal import Actions
internal import Compute
internal import JSON

/// `weights.spectra`
struct WeightsSpectraOperation: Operation {
  static let leading = Parameter(
    "leading", default: 4, unit: "dimensions", in: 1...256,
    help: "of the leading singular spaces that are compared with the initial ones")

  let name = "weights.spectra"
  let revision = 2
  let summary =
    "Computes the singular values of every weight matrix, and of its change since an initial checkpoint."
  let inputs = [
    InputDeclaration("checkpoint", help: LMCheckpoint.help),
    InputDeclaration(
      "initial", .optional,
      help:
        "an earlier checkpoint of the same training, such as its first; without it, nothing is said of changes"
    ),
  ]
  let parameters: [any ParameterDeclaration] = [ZSLParameters.run, ZSLParameters.step, leading]
  let outputs = [
    OutputDeclaration(
      "result", file: "spectra.json",
      help:
        "of each matrix and of its change: Frobenius and spectral norm, stable rank, effective rank; the size of the change in "
        + "parts of the initial matrix; and how the leading singular spaces of both overlap with the initial ones: mean squared "
        + "cosines of principal angles among rows ('left') and columns ('right'), by chance 'leading' / 'rows' and / 'columns'"
    ),
    OutputDeclaration(
      "values", file: "singular-values.safetensors",
      help:
        "all singular values, descending, of each matrix behind 'weights.', 'initial.' and 'change.' (float64)"
    ),
  ]

  func run(_ context: OperationContext) async throws {
    let weights = try LMCheckpoint(context.input("checkpoint")).weights
    let initial = try context.optionalInput("initial").map { try LMCheckpoint($0).weights }
    var told = -1.0
    let found = try MeasuredSpectra(
      of: weights, since: initial, leading: context[Self.leading], run: context[ZSLParameters.run],
      step: context[ZSLParameters.step], threads: Threads(of: context)
    ) { done in
      try context.checkCancellation()
      if done > told { context.progress(done, "singular values") }
      told = done
    }
    try context.write(Array(found.spectra.json.pretty.utf8) + [UInt8(ascii: "\n")], to: "result")
    let values = try FileOutput(context.path(of: "values"))
    try found.write { try values.write($0) }
  }
}
