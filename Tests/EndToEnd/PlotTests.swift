import Foundation
import Runs
import Support
import Testing

@testable import brake

@Suite struct PlotTests {
  @Test func `A curve is drawn from its largest value to its smallest, with the newest one above it`() {
    var plot = CurvePlot()
    plot.add((0...100).map { MetricPoint(step: Double($0), value: 10 - Double($0) / 10) })
    let lines = plot.drawing("train loss", columns: 40, lines: 24)
    #expect(lines.first == "train loss 0 at step 100")
    #expect(lines.count == 14 && lines.allSatisfy { $0.columns <= 40 })
    #expect(lines[1].hasPrefix("10 │") && lines[12].hasPrefix(" 0 │"))
    #expect(lines.last?.trimmingCharacters(in: .whitespaces).hasPrefix("0 ") == true)
    #expect(lines.last?.hasSuffix("100") == true)
    // It falls: each line begins further to the right.
    let starts = lines[1...12].map { line in
      line.drop { $0 != "│" }.dropFirst().prefix { $0 == "\u{2800}" }.count
    }
    #expect(starts == starts.sorted() && starts.first == 0 && starts.last! > 30)
  }

  @Test(arguments: [
    [], [MetricPoint(step: 5, value: 1)], [.init(step: 1, value: 0), .init(step: 1, value: 0)],
    [.init(step: 0, value: -1e308), .init(step: 1e300, value: 1e308)],
    [.init(step: 3, value: 1e-300), .init(step: 2, value: .leastNonzeroMagnitude)],
  ]) func `Whatever is told can be drawn, however narrow the terminal`(points: [MetricPoint]) {
    for (columns, lines) in [(80, 24), (10, 3), (1, 1)] {
      var plot = CurvePlot()
      plot.add(points)
      #expect(!plot.drawing("x", columns: columns, lines: lines).isEmpty)
    }
  }

  @Test func `A long curve is thinned, and ends where it ends`() {
    var plot = CurvePlot()
    for start in stride(from: 0, to: 200_000, by: 1000) {
      plot.add((start..<start + 1000).map { MetricPoint(step: Double($0), value: Double($0)) })
    }
    #expect(plot.last == MetricPoint(step: 199_999, value: 199_999))
    #expect(plot.drawing("x", columns: 60, lines: 20).last?.hasSuffix("199999") == true)
  }

  @Test func `A pipe gets a line for each point, and an unknown metric is refused with those that there are`()
    throws
  {
    let folder = TemporaryFolder()
    folder.write(
      """
      stages:
        s: { run: "echo '{\\"loss\\":2.5,\\"step\\":10}' > ${out.metrics}", out: { metrics: m.jsonl } }
      """, to: "brake.yaml")
    #expect(try folder.brake("run").status == 0)
    let drawn = try folder.brake("log", "s", "--plot", "loss")
    #expect(drawn.status == 0 && drawn.out == "10\t2.5\n")
    let refused = try folder.brake("log", "s", "--plot", "los")
    #expect(
      refused.status == 2 && refused.err.contains("'s' has told nothing of 'los'")
        && refused.err.contains("loss"))
    #expect(try folder.brake("log", "s", "--plot", "loss", "--json").status == 2)
  }
}
