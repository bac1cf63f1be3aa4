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
      operation: "report.figure", figure: "overview", revision: 14,
      digest: "c844f9da164c97e7e081603e8e868ae012cb04ddf900aa4eec3d6b7e9b809127"),
    Golden(
      operation: "report.figure", figure: "fit", revision: 14,
      digest: "52d9363c3171f936d0f0d59d115632ec1ad7c7ebca3b498664533252b7a5d35e"),
    Golden(
      operation: "report.figure", figure: "residuals", revision: 14,
      digest: "f525d7dd3e88a3e184147e30c790504beccd59ce25a79c2f1e742615e8f59ee9"),
    Golden(
      operation: "report.figure", figure: "scaling", revision: 14,
      digest: "ee763caea3d1f06ce8b5ed707e86cd10543b8fd249b27984bafd695b986983a0"),
    Golden(
      operation: "report.zero-sum", figure: "decomposition", revision: 12,
      digest: "7c8ab3c7cca0ccdf4917b3f9c3ad643e8d13516dc5cd3a2099db4fbec3864c5c"),
    Golden(
      operation: "report.zero-sum", figure: "interference", revision: 12,
      digest: "d427002e409de042b78b19cc048084ee05c176d277ba4b533ed31bc2f1e9e003"),
    Golden(
      operation: "report.zero-sum", figure: "plane", revision: 12,
      digest: "1359e2bf1a863c16b7d27dee4218583e5bcbc4f347127261f8825131e4badbda"),
    Golden(
      operation: "report.zero-sum", figure: "step", revision: 12,
      digest: "d172b67bba1937818af2898ea2f09821486038d2aa8d153b49f657f347ca99bb"),
    Golden(
      operation: "report.zero-sum", figure: "gradients", revision: 12,
      digest: "aa142f14cf250d5261dc28775d1192011ce84ac5d6bb8b8484bf51a4835ca96e"),
    Golden(
      operation: "report.zero-sum", figure: "layers", revision: 12,
      digest: "122fd21ada423c1a0c25fa2d9c29cb7acb70d2f7e11e722fe257ef7a7ef017ff"),
    Golden(
      operation: "report.zero-sum", figure: "prediction", revision: 12,
      digest: "05b9d854c1efc60c8db4792ccbcbe49d6889a36a1c3968778c65a4547632b56d"),
    Golden(
      operation: "report.zero-sum", figure: "tokens", revision: 12,
      digest: "bb08dd0067d89df49f359304e6941282c6fe57da023ce90f65232ce1c6668095"),
    Golden(
      operation: "report.zero-sum", figure: "dissent", revision: 12,
      digest: "085c40cbf2c675f848313c24ed9c4bfa5f506dbc1e84ac3935d2af20ee16a76a"),
    Golden(
      operation: "report.zero-sum", figure: "alignment", revision: 12,
      digest: "a66ae62153584bbb251eda178bb4db6090167232ee0cd80e7eceaa1c6b10e7a0"),
    Golden(
      operation: "report.zero-sum", figure: "spectra", revision: 12,
      digest: "df3d46b68563a577fceb9bbc1d61dc15f6d3a01641f1835af6c9945b01a5a1cd"),
    Golden(
      operation: "report.zero-sum", figure: "changes", revision: 12,
      digest: "ca1d144a2c9ea1ca0697865a96fae9bfb95fe5f2c5c8df2f413778ec0079c514"),
    Golden(
      operation: "report.tables", revision: 16,
      digest: "a158823263c0f3b5e1669677f6608ec61d37b827556cc8e8b6985a03ef1ce600"),
    Golden(
      operation: "report.html", revision: 21,
      digest: "a44e5f83ef696bb34e949098989776f305200a803ce6c099c6dad47bf48609ae"),
    Golden(
      operation: "report.zero-sum", figure: "ranking", isOfRates: true, revision: 12,
      digest: "3804c0cb5d291bbd6c0f644b78031ab6a3038f36ffceac295dd938be69e4aaea"),
    Golden(
      operation: "report.tables", isOfRates: true, revision: 16,
      digest: "8c4ae42514a01519f831b2d0b81609eebb8b12f66195375bffee000414229f36"),
    Golden(
      operation: "report.html", isOfRates: true, revision: 21,
      digest: "1aa441eca62b9ffd1817453f1100d2ba1068c7625b30848744d752b4e839a865"),
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
