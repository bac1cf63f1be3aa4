import Foundation
import Support
import Synchronization
import System
import Testing

@testable import Actions
@testable import Pipeline
@testable import Runs

@Suite struct MetricTests {
  private func points(_ pieces: String..., metric: String = "loss") -> [MetricPoint] {
    var lines = MetricLines(metric)
    return pieces.flatMap { lines.add(Array($0.utf8)) } + [lines.end()].compactMap { $0 }
  }

  @Test func `A metric is found in what is told and in plain lines, however they arrive`() {
    let told = #"{"event":"log","metrics":{"loss":2.5,"lr":1},"step":100}"#
    #expect(points(told + "\n") == [MetricPoint(step: 100, value: 2.5)])
    #expect(
      points(String(told.prefix(30)), String(told.dropFirst(30)) + "\n") == points(told), "in two pieces")
    #expect(points("{\"loss\":1}\n\n{\"loss\":2}") == [.init(step: 1, value: 1), .init(step: 2, value: 2)])
    #expect(points("{\"loss\":1,\"global_step\":7}\n") == [.init(step: 7, value: 1)])
    #expect(points(told, metric: "lr") == [.init(step: 100, value: 1)])
  }

  @Test func `What is no finite number of the metric is passed over`() {
    #expect(
      points(
        """
        {"event":"saved","loss":1,"path":"x"}
        {"loss":null,"step":1}
        {"loss":"1","step":1}
        {"loss":NaN,"step":1}
        [1]
        loss 1
        {"step":1,"x":"\(String(repeating: "x", count: 1 << 16))","loss":1}
        {"loss":4,"step":9}
        """) == [.init(step: 9, value: 4)])
    var lines = MetricLines("perplexity")
    _ = lines.add(Array("{\"loss\":1,\"step\":1}\n{\"acc\":1,\"text\":\"x\"}\n".utf8))
    #expect(lines.names == ["acc", "loss"])
  }

  @Test func `A stage that runs is followed to its end, and what it wrote can be read afterwards`()
    async throws
  {
    let workspace = try Workspace(
      """
      stages:
        told:
          run: |
            for step in 1 2 3; do
              printf '{"event":"log","metrics":{"loss":%s.5},"step":%s}\\n' $step $step >> "$BRAKE_EVENTS"
              if [ $step = 2 ]; then until [ -e @HERE/go ]; do sleep 0.05; done; fi
            done
          sandbox: false
        written:
          run: |
            echo '{"loss":7,"step":1}' > ${out.metrics}; until [ -e @HERE/go ]; do sleep 0.05; done
            echo '{"loss":8,"step":2}' >> ${out.metrics}
          out: { metrics: m.jsonl }
          sandbox: false
      """)
    let run = Task { try await workspace.run() }
    func follow(_ target: String, isFollowing: Bool = true, seen: @escaping (Int) -> Void = { _ in })
      async throws
      -> [Double]
    {
      var values: [Double] = []
      while true {
        let log = try #require(try await workspace.engine().logs(targets: [target]).first)
        if log.place == StageLog.Place.none {
          try await Task.sleep(for: .milliseconds(20))
          continue
        }
        _ = try await log.follow(metric: "loss", isFollowing: isFollowing, pause: .milliseconds(20)) {
          values += $0.map(\.value)
          seen(values.count)
        }
        return values
      }
    }
    let go = workspace.folder
    // The last points are there only once the first ones were seen.
    let told = try await follow("told") { if $0 == 2 { go.write("", to: "go") } }
    #expect(told == [1.5, 2.5, 3.5])
    #expect(try await run.value.failed == 0)
    #expect(try await follow("told") == [], "it is gone when the command has ended")
    #expect(try await follow("written") == [7, 8])
  }
}
