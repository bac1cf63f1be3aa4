import Actions
import Artefacts
import Pipeline
import Report
import Testing

@testable import Bundles

@Suite struct PageTests {
  @Test func `The numbers of a report are found by the artefact that they were read from`() {
    let one = Digest(of: Array("1".utf8)).description
    let two = Digest(of: Array("2".utf8)).description
    let page = """
      <p><data value="1.5" title="\(one)">1.50 &lt; 2</data> and <data value="2" title="\(two)">2</data>,
      <data value="3" title="\(one)">3</data> <data value="4" title="sha256:12">4</data>
      <data value="5" title="\(two)"><b>5</b></data></p>
      """
    let numbers = ReportNumbers(Array(page.utf8)).numbers
    #expect(numbers.map(\.digest.description) == [one, two])
    #expect(numbers.map(\.texts) == [["1.50 < 2", "3"], ["2"]])
  }

  /// A graph of so many layers of so many stages, each of which reads all of the one before and the first.
  private func graph(_ layers: Int, _ width: Int) throws -> PlanGraph {
    let names = (0..<layers).map { layer in (0..<width).map { "s\(layer)-\($0)" } }
    let instances = (0..<layers).flatMap { layer in
      names[layer].map { name in
        let before = layer == 0 ? [] : names[layer - 1] + (layer > 1 ? [names[0][0]] : [])
        return StageInstance(
          stage: name, keys: [], work: .operation(Nothing(), ParameterValues.none),
          inputs: before.map {
            .init(name: "i", source: .output(instance: $0, output: "o", key: nil))
          }, outputs: [], publish: [], position: Position(file: "p", line: 1, column: 1))
      }
    }
    return PlanGraph(instances, [])
  }

  @Test(arguments: [(1, 1), (3, 1), (2, 5), (6, 4)])
  func `No two boxes of a graph overlap, and ways lead to the right`(_ shape: (Int, Int)) throws {
    let graph = try graph(shape.0, shape.1)
    let layout = GraphLayout(graph, sizes: graph.nodes.map { ($0.title.count * 8, 28) })
    let boxes = layout.boxes
    #expect(boxes.count == shape.0 * shape.1)
    for (index, box) in boxes.enumerated() {
      #expect(box.x >= 0 && box.x + box.width <= layout.width)
      #expect(box.y >= 0 && box.y + box.height <= layout.height)
      for other in boxes[(index + 1)...] {
        let isApart =
          box.x + box.width <= other.x || other.x + other.width <= box.x || box.y + box.height <= other.y
          || other.y + other.height <= box.y
        #expect(isApart)
      }
    }
    for way in layout.ways {
      #expect(way.count >= 2 && way.count.isMultiple(of: 2))
      #expect(zip(way, way.dropFirst()).allSatisfy { $0.x <= $1.x })
    }
  }

  @Test func `Names in a graph are text`() throws {
    let instance = StageInstance(
      stage: "a<script>\"&", keys: [], work: .operation(Nothing(), ParameterValues.none),
      inputs: [.init(name: "i", source: .file("x</title><b>"))], outputs: [], publish: [],
      position: Position(file: "p", line: 1, column: 1))
    let text = GraphDrawing(graph: PlanGraph([instance], [])) { _ in "#x" }.markup.text
    #expect(
      !text.contains("<script>") && !text.contains("<b>") && text.contains("a&lt;script&gt;&quot;&amp;"))
  }

  @Test func `Paths become addresses of the same file`() {
    #expect("files/a b/ü%[1,2].txt".addressEscaped == "files/a%20b/%C3%BC%25%5B1%2C2%5D.txt")
    #expect("files/a?b#c:d".addressEscaped == "files/a%3Fb%23c%3Ad")
  }

  @Test func `Checksums are written as sha256sum reads them`() {
    let digest = Digest(of: [])
    let files = [
      BundledFile(path: "a", size: 0, digest: digest), BundledFile(path: "b\\c", size: 0, digest: digest),
    ]
    #expect(BundledFiles.checksums(files) == "\(digest.hex)  a\n\\\(digest.hex)  b\\\\c\n")
  }
}

private struct Nothing: Operation {
  let name = "nothing"
  let revision = 1
  let summary = "Does nothing."
  let inputs: [InputDeclaration] = []
  let parameters: [any ParameterDeclaration] = []
  let outputs: [OutputDeclaration] = []
  func run(_ context: OperationContext) async throws {}
}
