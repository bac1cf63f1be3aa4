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
      operation: "report.figure", figure: "overview", revision: 10,
      digest: "100090466c43cce5156ae1086d6c71c4c70d7317e2b6fdc27552706de71784e5"),
    Golden(
      operation: "report.figure", figure: "fit", revision: 10,
      digest: "777bd4806fdb42eb56988c620086bda819665edb2348b3a125e3f9ae83ab2da2"),
    Golden(
      operation: "report.figure", figure: "residuals", revision: 10,
      digest: "f525d7dd3e88a3e184147e30c790504beccd59ce25a79c2f1e742615e8f59ee9"),
    Golden(
      operation: "report.figure", figure: "scaling", revision: 10,
      digest: "590e674e00bd1aa843863f11c5ec49822cc7659a359b3f755e2b2c8dbb48771e"),
    Golden(
      operation: "report.zero-sum", figure: "decomposition", revision: 11,
      digest: "71753a246203a834ea14b407ba004ca0571a101582dd95f55723a833791e1096"),
    Golden(
      operation: "report.zero-sum", figure: "interference", revision: 11,
      digest: "d427002e409de042b78b19cc048084ee05c176d277ba4b533ed31bc2f1e9e003"),
    Golden(
      operation: "report.zero-sum", figure: "plane", revision: 11,
      digest: "88f07beb45c11c7d31943be593452498440e5156a54c2954ceff0ded0833fdd8"),
    Golden(
      operation: "report.zero-sum", figure: "step", revision: 11,
      digest: "d172b67bba1937818af2898ea2f09821486038d2aa8d153b49f657f347ca99bb"),
    Golden(
      operation: "report.zero-sum", figure: "gradients", revision: 11,
      digest: "aa142f14cf250d5261dc28775d1192011ce84ac5d6bb8b8484bf51a4835ca96e"),
    Golden(
      operation: "report.zero-sum", figure: "layers", revision: 11,
      digest: "122fd21ada423c1a0c25fa2d9c29cb7acb70d2f7e11e722fe257ef7a7ef017ff"),
    Golden(
      operation: "report.zero-sum", figure: "prediction", revision: 11,
      digest: "aa5f877e9d2ea5b4791ba2d9d01120bbf2efcbdcd554f15b5c6caf7bcd9e1c99"),
    Golden(
      operation: "report.zero-sum", figure: "tokens", revision: 11,
      digest: "bb08dd0067d89df49f359304e6941282c6fe57da023ce90f65232ce1c6668095"),
    Golden(
      operation: "report.zero-sum", figure: "dissent", revision: 11,
      digest: "085c40cbf2c675f848313c24ed9c4bfa5f506dbc1e84ac3935d2af20ee16a76a"),
    Golden(
      operation: "report.zero-sum", figure: "alignment", revision: 11,
      digest: "a66ae62153584bbb251eda178bb4db6090167232ee0cd80e7eceaa1c6b10e7a0"),
    Golden(
      operation: "report.zero-sum", figure: "spectra", revision: 11,
      digest: "df3d46b68563a577fceb9bbc1d61dc15f6d3a01641f1835af6c9945b01a5a1cd"),
    Golden(
      operation: "report.zero-sum", figure: "changes", revision: 11,
      digest: "ca1d144a2c9ea1ca0697865a96fae9bfb95fe5f2c5c8df2f413778ec0079c514"),
    Golden(
      operation: "report.tables", revision: 11,
      digest: "098c5f957231a517c2c26920f0e9e075a41f57e4a6a7458676c2facf4d339c5a"),
    Golden(
      operation: "report.html", revision: 15,
      digest: "d56161194a562054681ee8ecf844b09ba69e723a9e4d241f5e8c3b9d56d77946"),
    Golden(
      operation: "report.zero-sum", figure: "ranking", isOfRates: true, revision: 11,
      digest: "3804c0cb5d291bbd6c0f644b78031ab6a3038f36ffceac295dd938be69e4aaea"),
    Golden(
      operation: "report.tables", isOfRates: true, revision: 11,
      digest: "132faeba59e2117ccd63a6590bdcb24127069c7f4230db7f9068b667f8b4a085"),
    Golden(
      operation: "report.html", isOfRates: true, revision: 15,
      digest: "c486bc8e90ead3da1a32c4dd68c23d06cfac716a077b197ced184d331f4d2d99"),
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
