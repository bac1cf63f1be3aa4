import Foundation
import JSON
import Support
import Synchronization
import System
import Testing

@testable import Actions
@testable import Artefacts
@testable import Runners
@testable import Runs

/// What a Slurm cluster gets to see, and what comes back from it. `Tests/Slurm` has the tests with a real one.
@Suite struct SlurmTests {
  private let folder: TemporaryFolder
  /// Its folder for temporary files lasts as long as this does.
  private let store: Store

  init() throws {
    folder = TemporaryFolder()
    store = try Store(at: folder["store"])
    try store.make()
  }

  private func action(_ text: String, _ resources: Resources = .undeclared) -> Action {
    Action(
      name: "train[47k,1]", position: Position(file: "brake.yaml", line: 3, column: 5),
      work: .command(
        ActionCommand(
          text: text, shell: CommandShell(["bash", "-euo", "pipefail", "-c"])!, environment: [:], passed: [],
          sandbox: false,
          network: false, refusesUndeclared: false, stdin: nil, ending: CommandEnding())),
      inputs: [], outputs: [OutputDeclaration("o", file: "o.txt", keyed: false, help: "")],
      resources: resources, manifest: ["command": .string(text)])
  }

  // MARK: Jobs

  @Test func `Resources of a stage are what its job asks for`() {
    let ticket = ActionTicket(in: "/store/tmp/x/1", files: LocalFileSystem())
    func arguments(_ resources: Resources) -> [String] {
      let settings = SlurmSettings(executable: "/bin/brake", version: "1", options: ["--partition=long"])
      return SlurmJob(
        resources: resources, tickets: [ticket], settings: settings, root: "/work",
        name: "brake-abc train[47k,1]"
      ).arguments
    }
    let all = arguments(Resources(cores: 4, memory: (3 << 30) + 1, gpus: 2, time: .seconds(9005)))
    #expect(
      all.filter { !$0.hasPrefix("--job-name") } == [
        "--parsable", "--output=/store/tmp/x/1/slurm.log", "--open-mode=append", "--requeue", "--nodes=1",
        "--ntasks=1", "--cpus-per-task=4", "--mem=3073M", "--gres=gpu:2", "--time=150:05",
        "--signal=B:USR1@90", "--partition=long",
      ])
    #expect(all.contains("--job-name=brake-abc train[47k,1]"))
    let none = arguments(.undeclared)
    #expect(none.contains("--cpus-per-task=1"))
    #expect(!none.contains { ["--mem", "--gres", "--time", "--signal"].contains(where: $0.hasPrefix) })
    #expect(arguments(Resources(time: .seconds(7))).contains("--time=1:00"))
    // A command that wants longer has it, up to half of the time.
    func signal(_ grace: Duration, _ time: Duration) -> String? {
      SlurmJob(
        resources: Resources(time: time), tickets: [ticket],
        settings: SlurmSettings(executable: "/bin/brake", version: "1"), root: "/work", grace: grace,
        name: "brake-abc s"
      ).arguments.first { $0.hasPrefix("--signal") }
    }
    #expect(signal(.seconds(300), .seconds(7200)) == "--signal=B:USR1@330")
    #expect(signal(.seconds(300), .seconds(400)) == "--signal=B:USR1@200")
    #expect(signal(.seconds(10), .seconds(7200)) == "--signal=B:USR1@90")
    // Commands are told how long that is, but for what is kept for the answer.
    func grace(_ time: Duration?, _ options: [String] = []) -> String? {
      let job = SlurmJob(
        resources: Resources(time: time), tickets: [ticket],
        settings: SlurmSettings(executable: "/bin/brake", version: "1", options: options), root: "/work",
        grace: .seconds(300), name: "brake-abc s")
      let line = String(decoding: job.script, as: UTF8.self).split(separator: "\n").last ?? ""
      return line.split(separator: " ").map(String.init).first { $0.hasPrefix("--grace") }
    }
    #expect(grace(.seconds(7200)) == "--grace=300")
    #expect(grace(.seconds(400)) == "--grace=170")
    #expect(grace(.seconds(299)) == nil && grace(nil) == nil)
    #expect(grace(.seconds(7200), ["--signal=B:USR1@20"]) == nil)
  }

  @Test func `Names of folders are no words of a job's script`() throws {
    let odd = folder["it's \"a\" $(touch bad) folder"]
    try FileManager.default.createDirectory(atPath: odd, withIntermediateDirectories: true)
    let program = odd + "/print"
    try Data("#!/bin/sh\nprintf '%s\\n' \"$PWD\" \"$@\" \"$A\"\n".utf8).write(
      to: URL(fileURLWithPath: program))
    chmod(program, 0o755)
    let job = SlurmJob(
      resources: .undeclared, tickets: [ActionTicket(in: odd, files: LocalFileSystem())],
      settings: SlurmSettings(executable: program, version: "1", setup: ["export A='set up'"]), root: odd,
      name: "it's one")
    let result = try FilterProgram("sh", arguments: ["-s"]).run(
      job.script, limit: 1 << 16, within: .seconds(30))
    let real = try #require(try LocalFileSystem().realPath(odd))
    #expect(
      String(decoding: result.output, as: UTF8.self) == "\(real)\nexecute\n--job=it's one\n\(odd)\nset up\n")
  }

  @Test func `What squeue says of jobs is understood`() {
    let states = SlurmQueue.parse(
      "17|PENDING||Resources\n18|RUNNING|n1|None\n19|TIMEOUT|n2|TimeLimit\nslurm: odd\n20|FAILED||BadConstraints\n21|COMPLETING|n1|None\n22|PENDING||None\n"
    )
    #expect(
      states == [
        17: .waiting(reason: "Resources"), 18: .running(nodes: "n1"),
        19: .ended(state: "TIMEOUT", reason: "TimeLimit"),
        20: .ended(state: "FAILED", reason: "BadConstraints"),
        21: .running(nodes: "n1"), 22: .waiting(reason: ""),
      ])
    let told = [17, 18, 22].map { states[$0]?.words }
    #expect(told == ["waits: Resources", "runs on n1", "is in the queue"])
    #expect(["NODE_FAIL", "PREEMPTED"].allSatisfy { SlurmState.isMishap($0) })
    #expect(!["FAILED", "TIMEOUT", "CANCELLED", "OUT_OF_MEMORY"].contains { SlurmState.isMishap($0) })
  }

  @Test(arguments: [
    (
      "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)", true
    ),
    ("sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying", true),
    ("sbatch: error: invalid partition specified: nowhere", false),
    ("sbatch: error: Batch job submission failed: Requested node configuration is not available", false),
  ]) func `A controller that is away is waited for, and a refusal is final`(
    complaint: String, isPassing: Bool
  ) {
    #expect(SlurmCommands.Failed(program: "sbatch", complaint: complaint).isPassing == isPassing)
  }

  @Test func `Actions that may be one job are gathered, in groups of the size that is wanted`() async throws {
    let batches = SlurmBatches()
    let sizes = Sizes()
    let member = SlurmBatches.Member(
      action: action("true"), ticket: ActionTicket(in: "/none", files: LocalFileSystem()),
      watcher: ActionWatcher(threads: 1, notes: ActionNotes()))
    let numbers = try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<25 {
        group.addTask {
          try await batches.job(for: member, size: 10) { members in
            .init(number: sizes.add(members.count), printed: "", name: "", isAlone: false)
          }.number
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(sizes.all.sorted() == [5, 10, 10] && Set(numbers) == [1, 2, 3])
  }

  private final class Sizes: Sendable {
    private let sizes = Mutex<[Int]>([])
    var all: [Int] { sizes.withLock { $0 } }
    /// - Returns: how many there are then.
    func add(_ size: Int) -> Int {
      sizes.withLock { sizes in
        sizes.append(size)
        return sizes.count
      }
    }
  }

  private static func outcome(
    _ batches: SlurmBatches, _ member: SlurmBatches.Member, _ submit: @escaping SlurmBatches.Submit
  ) async -> String {
    do { return "\(try await batches.job(for: member, size: 2, submit: submit).number)" } catch {
      return "\(type(of: error))"
    }
  }

  @Test func `A job that cannot be submitted fails for all of its actions, and waits no longer than they do`()
    async throws
  {
    let batches = SlurmBatches()
    let member = SlurmBatches.Member(
      action: action("true"), ticket: ActionTicket(in: "/none", files: LocalFileSystem()),
      watcher: ActionWatcher(threads: 1, notes: ActionNotes()))
    async let first = SlurmTests.outcome(batches, member) { _ in throw Failure(.refused, "no") }
    async let second = SlurmTests.outcome(batches, member) { _ in throw Failure(.refused, "no") }
    #expect(await [first, second] == ["Failure", "Failure"])

    // The controller is away, and the run is cancelled: whether that is before it was submitted or while it is.
    for pause in [0, 200] {
      let tasks = (0..<2).map { _ in
        Task {
          await SlurmTests.outcome(batches, member) { _ in
            try await Task.sleep(for: .seconds(600))
            throw Failure(.refused, "slept")
          }
        }
      }
      try await Task.sleep(for: .milliseconds(pause))
      for task in tasks { task.cancel() }
      for task in tasks { #expect(await task.value == "CancellationError") }
    }
  }

  // MARK: Actions on their way

  /// Sends an action, executes it as a job does, and reads the answer.
  private func answer(
    _ action: Action, version: String = brakeVersion
  ) async throws -> (ActionTicket.Answer?, ActionNotes) {
    let scratch = try Scratch(in: store)
    let ticket = ActionTicket(in: scratch.path, files: scratch.files)
    try ticket.write(
      action, root: folder.path, store: folder["store"], threads: 1, version: version)
    try ticket.assign("one")
    let execution = TicketExecution(
      folder: scratch.path, job: "one", registry: OperationRegistry([]), guardExecutable: nil)
    _ = try await execution.run()
    let notes = ActionNotes()
    return (try ticket.answer(notes), notes)
  }

  @Test func `What a command makes elsewhere comes back, with what was said of it`() async throws {
    let (answer, notes) = try await answer(action("echo made > o.txt; echo said"))
    guard case .made(let outputs, let isResumed)? = answer else {
      Issue.record("\(String(describing: answer))")
      return
    }
    #expect(!isResumed && outputs.map(\.name) == ["o"] && notes.doubt == .declined)
    #expect(try String(contentsOfFile: outputs[0].path, encoding: .utf8) == "made\n")
    let place = (outputs[0].path as NSString).deletingLastPathComponent + "/../log"
    #expect(try String(contentsOfFile: place, encoding: .utf8) == "said\n")
  }

  @Test func `A failure comes back as it was told there`() async throws {
    let (answer, _) = try await answer(action("exit 7"))
    guard case .failed(let failure)? = answer else {
      Issue.record("\(String(describing: answer))")
      return
    }
    #expect(failure.headline == "the command failed" && failure.facts.contains { $0 == ("exit", "7") })
  }

  @Test func `Another version of brake refuses an action`() async throws {
    let (answer, _) = try await answer(action("true"), version: "0.0.9")
    guard case .failed(let failure)? = answer else {
      Issue.record("\(String(describing: answer))")
      return
    }
    #expect(failure.headline == "brake 0.0.9 has sent this action, and here is brake \(brakeVersion)")
  }

  @Test func `A job does nothing for an action that is another job's by now`() async throws {
    let scratch = try Scratch(in: store)
    let ticket = ActionTicket(in: scratch.path, files: scratch.files)
    try ticket.write(
      action("echo > o.txt"), root: folder.path, store: folder["store"], threads: 1, version: brakeVersion)
    try ticket.assign("two")
    let execution = TicketExecution(
      folder: scratch.path, job: "one", registry: OperationRegistry([]), guardExecutable: nil)
    await #expect(throws: Failure.self) { try await execution.run() }
    #expect(try ticket.answer(ActionNotes()) == nil)
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.work).isEmpty)
  }

  @Test func `A job that is killed while it writes is in nobody's way`() async throws {
    let scratch = try Scratch(in: store)
    for calls in 1... {
      let dying = CrashingFileSystem(failingAt: calls, .stop, reads: false)
      let killed = ActionTicket(in: scratch.path, files: dying)
      _ = try? killed.assign("one")
      _ = try? killed.write(.made([], isResumed: false), ActionNotes(), by: "one")
      let next = ActionTicket(in: scratch.path, files: LocalFileSystem())
      try next.assign("two")
      try next.write(.made([], isResumed: false), ActionNotes(), by: "two")
      #expect(try next.answer(ActionNotes()) != nil)
      if !dying.hasFailed { break }
    }
  }

  @Test func `An answer counts that is of the job that does the action, and names files of its folder`()
    throws
  {
    let scratch = try Scratch(in: store)
    let ticket = ActionTicket(in: scratch.path, files: scratch.files)
    func made(_ path: String, by job: String) throws -> Bool {
      try ticket.write(
        .made([OutputFile(name: "o", key: nil, path: path)], isResumed: false), ActionNotes(), by: job)
      return try ticket.answer(ActionNotes()) != nil
    }
    try ticket.assign("one")
    #expect(try !made(scratch.path + "/out/o", by: "two"))
    #expect(try made(scratch.path + "/out/o", by: "one"))
    for path in ["/etc/passwd", scratch.path + "/../../secret", scratch.path] {
      #expect(throws: Failure.self) { try made(path, by: "one") }
    }
    try ticket.assign("two")
    #expect(try ticket.answer(ActionNotes()) == nil)
    // Slurm was asked twice, and starts one of them once more.
    #expect(try ticket.claim("17") && !ticket.claim("18") && ticket.claim("17"))
  }

  @Test func `What an earlier attempt has left in the folder goes, but for what it printed`() throws {
    let scratch = try Scratch(in: store)
    folder.write("x", to: "x")
    for name in ["work/half", "covers", "log", "ticket.json"] {
      try FileManager.default.copyItem(atPath: folder["x"], toPath: scratch.path + "/" + name)
    }
    _ = try Scratch(madeAt: scratch.path, keeping: ActionTicket.names, files: LocalFileSystem())
    #expect(
      try FileManager.default.subpathsOfDirectory(atPath: scratch.path).sorted()
        == ["log", "out", "ticket.json", "tmp", "work"])
    #expect(throws: Failure.self) {
      try Scratch(madeAt: folder["none"], keeping: [], files: LocalFileSystem())
    }
  }
}
