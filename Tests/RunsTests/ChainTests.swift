import Artefacts
import Foundation
import JSON
import PlanSupport
import Support
import Testing

@testable import Actions
@testable import Pipeline
@testable import Runs

/// Adds whole numbers up to `to`, with a link for each power of two, and says how far it had come at each.
private struct Count: ChainOperation {
  static let to = Parameter("to", in: 1...1024, help: "the last number")
  static let from = Parameter("from", in: 0...1024, help: "the last number of the link before")
  static let fail = Parameter("fail", default: 0, help: "the number at which it fails; 0 for never")

  let name = "count"
  let revision = 1
  let summary = "Counts."
  let inputs = [InputDeclaration("offset", help: "what the sum starts with")]
  let parameters: [any ParameterDeclaration] = [to, fail]
  let linkParameters: [any ParameterDeclaration] = [from, to, fail]
  let outputs = [
    OutputDeclaration("sums", file: ".txt", keyed: true, help: "the sum at each power of two"),
    OutputDeclaration("table", file: "table.txt", help: "all of them"),
  ]
  let carried = ["sums"]
  let gathered = ["sums"]

  func links(_ parameters: ParameterValues) throws(ParameterError) -> [ChainLink] {
    let last = parameters[Count.to]
    let stops = (0..<11).map { 1 << $0 }.filter { $0 < last } + [last]
    return zip([0] + stops, stops).map { from, to in
      let fails = (from + 1...to).contains(parameters[Count.fail])
      return ChainLink(
        key: String(to),
        parameters: [
          "from": .integer(Int64(from)), "to": .integer(Int64(to)),
          "fail": .integer(fails ? Int64(parameters[Count.fail]) : 0),
        ])
    }
  }

  func runLink(_ context: OperationContext) async throws {
    let before = try (context.optionalInput("previous.sums") ?? context.input("offset")).bytes()
    var sum = Int(String(decoding: before, as: UTF8.self))!
    for number in context[Count.from] + 1...context[Count.to] {
      if number == context[Count.fail] { throw PipelineError("cannot count to \(number)") }
      sum += number
    }
    try context.write(Array(String(sum).utf8), to: "sums")
  }

  func run(_ context: OperationContext) async throws {
    let rows = try context.inputs("sums").map {
      "\($0.key!)=\(String(decoding: try $0.bytes(), as: UTF8.self))"
    }
    try context.write(Array(rows.joined(separator: " ").utf8), to: "table")
  }
}

@Suite struct ChainTests {
  private static let pipeline = """
    params: { to: 8, fail: 0 }
    stages:
      count: { op: count, in: { offset: offset.txt }, with: { to: "${to}", fail: "${fail}" }, publish: { sums: sums } }
      four: { run: "cat ${in.sum} > ${out.out}", in: { sum: "count.sums[4]" }, out: { out: four.txt } }
      each: { for: { at: count.sums }, run: "echo ${at} > ${out.out}; cat ${in.sum} >> ${out.out}", in: { sum: "count.sums[${at}]" }, out: { out: x.txt } }
      all: { run: "cat ${in.sums} > ${out.out}", in: { sums: count.sums }, out: { out: all.txt } }
    default: [count]
    """

  private let workspace: Workspace

  init() throws {
    workspace = try Workspace(ChainTests.pipeline, files: ["offset.txt": "0"], operations: [Count()])
  }

  @Test func `Every link is an action, and the end gathers what they made`() async throws {
    let summary = try await workspace.run()
    #expect(summary.ran == 5)
    #expect(try workspace.output("count", "table", of: summary) == "1=1 2=3 4=10 8=36")
    #expect(workspace.text("sums/4.txt") == "10")
    #expect(try await workspace.run().ran == 0)
  }

  @Test func `Links need what their stage says, and no key depends on it`() async throws {
    try await workspace.run()
    workspace.folder.write(
      ChainTests.pipeline.replacing("op: count,", with: "op: count, cores: 2,"), to: "brake.yaml")
    let resources = try workspace.engine().plan().instances.filter { $0.stage == "count" }.map(\.resources)
    #expect(resources == Array(repeating: Resources(cores: 2), count: 4) + [.undeclared])
    #expect(try await workspace.run().ran == 0)
  }

  @Test func `A longer chain reuses the links of a shorter one`() async throws {
    try await workspace.run()
    let events = Events()
    let summary = try await workspace.run([], [("to", "16")], events: events)
    #expect(events.ran == ["count@16", "count"])
    #expect(try workspace.output("count", "table", of: summary) == "1=1 2=3 4=10 8=36 16=136")
  }

  @Test func `Published members of links that a shorter chain no longer has go, and nothing else there`()
    async throws
  {
    try await workspace.run([], [("to", "4")])
    try await workspace.run([], [("to", "16")])
    workspace.folder.write("mine", to: "sums/16.txt")
    workspace.folder.write("notes", to: "sums/notes.txt")
    workspace.folder.write("16", to: "sums/16.csv")
    #expect(try await state([("to", "4")]) == .unpublished)
    let events = Events()
    try await workspace.run([], [("to", "4")], events: events)
    #expect(
      try names() == ["1.txt", "16.csv", "16.txt", "2.txt", "4.txt", "notes.txt"])
    #expect(workspace.text("sums/16.txt") == "mine")
    #expect(events.notes.contains { $0.hasPrefix("sums/16.txt stays") }, "\(events.notes)")
    #expect(try await state([("to", "4")]) == .upToDate)
    // A part of a chain takes nothing away.
    try await workspace.run([], [("to", "8")])
    try await workspace.run(["four"], [("to", "4")])
    #expect(try names().contains("8.txt"))
  }

  @Test func `A remembered run notices that a longer chain has added members`() async throws {
    for _ in 0..<3 where workspace.recall() == nil {
      usleep(30_000)
      _ = try await workspace.engine().run(targets: [], memory: workspace.memory)
    }
    #expect(workspace.recall() != nil)
    try await workspace.run([], [("to", "16")])
    #expect(workspace.recall() == nil)
    _ = try await workspace.engine().run(targets: [], memory: workspace.memory)
    #expect(try names() == ["1.txt", "2.txt", "4.txt", "8.txt"])
  }

  private func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: workspace.folder["sums"]).sorted()
  }

  private func state(_ overrides: [(name: String, value: String)]) async throws -> InstanceStatus.State? {
    try await workspace.engine(overrides).status(targets: []).first { $0.instance == "count" }?.state
  }

  @Test func `What a link made can be used before the chain is at its end`() async throws {
    let events = Events()
    let summary = try await workspace.run(["four"], events: events)
    #expect(events.ran == ["count@1", "count@2", "count@4", "four"])
    #expect(try workspace.output("four", of: summary) == "10")
  }

  @Test func `Links before a failing one are kept, and a run after it goes on there`() async throws {
    let failed = try await workspace.run([], [("fail", "6")])
    #expect((failed.ran, failed.failed) == (3, 1))
    #expect(failed.failures.first?.facts.contains { $0 == ("stage", "count@8") } == true)
    let events = Events()
    try await workspace.run(events: events)
    #expect(events.ran == ["count@8", "count"])
  }

  @Test func `Its keyed outputs fan out and are collected like any other`() async throws {
    let summary = try await workspace.run(["each", "all"])
    #expect(try workspace.output("each[4]", of: summary) == "4\n10")
    #expect(try workspace.output("all", of: summary) == "131036")
  }

  @Test func `A member that no link makes is an error when planning`() throws {
    workspace.folder.write(
      ChainTests.pipeline.replacing("count.sums[4]", with: "count.sums[5]"), to: "brake.yaml")
    let error = #expect(throws: PipelineError.self) { try workspace.engine().plan() }
    #expect(error?.headline == "count.sums has no member '5'")
  }
}
