import Actions
import JSON
import Pipeline
import PlanSupport
import Testing

@Suite struct ResourceTests {
  @Test func `A stage says what its instances need, also by its variables`() throws {
    let plan = try plan(
      """
      params:
        sizes: { s: { memory: 512M }, l: { memory: 1.5GiB } }
        limit: 2h30m
      stages:
        train: { for: { size: "${sizes}" }, op: lm.train, memory: "${size.memory}", cores: 4, time: "${limit}" }
        show: { run: x, gpus: 0, time: 1d1s }
        plain: { run: y }
      """)
    let small = try #require(plan["train[s]"]?.resources)
    #expect(small == Resources(cores: 4, memory: 512 << 20, time: .seconds(9000)))
    #expect(plan["train[l]"]?.resources.memory == 3 << 29)
    #expect(plan["show"]?.resources == Resources(gpus: 0, time: .seconds(86401)))
    #expect(plan["plain"]?.resources == .undeclared)
    #expect(small.json == ["cores": 4, "memory": 536_870_912, "time": 9000])
    let nodes = plan.json()["nodes"]?.array ?? []
    #expect(nodes.first { $0["name"] == "train[s]" }?["resources"] == small.json)
  }

  @Test(arguments: [
    ("cores: 0", "cores: takes a whole number from 1 to 65536, not '0'"),
    ("cores: 1.5", "not '1.5'"), ("cores: -1", "not '-1'"), ("cores: '4'", "not '4'"),
    ("cores: 99999999999999999999", "from 1 to 65536"), ("cores: [1]", "not a list"),
    ("gpus: all", "gpus: takes a whole number from 0 to 65536, not 'all'"),
    ("memory: 8", "memory: takes an amount such as 8G or 512M, not '8'"),
    ("memory: 8 G", "not '8 G'"), ("memory: 8x", "not '8x'"), ("memory: -8G", "not '-8G'"),
    ("memory: 0G", "not '0G'"), ("memory: 1..5G", "not '1..5G'"), ("memory: 1025T", "up to 1024T"),
    ("memory: .5G", "not '.5G'"), ("memory: 9e9G", "not '9e9G'"), ("memory:", "not nothing"),
    ("time: 90", "time: takes a duration such as 2h30m or 45s, not '90'"),
    ("time: 30m2h", "in this order"), ("time: 1h1h", "not '1h1h'"), ("time: ''", "not ''"),
    ("time: 0s", "not '0s'"), ("time: 1001d", "up to 1000d"), ("time: 99999999999d", "not '99999999999d'"),
    ("time: 1.5h", "not '1.5h'"),
  ]) func `What is no amount is refused where it stands`(field: String, message: String) {
    let error = planError("stages:\n  s:\n    run: x\n    \(field)\n")
    #expect(error.hasPrefix("p.yaml:4:") && error.contains("error: ") && error.contains(message), "\(error)")
    #expect(error.contains("stage  s"))
  }

  @Test func `What stages need is checked before they are expanded`() {
    let text = PlanFanOutTests.imported.replacing(
      "op: curve.fit", with: "op: curve.fit\n    cores: none\n    memory: \"${run}\"")
    let error = planError(text)
    #expect(error.contains("p.yaml:6:12: error: cores: takes a whole number"), "\(error)")
    #expect(planError("stages: {s: {run: x, memory: \"${y}\"}}").contains("unknown name ${y}"))
  }

  @Test func `One node for many instances has resources that all of them have`() throws {
    func node(_ memory: String) throws -> JSON? {
      let plan = try plan("stages: {s: {for: {n: 1..70}, run: x, memory: \"\(memory)\"}}")
      return plan.json()["nodes"]?.array?.first?["resources"]
    }
    #expect(try node("1G") == ["memory": 1_073_741_824])
    #expect(try node("${n}G") == [:])
  }
}
