import Actions
import Artefacts
import Testing

@testable import Pipeline
@testable import Runs

/// What was begun ahead of a stage's end, and is not what the run needs in the end.
@Suite struct EagerWithdrawalTests {
  private func pipeline(train: String, use: String) -> String {
    """
    stages:
      train:
        run: |
          mkdir -p ckpt
          until_there() { until [ -e @HERE/$1 ]; do sleep 0.05; done; }
          save() { echo "$2" > ckpt/step_$1.pt; printf '{"event":"saved","path":"ckpt/step_%s.pt"}\\n' $1 >> "$BRAKE_EVENTS"; }
          \(train)
        out: { ckpt: { folder: ckpt/, key: "step_*.pt", grows: true, eager: true } }
        timeout: 1m
        sandbox: false
      use:
        for: { step: train.ckpt }
        run: |
          cat ${in.c} > ${out.o}
          \(use)
        in: { c: "train.ckpt[${step}]" }
        out: { o: o }
        timeout: 1m
        sandbox: false
      all: { run: "cat ${in.a} > ${out.o}", in: { a: use }, out: { o: o } }
    """
  }

  private func run(_ workspace: Workspace, _ events: Events) async throws -> RunSummary {
    var options = RunOptions()
    options.jobs = 2
    return try await workspace.run(options: options, events: events)
  }

  /// What was told of an instance.
  private func told(_ name: String, _ events: Events) -> [String] {
    events.all.compactMap { event in
      switch event {
      case .started(let instance) where instance == name: "started"
      case .withdrawn(let instance) where instance == name: "withdrawn"
      case .finished(let instance, _, _) where instance == name: "finished"
      default: nil
      }
    }
  }

  @Test func `A reader of earlier bytes that is still at work is withdrawn when its turn comes`()
    async throws
  {
    let workspace = try Workspace(
      pipeline(
        train: "save 1 old; until_there begun; echo new > ckpt/step_1.pt",
        use: """
          if grep -q old ${in.c}; then touch @HERE/begun; until [ -e @HERE/new ]; do sleep 0.05; done; sleep 1; else touch @HERE/new; fi
          """))
    let events = Events()
    let summary = try await run(workspace, events)
    let numbers = [summary.planned, summary.ran, summary.hit, summary.failed]
    #expect(numbers == [3, 3, 0, 0], "\(summary.failures)")
    #expect(try workspace.output("all", "o", of: summary) == "new\n")
    #expect(told("use[1]", events) == ["started", "withdrawn", "started", "finished"])
  }

  @Test func `Readers of members that are removed in the end are withdrawn and not counted`() async throws {
    let workspace = try Workspace(
      pipeline(
        train: "save 1 one; until_there seen-1; save 2 two; until_there seen-2; rm ckpt/step_1.pt",
        use: "touch @HERE/seen-${step}"))
    let events = Events()
    let summary = try await run(workspace, events)
    let numbers = [summary.planned, summary.ran, summary.hit, summary.failed]
    #expect(numbers == [3, 3, 0, 0], "\(summary.failures)")
    #expect(try workspace.output("all", "o", of: summary) == "two\n")
    #expect(told("use[1]", events) == ["started", "finished", "withdrawn"])
    #expect(told("use[2]", events) == ["started", "finished"])
    let planned = events.all.compactMap { if case .planned(let count) = $0 { count } else { nil } }
    #expect(planned.last == 3)
  }

  @Test func `Nothing more is lent once an instance waits for what is lent`() {
    var schedule = Schedule(Capacity(places: 4, cores: 4))
    for number in 0..<2 { schedule.add(dependencies: [], priority: number) }
    _ = schedule.decisions()
    schedule.endedLookUp()
    schedule.miss(0, key: Digest(of: [0]), demand: Resources(cores: 2))
    let first = schedule.decisions()
    #expect(first.contains(.start(0)))
    let (one, other) = (schedule.borrow(Resources(cores: 1)), schedule.borrow(Resources(cores: 1)))
    #expect(one && other && !schedule.wantsBack)
    // It would have to wait for the instance that runs, whatever is given back.
    schedule.miss(1, key: Digest(of: [1]), demand: Resources(cores: 3))
    let second = schedule.decisions()
    #expect(!second.contains(.start(1)) && !schedule.wantsBack)
    schedule.computed(0)
    let third = schedule.decisions()
    #expect(!third.contains(.start(1)) && schedule.wantsBack)
    schedule.giveBack(Resources(cores: 1))
    let fourth = schedule.decisions()
    #expect(fourth.contains(.start(1)) && !schedule.wantsBack)
  }
}
