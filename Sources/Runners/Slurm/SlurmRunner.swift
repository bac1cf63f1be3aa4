public import Actions
public import Artefacts
import Glibc
import Synchronization
import System

/// Runs actions as jobs of a Slurm cluster whose nodes see the store and the workspace under the same paths: those of stages that say
/// so, or where the cluster is for all, commands and operations that say what they need. All others run in this process.
///
/// Each action is a job of its own. A job that a node or the cluster has lost, and one that had to make place for others, is submitted
/// again; one whose time is over, if it has saved something to go on from.
public struct SlurmRunner: Runner {
  private let store: Store
  private let local: LocalRunner
  private let here: LocalPlaces
  private let queue = SlurmQueue()
  private let batches = SlurmBatches()
  private let settings: SlurmSettings
  private let root: String

  /// How often a job is submitted again that was lost.
  private static let mishaps = 5
  /// For how long Slurm may not know a job, or its answer may be on its way, before it is given up.
  private static let patience = Duration.seconds(20)
  /// The state of a job that Slurm has forgotten.
  private static let unknown = "unknown to Slurm"

  private let isForAll: Bool

  /// - Parameters:
  ///   - root: the workspace, absolute.
  ///   - local: for what does not go to the cluster.
  ///   - isForAll: whether stages that do not say where they run go to the cluster.
  public init(store: Store, root: String, settings: SlurmSettings, local: LocalRunner, isForAll: Bool) {
    self.store = store
    self.settings = settings
    self.root = root
    self.local = local
    here = LocalPlaces(local.capacity(places: Processors.available))
    self.isForAll = isForAll
  }

  /// What the cluster has is for Slurm to know.
  public func capacity(places: Int) -> Capacity {
    isForAll
      ? Capacity(places: places, cores: 1 << 40, memory: 1 << 60, gpus: 1 << 40)
      : local.capacity(places: places)
  }

  /// A job takes a place, and nothing of this machine.
  public func demand(_ resources: Resources) -> Resources {
    isForAll || resources.runner != .slurm ? resources : .undeclared
  }

  public func isHere(_ action: Action) -> Bool { !isForCluster(action) }

  /// Those of the nodes are for Slurm to hand out, and for the brake that runs there.
  public func graphicsAtOnce(for action: Action) -> GraphicsShare? {
    isForCluster(action) ? GraphicsShare() : local.graphicsAtOnce(for: action)
  }

  public func graphics(
    for action: Action, while isWanted: @Sendable () -> Bool, tell: @Sendable () -> Void
  ) async -> GraphicsShare? {
    if isForCluster(action) { return GraphicsShare() }
    return await local.graphics(for: action, while: isWanted, tell: tell)
  }

  private func isForCluster(_ action: Action) -> Bool {
    if let runner = action.resources.runner { return runner == .slurm }
    if case .command = action.work { return isForAll }
    return isForAll && action.resources != .undeclared
  }

  public func run(_ action: Action, _ watcher: ActionWatcher) async throws -> ActionResult {
    guard isForCluster(action) else {
      if !isForAll { return try await local.run(action, watcher) }
      await here.enter(action.resources)
      defer { here.leave(action.resources) }
      return try await local.run(action, watcher)
    }
    let scratch = try JobFolder(of: store).scratch(for: action)
    watcher.prints(scratch.log)
    do {
      let (outputs, isResumed) = try await onCluster(action, watcher, scratch)
      return ActionResult(outputs: outputs, scratch: scratch, isResumed: isResumed)
    } catch {
      throw ActionFailure(error, in: scratch)
    }
  }

  private func onCluster(
    _ action: Action, _ watcher: ActionWatcher, _ scratch: Scratch
  ) async throws -> (outputs: [OutputFile], isResumed: Bool) {
    let ticket = ActionTicket(in: scratch.path, files: scratch.files)
    var earlier: Int?
    switch try await inherited(ticket, watcher) {
    case .outputs(let outputs, let isResumed)?: return (outputs, isResumed)
    case .job(let job)?: earlier = job
    case nil:
      for name in try scratch.files.names(in: scratch.path) {
        scratch.files.removeAll("\(scratch.path)/\(name)")
      }
      guard let storePath = try store.files.realPath(store.root) else {
        throw Failure(.notFound, "the store \(store.root) is gone")
      }
      try ticket.write(
        action, root: root, store: storePath, threads: max(1, action.resources.cores ?? 1),
        version: settings.version)
    }
    if let earlier {
      let text = "goes on with the job \(earlier) of a brake that did not end"
      watcher.report(OperationContext.Progress(fraction: nil, text: text))
      watcher.notes.add("\(action.name): \(text)")
    }
    var mishaps = 0
    while true {
      let isInherited = earlier != nil
      let submitted: SlurmBatches.Submitted
      if let earlier {
        let name = try ticket.job() ?? ""
        let shared = SlurmJob.printed(byAllOf: name, beside: scratch.path)
        let isAlone = try store.files.entry(shared) == nil
        submitted = SlurmBatches.Submitted(
          number: earlier, printed: isAlone ? SlurmJob.printed(in: scratch.path) : shared, name: name,
          isAlone: isAlone)
      } else {
        submitted = try await submit(action, ticket, watcher)
      }
      earlier = nil
      let job = submitted.number
      queue.watch(job)
      var isWanted = true
      defer {
        if isWanted { _ = queue.giveUp(job) }
        // What a job of several printed stands beside their folders.
        if queue.forget(job), !submitted.isAlone { try? store.files.remove(submitted.printed) }
      }
      let end: End
      do { end = try await follow(job, ticket, watcher) } catch {
        // Nothing of it runs any more when this is known.
        isWanted = false
        await giveUp(submitted, ticket, scratch)
        throw error
      }
      switch end {
      case .answer(.made(let outputs, let isResumed)): return (outputs, isResumed)
      case .answer(.failed(let failure)):
        throw failure.with(facts: failure.facts + [("job", String(job))])
      case .answer(.told(let hasSaved)):
        let state = await settled(job)
        let isMishap = state.map(SlurmState.isMishap) ?? true
        if state == "CANCELLED" || !isMishap && !hasSaved {
          throw failure(of: submitted, state == "CANCELLED" ? "CANCELLED" : "TIMEOUT", "")
        }
        if !hasSaved { mishaps += 1 }
        if mishaps > SlurmRunner.mishaps { throw failure(of: submitted, "PREEMPTED", "again and again") }
        watcher.notes.add("\(action.name): the job \(job) was told to end, and is submitted again")
      case .answer(.passedOver):
        if await settled(job) == "CANCELLED" { throw failure(of: submitted, "CANCELLED", "") }
      case .ended(let state, let reason):
        // It may have ended long ago, and Slurm have forgotten how.
        if !isInherited || state != SlurmRunner.unknown {
          mishaps += 1
          // What stood behind others in the job had no part in how that ended.
          let hasBegun = try submitted.isAlone || scratch.files.entry(scratch.work) != nil
          let isAgain = SlurmState.isMishap(state) || !hasBegun && state != "CANCELLED"
          guard isAgain, mishaps <= SlurmRunner.mishaps else { throw failure(of: submitted, state, reason) }
        }
        watcher.notes.add("\(action.name): the job \(job) ended as \(state), and is submitted again")
      }
      // Slurm may have put it into its queue again by itself.
      isWanted = false
      await giveUp(submitted, ticket, scratch)
      // This process was stopped, and taken for dead.
      if !scratch.isOwn() {
        throw Failure(.refused, "another brake does this action by now", hint: "run again when it has ended")
      }
    }
  }

  // MARK: What was begun before

  /// What the job of a brake that did not end has made, or is making.
  private enum Inheritance {
    case outputs([OutputFile], isResumed: Bool)
    case job(Int)
  }

  /// Nil if nothing was begun, or it came to nothing.
  private func inherited(
    _ ticket: ActionTicket, _ watcher: ActionWatcher
  ) async throws -> Inheritance? {
    guard let name = try ticket.job() else { return nil }
    let isOfUse = ticket.version == settings.version && !watcher.isAnew
    if isOfUse, let outputs = outputs(ticket, watcher.notes) { return outputs }
    guard let job = try await whileAway(watcher, { try SlurmQueue.number(ofJob: name) }) else { return nil }
    if case .ended? = try await whileAway(watcher, { try SlurmQueue.states(of: [job]) })[job] {
      // The answer may have come since.
      return isOfUse ? outputs(ticket, watcher.notes) : nil
    }
    if isOfUse { return .job(job) }
    await SlurmRunner.cancel(job, name)
    return nil
  }

  private func outputs(_ ticket: ActionTicket, _ notes: ActionNotes) -> Inheritance? {
    guard let answer = try? ticket.answer(notes), case .made(let outputs, let isResumed) = answer,
      outputs.allSatisfy({ (try? store.files.entry($0.path)) ?? nil != nil })
    else { return nil }
    return .outputs(outputs, isResumed: isResumed)
  }

  // MARK: Submitting

  /// Submits an action, alone or with others of its stage.
  private func submit(
    _ action: Action, _ ticket: ActionTicket, _ watcher: ActionWatcher
  ) async throws -> SlurmBatches.Submitted {
    let member = SlurmBatches.Member(action: action, ticket: ticket, watcher: watcher)
    let size = action.resources.group ?? 1
    if size <= 1 { return try await submit([member]) }
    return try await batches.job(for: member, size: size) { [self] in try await submit($0) }
  }

  /// Submits them as one job, however long Slurm cannot be reached.
  private func submit(_ members: [SlurmBatches.Member]) async throws -> SlurmBatches.Submitted {
    let name = SlurmJob.name(for: members.map(\.action))
    let job = SlurmJob(
      resources: members[0].action.resources, tickets: members.map(\.ticket), settings: settings, root: root,
      grace: members.compactMap(\.action.grace).max() ?? .zero, name: name)
    for member in members {
      try member.ticket.clear()
      // Where there is one, the action has begun.
      store.files.removeAll(member.ticket.folder + "/work")
      try member.ticket.assign(name)
    }
    var isFirst = true
    let number = try await whileAway(members[0].watcher) {
      // It may have been heard, although nobody said so.
      if !isFirst, let number = try SlurmQueue.number(ofJob: name) { return number }
      isFirst = false
      do {
        let text = try SlurmCommands.run("sbatch", job.arguments, input: job.script)
        guard
          let number = text.split(whereSeparator: { $0 == ";" || $0.isWhitespace }).first.flatMap({ Int($0) })
        else { throw Failure(.malformed, "sbatch printed '\(text.prefix(200))' and no number of a job") }
        return number
      } catch let error as SlurmCommands.Failed {
        // Some jobs are refused and there all the same, as failed ones.
        if let number = (try? SlurmQueue.number(ofJob: name)) ?? nil { return number }
        if error.isPassing { throw error }
        throw refusal(error, job)
      }
    }
    return SlurmBatches.Submitted(
      number: number, printed: job.printed, name: name, isAlone: members.count == 1)
  }

  /// Tries something again for as long as Slurm cannot be reached.
  private func whileAway<Result>(
    _ watcher: ActionWatcher, _ body: () throws -> Result
  ) async throws -> Result {
    var pause = Duration.seconds(1)
    while true {
      do { return try body() } catch let error as SlurmCommands.Failed {
        guard error.isPassing else {
          throw Failure(
            .refused, "\(error.program) fails",
            facts: error.complaint.split(separator: "\n").prefix(4).map { (error.program, String($0)) })
        }
        watcher.report(
          OperationContext.Progress(
            fraction: nil, text: "waits for Slurm: \(error.complaint.prefix(200).withoutLines)"))
        try await Task.sleep(for: pause)
        pause = min(pause * 2, .seconds(60))
      }
    }
  }

  private func refusal(_ error: SlurmCommands.Failed, _ job: SlurmJob) -> Failure {
    let words = job.arguments.filter { !$0.hasPrefix("--output") && !$0.hasPrefix("--job-name") }
    return Failure(
      .refused, "Slurm refuses the job",
      facts: error.complaint.split(separator: "\n").prefix(4).map { ("sbatch", String($0)) } + [
        ("asked for", words.joined(separator: " "))
      ],
      hint:
        "cores:, memory:, gpus: and time: of a stage say what it asks for, and slurm-options: in brake's configuration where"
    )
  }

  // MARK: Following

  private enum End {
    case answer(ActionTicket.Answer)
    case ended(state: String, reason: String)
  }

  private func follow(_ job: Int, _ ticket: ActionTicket, _ watcher: ActionWatcher) async throws -> End {
    var pause = Duration.milliseconds(50)
    var last = ""
    while true {
      try Task.checkCancellation()
      if let answer = try ticket.answer(watcher.notes) { return .answer(answer) }
      if let sight = queue.sight(of: job) {
        let age = ContinuousClock.now - sight.since
        switch sight.state {
        case .ended(let state, let reason):
          // The file system of the cluster may show the answer a little later.
          if age > (state == "COMPLETED" ? SlurmRunner.patience : .seconds(4)) {
            return .ended(state: state, reason: reason)
          }
        case nil: if age > SlurmRunner.patience { return .ended(state: SlurmRunner.unknown, reason: "") }
        default: break
        }
        let progress = SlurmRunner.progress(of: job, sight, ticket)
        if progress.text != last { watcher.report(progress) }
        last = progress.text
      }
      try await Task.sleep(for: pause)
      pause = min(pause * 1.2, .milliseconds(500))
    }
  }

  private static func progress(
    of job: Int, _ sight: SlurmQueue.Sight, _ ticket: ActionTicket
  ) -> OperationContext.Progress {
    if let progress = ticket.progress() { return progress }
    let text =
      if let trouble = sight.trouble {
        "job \(job): Slurm does not answer: \(trouble.prefix(100).withoutLines)"
      } else {
        sight.state.map { "job \(job) \($0.words)" } ?? "Slurm does not know the job \(job)"
      }
    return OperationContext.Progress(fraction: nil, text: text)
  }

  /// How a job ended that has said so itself; nil if it waits to run once more, or nobody knows.
  private func settled(_ job: Int) async -> String? {
    for _ in 0..<120 {
      switch (try? SlurmQueue.states(of: [job]))?[job] {
      case .ended(let state, _): return state
      case .waiting, nil: return nil
      case .running: try? await Task.sleep(for: .milliseconds(500))
      }
    }
    return nil
  }

  /// Wants a job no more: it is cancelled with the last action that wants it. Waits until nothing of this action runs.
  private func giveUp(
    _ submitted: SlurmBatches.Submitted, _ ticket: ActionTicket, _ scratch: Scratch
  ) async {
    let job = submitted.number
    let isLast = queue.giveUp(job)
    // Another brake took this one for dead, and follows the job.
    if !scratch.isOwn() { return }
    if isLast { return await SlurmRunner.cancel(job, submitted.name) }
    await Task.detached { [queue] in
      for round in 0..<240 {
        switch queue.sight(of: job)?.state {
        case .ended, nil: return
        default: break
        }
        if queue.isWanted(job) {
          // It goes on for others, and looks every ten seconds which actions are still its own.
          if round == 2 { ticket.unassign() }
          if round > 32 { return }
        }
        try? await Task.sleep(for: .milliseconds(500))
      }
    }.value
  }

  /// Cancels a job, and waits until it has ended, as long as Slurm answers.
  private static func cancel(_ job: Int, _ name: String) async {
    // Whoever calls this may have been cancelled, too.
    await Task.detached {
      let start = ContinuousClock.now
      _ = try? SlurmCommands.run("scancel", ["--quiet", String(job)])
      // Slurm may have been asked twice.
      if !name.isEmpty {
        _ = try? SlurmCommands.run("scancel", ["--quiet", "--user=\(geteuid())", "--name=\(name)"])
      }
      while ContinuousClock.now - start < .seconds(120) {
        guard let states = try? SlurmQueue.states(of: [job]) else { return }
        switch states[job] {
        case .waiting, .running: try? await Task.sleep(for: .milliseconds(500))
        case .ended, nil: return
        }
      }
    }.value
  }

  // MARK: Failures

  private func failure(of submitted: SlurmBatches.Submitted, _ state: String, _ reason: String) -> Failure {
    let job = submitted.number
    let printed = (try? store.files.end(of: submitted.printed, limit: 4096)) ?? nil
    let lines = String(decoding: printed ?? [], as: UTF8.self).split(whereSeparator: \.isNewline).suffix(5)
    // Where no cgroup limits memory, Slurm looks at it from time to time, and calls what it ends for it a failure.
    let isTooLarge = lines.contains {
      $0.hasPrefix("slurmstepd")
        && ($0.contains("exceeded memory limit") || $0.contains("Exceeded job memory limit"))
    }
    let (headline, hint): (String, String?) =
      switch isTooLarge ? "OUT_OF_MEMORY" : state {
      case "TIMEOUT", "DEADLINE":
        (
          "the job took longer than it may",
          "time: in its stage says how long that is; a job that has saved something is submitted again"
        )
      case "OUT_OF_MEMORY":
        ("the job used more memory than it was given", "memory: in its stage says how much that is")
      case "CANCELLED": ("somebody cancelled the job", nil)
      case "COMPLETED":
        ("the job ended and left no answer", "its node may not see the store under the same path")
      case SlurmRunner.unknown:
        (
          "the job is gone, and left no answer",
          "it may have been cancelled, or Slurm's memory of it was lost"
        )
      case "FAILED" where reason == "BadConstraints":
        (
          "no node of the cluster has what the job asks for",
          "cores:, memory:, gpus: and time: of its stage say what that is"
        )
      default: ("the job failed before the action had begun, or was ended from outside", nil)
      }
    var facts: [Failure.Fact] = [("job", String(job)), ("state", state)]
    if !reason.isEmpty, reason != "None" { facts.append(("reason", reason)) }
    facts += lines.enumerated().map { ($0 == 0 ? "printed" : "", String($1.prefix(200))) }
    facts.append(("more", "scontrol show job \(job)"))
    return Failure(.refused, headline, facts: facts, hint: hint)
  }
}

extension Action {
  fileprivate var grace: Duration? {
    if case .command(let command) = work { command.ending.grace } else { nil }
  }
}

extension Substring {
  fileprivate var withoutLines: String { split(whereSeparator: \.isNewline).joined(separator: " ") }
}
