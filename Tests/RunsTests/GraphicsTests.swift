import Actions
import Artefacts
import Foundation
import Pipeline
import Support
import Synchronization
import System
import Testing

@testable import Runners
@testable import Runs

@Suite(.timeLimit(.minutes(1))) struct GraphicsTests {
  @Test func `What runs at once gets different graphics processors, and gives them back`() async throws {
    let folder = TemporaryFolder()
    let numbers = GraphicsNumbers(["4", "5", "7"], locks: GraphicsLocks(in: folder["locks"]))
    let first = numbers.takeAtOnce(1)
    var second = numbers.takeAtOnce(2)
    #expect(first?.visible == "4" && second?.visible == "5,7")
    #expect(numbers.takeAtOnce(1) == nil && numbers.takeAtOnce(0)?.visible == "")
    second = nil
    #expect(numbers.takeAtOnce(3) == nil)
    #expect(numbers.takeAtOnce(2)?.visible == "5,7")
    #expect(await numbers.take(1)?.visible == "5")
    withExtendedLifetime(first) {}
  }

  @Test func `What another brake has is waited for, and comes with its end`() async throws {
    let folder = TemporaryFolder()
    let mine = GraphicsNumbers(["0", "MIG-1/2"], locks: GraphicsLocks(in: folder["locks"]))
    let theirs = GraphicsNumbers(["0", "MIG-1/2"], locks: GraphicsLocks(in: folder["locks"]))
    var first = mine.takeAtOnce(1)
    let second = theirs.takeAtOnce(1)
    #expect(first?.visible == "0" && second?.visible == "MIG-1/2")
    let (told, tell) = AsyncStream<Void>.makeStream()
    let waiting = Task {
      defer { tell.finish() }
      return await theirs.take(1, tell: { tell.yield() })
    }
    for await _ in told { break }
    first = nil
    #expect(await waiting.value?.visible == "0")
    withExtendedLifetime((first, second)) {}
  }

  @Test func `Who waits for several holds none of them meanwhile, and comes before who asks later`()
    async throws
  {
    let folder = TemporaryFolder()
    let mine = GraphicsNumbers(["0", "1"], locks: GraphicsLocks(in: folder["locks"]))
    let theirs = GraphicsNumbers(["0", "1"], locks: GraphicsLocks(in: folder["locks"]))
    var half = mine.takeAtOnce(1)
    let (told, tell) = AsyncStream<Void>.makeStream()
    let waiting = Task {
      defer { tell.yield() }
      return await theirs.take(2, tell: { tell.yield() })
    }
    for await _ in told { break }
    // Nobody has it, but who waits looks at it now and then.
    while GraphicsLocks(in: folder["locks"]).take("1") == nil { try await Task.sleep(for: .milliseconds(1)) }
    #expect(half?.visible == "0" && mine.takeAtOnce(1) == nil)
    half = nil
    let all = await waiting.value
    #expect(all?.visible == "0,1")
  }

  @Test func `Who does not want to wait any more keeps nobody waiting`() async throws {
    let folder = TemporaryFolder()
    let mine = GraphicsNumbers(["0", "1"], locks: GraphicsLocks(in: folder["locks"]))
    let theirs = GraphicsNumbers(["0", "1"], locks: GraphicsLocks(in: folder["locks"]))
    var all = mine.takeAtOnce(2)
    let (told, tell) = AsyncStream<Void>.makeStream()
    let waiting = Task { await mine.take(1, tell: { tell.yield() }) }
    for await _ in told { break }
    waiting.cancel()
    #expect(await waiting.value == nil && all != nil)
    all = nil
    #expect(theirs.takeAtOnce(2)?.visible == "0,1")
  }

  @Test func `What is handed out does not look as if it were left over`() async throws {
    let folder = TemporaryFolder()
    let numbers = GraphicsNumbers(
      ["0"], locks: GraphicsLocks(in: folder["locks"]), touchPause: .milliseconds(5))
    let share = numbers.takeAtOnce(1)
    let path = folder["locks/0"]
    func modified() throws -> Int64 { try #require(try LocalFileSystem().entry(path)).modified }
    try LocalFileSystem().setModified(path, to: 0)
    while try modified() == 0 { try await Task.sleep(for: .milliseconds(5)) }
    withExtendedLifetime(share) {}
  }

  @Test func `Where there can be no locks it is said, and what cannot be found out now is tried again`()
    throws
  {
    let folder = TemporaryFolder()
    // The first file that is opened is that of its turn.
    func share(_ number: Int32) -> GraphicsShare? {
      let files = CrashingFileSystem(failingAt: 2, .error(number), reads: false)
      let locks = GraphicsLocks(in: folder["locks"], files: files)
      return GraphicsNumbers(["0"], locks: locks).takeAtOnce(1)
    }
    #expect(share(EMFILE) == nil)
    #expect(share(ENOSPC)?.remark?.contains("other brakes may hand out the same graphics processors") == true)
    #expect(GraphicsNumbers(["0"], locks: GraphicsLocks(in: folder["locks"])).takeAtOnce(1)?.remark == nil)
  }

  @Test func `Who waits for one graphics processor keeps nobody from others`() async throws {
    let folder = TemporaryFolder()
    let locks = GraphicsLocks(in: folder["locks"])
    let first = GraphicsNumbers(["0"], locks: locks).takeAtOnce(1)
    let (told, tell) = AsyncStream<Void>.makeStream()
    let waiting = Task {
      defer { tell.finish() }
      return await GraphicsNumbers(["0"], locks: locks).take(1, tell: { tell.yield() })
    }
    for await _ in told { break }
    #expect(GraphicsNumbers(["0", "1"], locks: locks).takeAtOnce(1)?.visible == "1")
    waiting.cancel()
    #expect(await waiting.value == nil && first != nil)
  }

  @Test func `A brake below a command takes what the command has, one after the other with those beside it`()
    async throws
  {
    let folder = TemporaryFolder()
    func numbers(_ given: String?) -> GraphicsNumbers {
      GraphicsNumbers(["0", "GPU-1"], locks: GraphicsLocks(in: folder["locks"], given: given))
    }
    let above = try #require(numbers(nil).takeAtOnce(2))
    #expect(numbers(nil).takeAtOnce(1) == nil)
    let below = try #require(numbers(above.variables["BRAKE_GPUS"]).takeAtOnce(1))
    let beside = try #require(numbers(above.variables["BRAKE_GPUS"]).takeAtOnce(1))
    #expect(below.visible == "0" && beside.visible == "GPU-1")
    #expect(numbers(above.variables["BRAKE_GPUS"]).takeAtOnce(1) == nil)
    let lowest = GraphicsNumbers(
      ["0"], locks: GraphicsLocks(in: folder["locks"], given: below.variables["BRAKE_GPUS"]))
    #expect(lowest.takeAtOnce(1)?.visible == "0")
    withExtendedLifetime((above, below, beside)) {}
  }

  @Test func `A folder that is not this user's alone is no place for locks`() throws {
    let folder = TemporaryFolder()
    for (name, mode) in [("open", 0o755), ("mine", 0o700)] {
      try FileManager.default.createDirectory(
        atPath: folder[name], withIntermediateDirectories: true, attributes: [.posixPermissions: mode])
    }
    try FileManager.default.createSymbolicLink(
      atPath: folder["link"], withDestinationPath: folder["mine"])
    for name in ["open", "link"] {
      let (one, two) = (GraphicsLocks(in: folder[name]), GraphicsLocks(in: folder[name]))
      let held = one.take("0")
      #expect(held?.fault != nil && two.take("0") != nil, "\(name)")
    }
    let held = GraphicsLocks(in: folder["mine"]).take("0")
    #expect(held?.fault == nil && held != nil && GraphicsLocks(in: folder["mine"]).take("0") == nil)
    #expect(GraphicsLocks(in: folder["mine"], prefix: "12-").take("0") != nil)
  }

  @Test
  func `Commands that run beside each other see a graphics processor each, which is no part of their keys`()
    async throws
  {
    let workspace = try Workspace(
      """
      stages:
        use:
          for: { n: [1, 2] }
          gpus: 1
          run: |
            touch @HERE/${n}; while [ ! -e @HERE/1 -o ! -e @HERE/2 ]; do sleep 0.02; done
            echo $CUDA_VISIBLE_DEVICES > ${out.out}
          out: { out: o.txt }
        none: { gpus: 0, run: 'echo "[$CUDA_VISIBLE_DEVICES]" > ${out.out}', out: { out: o.txt } }
        silent: { run: 'echo "$${CUDA_VISIBLE_DEVICES-unset}" > ${out.out}', out: { out: o.txt } }
        own: { gpus: 1, env: { CUDA_VISIBLE_DEVICES: "9" }, run: "echo $CUDA_VISIBLE_DEVICES > ${out.out}", out: { out: o.txt } }
      """)
    var options = RunOptions()
    options.jobs = 2
    let summary = try await workspace.engine(graphics: ["3", "6"]).run(targets: [], options: options)
    #expect(summary.failed == 0, "\(summary.failures)")
    let seen = try [1, 2].map { try workspace.output("use[\($0)]", of: summary) }
    #expect(Set(seen) == ["3\n", "6\n"])
    #expect(try workspace.output("none", of: summary) == "[]\n")
    #expect(try workspace.output("silent", of: summary) == "unset\n")
    #expect(try workspace.output("own", of: summary) == "9\n")
    #expect(try await workspace.engine(graphics: []).run(targets: [], options: options).ran == 0)
  }

  @Test(arguments: ["1", ""])
  func `Commands without graphics processors of their own see those that brake was given`(given: String)
    async throws
  {
    let workspace = try Workspace(
      """
      stages:
        silent: { run: 'echo "[$${CUDA_VISIBLE_DEVICES-unset}]" > ${out.out}', out: { out: o.txt } }
        use: { gpus: 1, run: 'echo "use [$${CUDA_VISIBLE_DEVICES-unset}]" > ${out.out}', out: { out: o.txt } }
      """)
    let engine = try workspace.engine(graphics: given.isEmpty ? [] : [given], visible: given)
    let events = Events()
    let summary = try await engine.run(targets: []) { events.add($0) }
    #expect(try workspace.output("silent", of: summary) == "[\(given)]\n")
    #expect(try workspace.output("use", of: summary) == "use [\(given)]\n")
    let words = "use declares more than this machine has, and runs with what there is: gpus: 1 of 0"
    #expect(events.notes.contains(words) == given.isEmpty, "\(events.notes)")
  }

  @Test
  func
    `Who waits for a graphics processor has no place and no right to the action, and no time passes for it`()
    async throws
  {
    let workspace = try Workspace(
      """
      stages:
        use: { gpus: 1, run: 'echo use > ${out.out}', out: { out: o.txt } }
        other: { run: 'echo other > ${out.out}', out: { out: o.txt } }
      """)
    let locks = GraphicsLocks(in: workspace.folder["locks"])
    let other = Other(GraphicsNumbers(["0"], locks: locks).takeAtOnce(1))
    let leases = Leases(of: workspace.store)
    let engine = try workspace.engine(graphics: ["0"])
    var options = RunOptions()
    options.jobs = 1
    let start = ContinuousClock.now
    let events = Events()
    let (waiting, tell) = AsyncStream<Void>.makeStream()
    let ending = Task {
      defer { other.end() }
      for await _ in waiting { break }
      // The one place is free for others, and so is the action.
      while !events.ran.contains("other") { try await Task.sleep(for: .milliseconds(5)) }
      let key = try #require(try await engine.status(targets: ["use"]).first?.key)
      #expect(leases.about(key) == nil)
    }
    defer { ending.cancel() }
    let summary = try await engine.run(targets: [], options: options) { event in
      events.add(event)
      if case .note(let text) = event, text.hasPrefix("use waits for graphics processors") { tell.yield() }
    }
    try await ending.value
    #expect(summary.failed == 0 && events.ran == ["other", "use"], "\(events.notes)")
    let waited = try #require(other.ended) - start
    for case .finished("use", _, let seconds) in events.all {
      #expect(.seconds(seconds) < ContinuousClock.now - start - waited)
    }
    guard
      case .progress(_, _, let last)? = events.all.last(where: {
        if case .progress("use", _, _) = $0 { true } else { false }
      })
    else {
      Issue.record("nothing was told of it")
      return
    }
    #expect(last == "")
  }

  @Test func `What another brake does meanwhile that has some is not waited for`() async throws {
    let workspace = try Workspace(
      """
      stages:
        use:
          gpus: 1
          run: 'until [ -e @HERE/go ]; do sleep 0.02; done; echo $CUDA_VISIBLE_DEVICES > ${out.out}'
          out: { out: o.txt }
          sandbox: false
      """)
    let locks = GraphicsLocks(in: workspace.folder["locks"])
    let held = GraphicsNumbers(["0"], locks: locks).takeAtOnce(1)
    let (told, tell) = AsyncStream<String>.makeStream()
    let waiting = Task { [engine = try workspace.engine(graphics: ["0"])] in
      defer { tell.finish() }
      return try await engine.run(targets: []) { if case .note(let text) = $0 { tell.yield(text) } }
    }
    var notes = told.makeAsyncIterator()
    #expect(await notes.next()?.hasPrefix("use waits for graphics processors") == true)
    let other = Task { [engine = try workspace.engine(graphics: ["1"])] in try await engine.run(targets: []) }
    #expect(await notes.next()?.hasPrefix("use waits for another brake") == true)
    workspace.folder.write("", to: "go")
    let (found, made) = (try await waiting.value, try await other.value)
    #expect((found.ran, found.hit, made.ran) == (0, 1, 1))
    #expect(try workspace.output("use", of: found) == "1\n" && held != nil)
  }

  @Test func `Who waits for the right to run has no graphics processors meanwhile`() async throws {
    let workspace = try Workspace(
      "stages: { use: { gpus: 1, run: 'echo > ${out.out}', out: { out: o.txt } } }")
    let locks = GraphicsLocks(in: workspace.folder["locks"])
    let server = try #require(JobServer(jobs: 2))
    let tokens = [try #require(server.tryTake()), try #require(server.tryTake())]
    let engine = try workspace.engine(graphics: ["0"], jobServer: server)
    let action = try #require(try Survey(engine, targets: []).findings.first?.action)
    let share = try #require(engine.runner.graphicsAtOnce(for: action))
    let waiting = Task { try await engine.holdingToken(share, for: action) { _ in true } }
    let others = GraphicsNumbers(["0"], locks: locks)
    var taken = others.takeAtOnce(1)
    while taken == nil {
      try await Task.sleep(for: .milliseconds(5))
      taken = others.takeAtOnce(1)
    }
    for token in tokens { server.give(token) }
    #expect(try await waiting.value == nil, "others have them by now")
  }

  @Test func `A rebuild begins no more at once than there are graphics processors for`() async throws {
    let workspace = try Workspace(
      """
      stages:
        use: { for: { n: [1, 2] }, gpus: 1, run: 'sleep 1; echo ${n} > ${out.out}', out: { out: o.txt } }
      """)
    let engine = try workspace.engine(graphics: ["0"])
    #expect(try await engine.run(targets: []).failed == 0)
    var options = RunOptions()
    options.jobs = 2
    let events = Events()
    let ended = try await engine.repeated(
      targets: [], options: options, isRecording: false, observe: { events.add($0) }, compare: { $0.isSame })
    #expect(ended.allSatisfy { if case .done(true) = $0.outcome { true } else { false } } && ended.count == 2)
    #expect(events.notes.allSatisfy { !$0.contains("graphics") }, "\(events.notes)")
  }
}

/// Another brake that has a graphics processor.
private final class Other: Sendable {
  private let share: Mutex<GraphicsShare?>
  private let time = Mutex<ContinuousClock.Instant?>(nil)

  init(_ share: GraphicsShare?) { self.share = Mutex(share) }

  func end() {
    time.withLock { $0 = .now }
    share.withLock { $0 = nil }
  }

  var ended: ContinuousClock.Instant? { time.withLock { $0 } }
}

extension Workspace {
  /// An engine of a brake that has these graphics processors.
  fileprivate func engine(
    graphics: [String], visible: String? = nil, jobServer: JobServer? = nil
  ) throws -> Engine {
    let supplies = CommandSupplies(
      store: store, graphics: graphics, graphicsLocks: GraphicsLocks(in: folder["locks"]),
      visibleGraphics: visible)
    let surroundings = CommandSurroundings(workspace: folder.path, guardExecutable: nil)
    let text = String(decoding: folder.read("brake.yaml")!, as: UTF8.self)
    return Engine(
      source: PipelineSource(try PipelineFile(text: text, path: "brake.yaml")), overrides: [],
      root: folder.path, store: store, registry: registry, jobServer: jobServer,
      runner: { _ in LocalRunner(store: self.store, surroundings: surroundings, supplies: supplies) })
  }
}

extension GraphicsShare {
  fileprivate var visible: String? { variables["CUDA_VISIBLE_DEVICES"] }
}
