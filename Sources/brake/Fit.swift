import ArgumentParser
import Compute
import JSON
import Operations
import System

extension Brake {
  struct Fit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "fit",
      abstract: "Fit a one-break power law to loss curves and say whether they decelerate.",
      discussion: """
        Reads what curve.import reads, compressed or not, but no folder: CSV, TSV, JSON, JSON lines, a trainer_state.json, event files of \
        TensorBoard, run-ID.wandb, and what a training printed; smooths, subsamples and fits each run. Needs neither a \
        pipeline nor a store.
        """)

    @Option(
      help: ArgumentHelp("Steps up to this one are the transient, and are not fitted.", valueName: "step"))
    var skip = 100

    @Option(help: ArgumentHelp("The column of the steps.", valueName: "column")) var step: String?
    @Option(help: ArgumentHelp("The column of the losses.", valueName: "column")) var loss: String?
    @Flag(help: "Fit the losses as they are, without the moving average.") var noSmoothing = false
    @Flag(help: "Print an array with one object for each run.") var json = false
    @Argument(help: "Files with loss curves.", completion: .file()) var files: [String]

    func validate() throws {
      let steps = CurveAnalysis.Options.steps
      guard steps.contains(skip) else {
        throw ValidationError("--skip takes a step from 0 to \(steps.upperBound), not \(skip)")
      }
    }

    func run() async throws {
      let options = CurveAnalysis.Options(skip: skip)
      let preparation = Preparation(smoothing: noSmoothing ? nil : Preparation().smoothing)
      var analyses: [CurveAnalysis] = []
      var isIncomplete = false
      for file in files {
        for curve in try await CurveFile.read(path: file, options: CurveImport(step: step, loss: loss)) {
          do {
            analyses.append(try CurveAnalysis.run(curve, preparation: preparation, options: options))
          } catch let error as Failure {
            Output.note("error: \(error)")
            isIncomplete = true
          }
        }
      }
      if json {
        try Output.print(.array(analyses.map(\.summary)))
      } else if !analyses.isEmpty {
        try Output.print(FitTable(analyses: analyses).text)
      }
      if isIncomplete { throw ExitCode(2) }
    }
  }
}
