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
      operation: "report.figure", figure: "overview", revision: 9,
      digest: "d7a4fdbfc02804f982d49070206759643468f3acddf3abc45bc96bc5cf9e1029"),
    Golden(
      operation: "report.figure", figure: "fit", revision: 9,
      digest: "777bd4806fdb42eb56988c620086bda819665edb2348b3a125e3f9ae83ab2da2"),
    Golden(
      operation: "report.figure", figure: "residuals", revision: 9,
      digest: "f525d7dd3e88a3e184147e30c790504beccd59ce25a79c2f1e742615e8f59ee9"),
    Golden(
      operation: "report.figure", figure: "scaling", revision: 9,
      digest: "590e674e00bd1aa843863f11c5ec49822cc7659a359b3f755e2b2c8dbb48771e"),
    Golden(
      operation: "report.zero-sum", figure: "decomposition", revision: 10,
      digest: "fc1b9706dfb156c3ed2113fda467c1d32703cc820f696ec36eb0842994e64f51"),
    Golden(
      operation: "report.zero-sum", figure: "interference", revision: 10,
      digest: "83d10ad69cef797d41cff0b840ade5938f8342954a7b83907b4175b58221b10f"),
    Golden(
      operation: "report.zero-sum", figure: "plane", revision: 10,
      digest: "9b89445fa51b1c41ff0a9a56cdb635e3efa717576946c492a74702dd3db59566"),
    Golden(
      operation: "report.zero-sum", figure: "step", revision: 10,
      digest: "69b32f19a245563d99a46ca4c6b2916c9d7849c8efc08139ec4e6bd9444087f6"),
    Golden(
      operation: "report.zero-sum", figure: "gradients", revision: 10,
      digest: "aa142f14cf250d5261dc28775d1192011ce84ac5d6bb8b8484bf51a4835ca96e"),
    Golden(
      operation: "report.zero-sum", figure: "layers", revision: 10,
      digest: "122fd21ada423c1a0c25fa2d9c29cb7acb70d2f7e11e722fe257ef7a7ef017ff"),
    Golden(
      operation: "report.zero-sum", figure: "prediction", revision: 10,
      digest: "aa5f877e9d2ea5b4791ba2d9d01120bbf2efcbdcd554f15b5c6caf7bcd9e1c99"),
    Golden(
      operation: "report.zero-sum", figure: "tokens", revision: 10,
      digest: "bb08dd0067d89df49f359304e6941282c6fe57da023ce90f65232ce1c6668095"),
    Golden(
      operation: "report.zero-sum", figure: "dissent", revision: 10,
      digest: "286c3be07557f01b0e1d46ad58ea8f24d3557182de721e3f635f7d23c64ec1c7"),
    Golden(
      operation: "report.zero-sum", figure: "alignment", revision: 10,
      digest: "a66ae62153584bbb251eda178bb4db6090167232ee0cd80e7eceaa1c6b10e7a0"),
    Golden(
      operation: "report.zero-sum", figure: "spectra", revision: 10,
      digest: "df3d46b68563a577fceb9bbc1d61dc15f6d3a01641f1835af6c9945b01a5a1cd"),
    Golden(
      operation: "report.zero-sum", figure: "changes", revision: 10,
      digest: "ca1d144a2c9ea1ca0697865a96fae9bfb95fe5f2c5c8df2f413778ec0079c514"),
    Golden(
      operation: "report.tables", revision: 10,
      digest: "7babc008bb9a7c208a71e9eb5b5a8c946ee43e33e51d3210e2b5a2d57852d977"),
    Golden(
      operation: "report.html", revision: 14,
      digest: "20c36c218172dbc4aa3f293ecea18f4d127cf1487ec5b14db67eb349525a9397"),
    Golden(
      operation: "report.zero-sum", figure: "ranking", isOfRates: true, revision: 10,
      digest: "3804c0cb5d291bbd6c0f644b78031ab6a3038f36ffceac295dd938be69e4aaea"),
    Golden(
      operation: "report.tables", isOfRates: true, revision: 10,
      digest: "9d5ee4e46bb66cd819039719f63749f6ae6dca6511efa3ed31df459b863c41d9"),
    Golden(
      operation: "report.html", isOfRates: true, revision: 14,
      digest: "48877e3f114e4c2a97f8f479870c466503311d1f2f21ed7cecc99c7802aee59a"),
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
