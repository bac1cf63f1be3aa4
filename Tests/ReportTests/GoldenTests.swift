import Actions
import Artefacts
import Compute
import Foundation
import JSON
import Support
import Testing

@testable import Report

/// What each operation of the report gave for a small fixed input at its revision, as the table of the other operations
/// says it. In gnuplot's place stands a program that draws the digest of its script: what the script says is ours, and what
/// gnuplot makes of it is another matter, which the key tells apart by the program.
@Suite struct `Golden outputs of the report` {
  struct Golden: Sendable, CustomTestStringConvertible {
    let operation: String
    var figure: String?
    /// Whether it is of learning rates at equal mean loss alone.
    var isOfRates = false
    let revision: Int
    /// Of all outputs together.
    let digest: String

    var testDescription: String {
      operation + (figure.map { ", " + $0 } ?? "") + (isOfRates ? ", rates" : "")
    }
  }

  static let table = [
    Golden(
      operation: "report.figure", figure: "overview", revision: 5,
      digest: "5e3af5707a48f2c975a5300fbb4e32275903e69fda6f6475b2148b3e32a0fb94"),
    Golden(
      operation: "report.figure", figure: "fit", revision: 5,
      digest: "777bd4806fdb42eb56988c620086bda819665edb2348b3a125e3f9ae83ab2da2"),
    Golden(
      operation: "report.figure", figure: "residuals", revision: 5,
      digest: "f525d7dd3e88a3e184147e30c790504beccd59ce25a79c2f1e742615e8f59ee9"),
    Golden(
      operation: "report.figure", figure: "scaling", revision: 5,
      digest: "a06a4c24e4f939d9bebe2379bfb753a5a877fc8fc2689ce4d0d928e5e0783550"),
    Golden(
      operation: "report.zero-sum", figure: "decomposition", revision: 7,
      digest: "81200afa71cfe302eb1527d20786755272d2441fab4c1c29dec9166b8eaed8fb"),
    Golden(
      operation: "report.zero-sum", figure: "interference", revision: 7,
      digest: "ca00675cd9689173341b030ebc49f16eef71e36f55fb4470b21b19aaf3dfa16d"),
    Golden(
      operation: "report.zero-sum", figure: "plane", revision: 7,
      digest: "ea5407539cd8713a88ea1fed23047933a36f428ea0ff88b9763faa5a323da8b8"),
    Golden(
      operation: "report.zero-sum", figure: "step", revision: 7,
      digest: "cc471ecce5fde1ad9a156b22bc9e4ed644d91fdee5707d19ec7bf85130589a11"),
    Golden(
      operation: "report.zero-sum", figure: "gradients", revision: 7,
      digest: "8b4f91fbefd1db6844e38483cdf42f18a06c6db6228362b36ee4642858db3570"),
    Golden(
      operation: "report.zero-sum", figure: "layers", revision: 7,
      digest: "122fd21ada423c1a0c25fa2d9c29cb7acb70d2f7e11e722fe257ef7a7ef017ff"),
    Golden(
      operation: "report.zero-sum", figure: "prediction", revision: 7,
      digest: "b2f0a3895bad4832b53c5024bde6d7846a9e1cb4869e36b7fa60fd282412fa8f"),
    Golden(
      operation: "report.zero-sum", figure: "tokens", revision: 7,
      digest: "bb08dd0067d89df49f359304e6941282c6fe57da023ce90f65232ce1c6668095"),
    Golden(
      operation: "report.zero-sum", figure: "dissent", revision: 7,
      digest: "229e9f79e50d61004c7c7d1340a6d3289b4238e15ff1c302f84fa832a645c7ee"),
    Golden(
      operation: "report.zero-sum", figure: "alignment", revision: 7,
      digest: "59e09b3ffd7560190ad1087f563ded02bd027ce5811bf3c3ad2de5d61bec1167"),
    Golden(
      operation: "report.zero-sum", figure: "spectra", revision: 7,
      digest: "77c25be3597d543dfd89e6c50217459bee3a912dcba0ba15ca89f9f5495025f2"),
    Golden(
      operation: "report.zero-sum", figure: "changes", revision: 7,
      digest: "7441e8840fe7fc83d3ea68a0f060c5bc59416f615af70752ac5adfd1cfe578d9"),
    Golden(
      operation: "report.tables", revision: 7,
      digest: "1bdf89f02d2a1b7b0eab8cc2a449d94778182a79702e19c9da3e1ac3b95fc352"),
    Golden(
      operation: "report.html", revision: 10,
      digest: "94ab3a5e9555c5c73b9a540de9c3956f2f1ae0de43fe79058bb72c69a553cf72"),
    Golden(
      operation: "report.zero-sum", figure: "ranking", isOfRates: true, revision: 7,
      digest: "6c07051e7069fa4971f3794b14bc269af30aa43b141a84c59a15928c9229d2f1"),
    Golden(
      operation: "report.tables", isOfRates: true, revision: 7,
      digest: "0e5cac3d0081dba3dfa569846f6ad5a2910fa979f58113f033f6d6a58573a047"),
    Golden(
      operation: "report.html", isOfRates: true, revision: 10,
      digest: "cd0caaaa65cf2cbdf7c5cf1dafc94b091ee253657fac4d04c749e2d18434504a"),
  ]

  @Test func `The table has a row for every operation, and for every figure that they draw`() {
    #expect(Set(Self.table.map(\.operation)) == Set(Report.operations.map(\.name)))
    let figures = Self.table.filter { $0.operation == "report.zero-sum" }.compactMap(\.figure)
    #expect(Set(figures) == Set(ReportedAnalyses.figures.map(\.name)))
  }

  @Test(arguments: table)
  func `Outputs change only with the revision`(golden: Golden) async throws {
    let bench = try OperationTests.Workbench()
    let program = bench.folder.write(
      """
      #!/bin/sh
      printf '<svg viewBox="0 0 10 10"><g><text>%s</text></g></svg>' "$(/usr/bin/sha256sum)"
      """, to: "bin/gnuplot")
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
    let gnuplot = Gnuplot(searchPath: bench.folder["bin"])
    let operation: any Actions.Operation =
      switch golden.operation {
      case "report.figure": FigureOperation(gnuplot: gnuplot)
      case "report.zero-sum": ZeroSumFigureOperation(gnuplot: gnuplot)
      case "report.tables": TablesOperation()
      default: PageOperation()
      }
    var inputs = try ZeroSumTests.inputs(bench, d: 0.6)
    let runs = try ["14M", "144M"].map { try SampleRuns.analysis($0) }
    let comparison = try CurveComparison(runs, sizes: ["14M": 14e6, "144M": 144e6])
    if golden.isOfRates { inputs = try RankingReportTests.inputs(bench, RankingReportTests.result()) }
    inputs["comparison"] = [try bench.input(comparison.json.canonicalBytes)]
    let names = operation.inputs.map(\.name)
    let outputs = try await bench.run(
      operation, inputs.filter { names.contains($0.key) },
      golden.figure.map { ["figure": .string($0)] } ?? [:])
    let bytes = outputs.sorted { $0.key < $1.key }.flatMap {
      Array("\($0.key) \($0.value.count)\n".utf8) + $0.value
    }
    let digest = Digest(of: bytes).hex
    if operation.revision == golden.revision {
      #expect(
        digest == golden.digest,
        "the outputs of \(golden.testDescription) changed: raise its revision above \(golden.revision), and enter it here"
      )
    } else {
      Issue.record("\(golden.testDescription) has revision \(operation.revision): enter it with \(digest)")
    }
  }
}
