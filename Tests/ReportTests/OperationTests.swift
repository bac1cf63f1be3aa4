import Actions
import Artefacts
import Compute
import Foundation
import JSON
import Support
import System
import Testing

@testable import Report

@Suite struct OperationTests {
  /// A store with artefacts, and operations run on them.
  struct Workbench {
    let folder = TemporaryFolder()
    let store: Store

    init() throws { store = try Store(at: folder["store"]) }

    func input(_ bytes: [UInt8], key: String? = nil) throws -> InputArtefact {
      let publication = store.publication()
      let artefact = try publication.add(bytes: bytes)
      try publication.commit()
      return InputArtefact(artefact, key: key, in: store)
    }

    func fit(_ name: String, _ verdict: Verdict = .deceleration) throws -> InputArtefact {
      try input(try SampleRuns.analysis(name, verdict: verdict).json.canonicalBytes, key: name)
    }

    func run(
      _ operation: any Actions.Operation, _ inputs: [String: [InputArtefact]],
      _ parameters: [String: JSON] = [:]
    ) async throws -> [String: [UInt8]] {
      let work = folder[UUID().uuidString]
      try FileManager.default.createDirectory(atPath: work, withIntermediateDirectories: true)
      let context = OperationContext(
        operation: operation,
        parameters: try ParameterValues(parameters, declarations: operation.parameters), inputs: inputs,
        folder: work)
      try await operation.run(context)
      return Dictionary(
        uniqueKeysWithValues: context.written.map { output in
          (output.name, [UInt8](FileManager.default.contents(atPath: output.path) ?? Data()))
        })
    }
  }

  @Test func `Every operation is declared in full`() {
    let names = Report.operations.map(\.name)
    #expect(names == ["report.figure", "report.zero-sum", "report.tables", "report.html"])
    for operation in Report.operations {
      #expect(!operation.summary.isEmpty && operation.summary.hasSuffix("."))
      #expect(operation.parameters.allSatisfy { !$0.help.isEmpty })
    }
  }

  @Test(arguments: ["overview", "fit", "residuals", "scaling"])
  func `A figure is drawn as SVG and PDF with its data`(figure: String) async throws {
    let bench = try Workbench()
    let fits = [try bench.fit("14M"), try bench.fit("144M")]
    let comparison = try CurveComparison(
      ["14M", "144M"].map { try SampleRuns.analysis($0) }, sizes: ["14M": 14e6, "144M": 144e6])
    let inputs = ["fits": fits, "comparison": [try bench.input(comparison.json.canonicalBytes)]]
    let outputs = try await bench.run(FigureOperation(), inputs, ["figure": .string(figure)])
    let svg = try SVG(file: try #require(outputs["svg"]))
    let data = try #require(outputs["data"])
    #expect(svg["data-figure"] == figure)
    #expect(svg["data-source"] == Digest(of: data).description)
    #expect(outputs["pdf"]?.starts(with: "%PDF".utf8) == true)
    #expect(String(decoding: data, as: UTF8.self).split(separator: "\n").count > 2)
    let again = try await bench.run(FigureOperation(), inputs, ["figure": .string(figure)])
    #expect(again == outputs)
  }

  @Test func `A run keeps its colour in a figure of its own`() async throws {
    let bench = try Workbench()
    let order: JSON = ["14M", "144M"]
    let alone = try await bench.run(
      FigureOperation(), ["fits": [try bench.fit("144M")]], ["figure": "fit", "runs": order])
    let text = String(decoding: try #require(alone["svg"]), as: UTF8.self)
    let drawing = try #require(text.components(separatedBy: "</style>").last)
    #expect(drawing.contains(Theme.run(1).light))
    #expect(!drawing.contains(Theme.run(0).light))
  }

  @Test func `Without sizes a message stands in place of the scaling`() async throws {
    let bench = try Workbench()
    let outputs = try await bench.run(
      FigureOperation(), ["fits": [try bench.fit("14M")]], ["figure": "scaling"])
    let svg = try SVG(file: try #require(outputs["svg"]))
    #expect(svg["data-figure"] == SVG.empty)
    #expect(svg.caption.hasPrefix("No model sizes are given"))
    let page = try await bench.run(
      PageOperation(),
      ["fits": [try bench.fit("14M")], "figures": [try bench.input(try #require(outputs["svg"]))]])
    let root = try XMLNode.parse(try #require(page["html"]))
    #expect(root.all("figure").isEmpty)
    #expect(root.all("p").contains { $0.content.contains("No model sizes are given") })
  }

  @Test func `Labels change figures and tables, not what they stand for`() async throws {
    let bench = try Workbench()
    let fits = ["fits": [try bench.fit("14M"), try bench.fit("b", .noBreak)]]
    let labels: [String: JSON] = ["labels": ["14M": "the small one"], "runs": ["b", "14M"]]
    let tables = try await bench.run(TablesOperation(), fits, labels)
    let csv = String(decoding: try #require(tables["csv"]), as: UTF8.self).split(separator: "\n")
    #expect(csv[1].hasPrefix("b,b,no-break,"))
    #expect(csv[2].hasPrefix("14M,the small one,deceleration,"))
    let page = try await bench.run(PageOperation(), fits, labels)
    let root = try XMLNode.parse(try #require(page["html"]))
    #expect(root.all("th").map(\.content).contains { $0.hasPrefix("the small one") })
  }

  @Test func `A page embeds its figures' data`() async throws {
    let bench = try Workbench()
    let fits = [try bench.fit("14M")]
    let drawn = try await bench.run(FigureOperation(), ["fits": fits], ["figure": "fit"])
    let data = try bench.input(try #require(drawn["data"]), key: "fit")
    let figure = try bench.input(try #require(drawn["svg"]), key: "fit")
    let page = try await bench.run(
      PageOperation(), ["fits": fits, "figures": [figure], "data": [data]], ["title": "T"])
    let root = try XMLNode.parse(try #require(page["html"]))
    let link = try #require(root.all("a").first { $0.attributes["download"] == "figure-1.csv" })
    let encoded = try #require(link.attributes["href"]?.split(separator: ",", maxSplits: 1).last)
    #expect(String(encoded).removingPercentEncoding.map { Array($0.utf8) } == drawn["data"])
    #expect(root.all("h1").map(\.content) == ["T"])
  }

  @Test(arguments: ["", "[]", "{\"run\":\"x\"}", "not json", "{\"curve\":{\"run\":1}}"])
  func `An input that is no fit is an error`(text: String) async throws {
    let bench = try Workbench()
    let input = try bench.input(Array(text.utf8))
    for operation in [TablesOperation(), PageOperation()] as [any Actions.Operation] {
      let error = await #expect(throws: Failure.self) {
        try await bench.run(operation, ["fits": [input]])
      }
      #expect(error?.headline.contains(input.digest.description) == true)
    }
  }

  @Test func `Two fits of one run, or none at all, are an error`() async throws {
    let bench = try Workbench()
    await #expect(throws: Failure.self) { try await bench.run(TablesOperation(), [:]) }
    let error = await #expect(throws: Failure.self) {
      try await bench.run(
        TablesOperation(), ["fits": [try bench.fit("14M"), try bench.fit("14M", .noBreak)]])
    }
    #expect(error?.headline.contains("14M") == true)
  }

  @Test func `Without gnuplot a figure says so, and tables and pages are made all the same`() async throws {
    let bench = try Workbench()
    let fits = ["fits": [try bench.fit("14M")]]
    let missing = FigureOperation(gnuplot: Gnuplot(searchPath: bench.folder.path))
    let error = await #expect(throws: Failure.self) {
      try await bench.run(missing, fits, ["figure": "fit"])
    }
    #expect(error?.code == .missingTool)
    #expect(try await bench.run(PageOperation(), fits)["html"]?.isEmpty == false)
  }
}
