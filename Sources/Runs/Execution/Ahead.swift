import Actions
import Artefacts
import Pipeline

/// What a run computes ahead of its schedule: instances that read members of eager outputs of stages that still run.
///
/// Each is an ordinary action, recorded as any other. When the stages have ended, everything is planned and looked up as if there
/// were nothing like this, and what was computed of the members that there are then is found recorded. A value that decides;
/// `Execution` carries it out.
struct Ahead {
  struct Member: Hashable {
    let instance: String
    let output: String
    let key: String

    init(instance: String, output: String, key: String) {
      self.instance = instance
      self.output = output
      self.key = key
    }

    init(_ output: Record.Output, of instance: String) {
      self.init(instance: instance, output: output.name, key: output.key ?? "")
    }
  }

  /// What an instance reads, where all of that is there.
  struct Reading {
    /// Of each instance that it depends on.
    var outputs: [String: [Record.Output]] = [:]
    /// The members that it rests on which may still change, with what they were.
    var rests: [Member: Digest] = [:]
  }

  struct Job {
    enum State {
      case lookingUp
      case queued(Action, lacks: [Artefact])
      case running(Action)
      /// - Parameter seconds: how long it took; nil of what was recorded already.
      case done(KnownInstance, seconds: Double?)
      /// It is left to the schedule.
      case withdrawn
    }

    let instance: StageInstance
    let rests: [Member: Digest]
    /// Its place among all jobs.
    let number: Int
    var state = State.lookingUp
    /// Whether what runs of it counts for nothing any more, since the run needs something else.
    var isSuperseded = false
  }

  /// The members so far of an instance that runs, or all of one that has ended.
  private struct Members {
    let outputs: [Record.Output]
    private let digests: [Member: Digest]

    init(_ outputs: [Record.Output], of instance: String) {
      self.outputs = outputs
      digests = Dictionary(outputs.map { (Member($0, of: instance), $0.artefact.digest) }) { first, _ in first
      }
    }

    func digest(_ member: Member) -> Digest? { digests[member] }
  }

  /// What instances have made that are done, each asked for once.
  private struct Recorded {
    let outputs: (String) -> [Record.Output]?
    private var known: [String: Members?] = [:]

    init(_ outputs: @escaping (String) -> [Record.Output]?) { self.outputs = outputs }

    mutating func members(of name: String) -> Members? {
      if let known = known[name] { return known }
      let members = outputs(name).map { Members($0, of: name) }
      known[name] = .some(members)
      return members
    }
  }

  private var growing: [String: Members] = [:]
  /// What members were when they were first seen.
  private var first: [Member: Digest] = [:]
  /// Members that have changed since: nothing more is computed of them before they are what they will be.
  private var restless: Set<Member> = []
  private(set) var jobs: [String: Job] = [:]
  /// Of all jobs that there were, by number.
  private var names: [String] = []
  /// The numbers of those that wait for a place, and of some that do not any more.
  private var queue = IndexHeap()
  /// How many compute an action.
  private var running: [Digest: Int] = [:]
  /// The actions that were computed.
  private(set) var made: Set<Digest> = []
  /// Whether something is there that was not when it was last planned.
  private(set) var wantsPlan = false
  /// Begins nothing any more.
  private(set) var isStopped = false

  // MARK: Events

  /// There are other members of an instance that runs.
  mutating func grew(_ instance: String, _ members: [Record.Output]) {
    for output in members {
      let member = Member(output, of: instance)
      let before = first[member] ?? output.artefact.digest
      if before != output.artefact.digest { restless.insert(member) }
      first[member] = before
    }
    growing[instance] = Members(members.filter { !restless.contains(Member($0, of: instance)) }, of: instance)
    wantsPlan = true
  }

  /// An instance does not run any more: what comes of it the schedule knows.
  mutating func ended(_ instance: String) {
    if growing.removeValue(forKey: instance) != nil { wantsPlan = true }
  }

  /// Another instance of the run is done, which others may read.
  mutating func noteProgress() { if !growing.isEmpty { wantsPlan = true } }

  mutating func stop() { isStopped = true }

  // MARK: Planning

  /// Whether it is worth it to plan now.
  var isPlanDue: Bool {
    wantsPlan && !isStopped && growing.values.contains { !$0.outputs.isEmpty }
  }

  /// What is to be planned with, if that is worth it now.
  mutating func request() -> (keys: [KeyedOutput: [String]], growing: [KeyedOutput: [String]])? {
    guard isPlanDue else { return nil }
    wantsPlan = false
    var keys: [KeyedOutput: [String]] = [:]
    for (name, job) in jobs {
      guard case .done(let known, _) = job.state else { continue }
      for output in job.instance.outputs where output.keyed {
        keys[KeyedOutput(instance: name, output: output.name)] =
          known.outputs.filter { $0.name == output.name }.compactMap(\.key)
      }
    }
    var members: [KeyedOutput: [String]] = [:]
    for (name, made) in growing {
      for output in made.outputs {
        members[KeyedOutput(instance: name, output: output.name), default: []].append(output.key ?? "")
      }
    }
    return (keys, members)
  }

  /// Takes in those of planned instances that can be computed and have not been yet.
  ///
  /// - Parameters:
  ///   - planned: each behind those that it depends on.
  ///   - isOpen: whether the schedule leaves an instance to this.
  ///   - recorded: what an instance has made that is done; nil of one that is not.
  /// - Returns: those that are to be looked up, with what they read.
  mutating func take(
    _ planned: [StageInstance], isOpen: (String) -> Bool,
    recorded: @escaping (String) -> [Record.Output]?
  ) -> [(instance: StageInstance, outputs: [String: [Record.Output]])] {
    var taken: [(instance: StageInstance, outputs: [String: [Record.Output]])] = []
    var recorded = Recorded(recorded)
    for instance in planned where jobs[instance.name] == nil && isOpen(instance.name) {
      guard let reading = reading(of: instance, &recorded) else { continue }
      jobs[instance.name] = Job(instance: instance, rests: reading.rests, number: names.count)
      names.append(instance.name)
      taken.append((instance, reading.outputs))
    }
    return taken
  }

  private func reading(of instance: StageInstance, _ recorded: inout Recorded) -> Reading? {
    var reading = Reading()
    for input in instance.inputs {
      guard add(input.source, to: &reading, &recorded) else { return nil }
    }
    return reading.outputs.isEmpty ? nil : reading
  }

  /// - Returns: whether it is there.
  private func add(_ source: InputSource, to reading: inout Reading, _ recorded: inout Recorded) -> Bool {
    switch source {
    case .file, .artefact: return true
    case .collection(let members):
      for member in members where !add(member.source, to: &reading, &recorded) { return false }
      return true
    case .output(let name, let output, let key?) where growing[name] != nil:
      let member = Member(instance: name, output: output, key: key)
      guard let members = growing[name], let digest = members.digest(member) else { return false }
      reading.outputs[name] = members.outputs
      reading.rests[member] = digest
      return true
    case .output(let name, _, _), .members(let name, _):
      if let members = recorded.members(of: name) {
        reading.outputs[name] = members.outputs
        return true
      }
      guard let job = jobs[name], case .done(let known, _) = job.state, isSound(job, &recorded) else {
        return false
      }
      reading.outputs[name] = known.outputs
      reading.rests.merge(job.rests) { first, _ in first }
      return true
    }
  }

  /// Whether all that a job rests on is still what it was.
  private func isSound(_ job: Job, _ recorded: inout Recorded) -> Bool {
    for (member, digest) in job.rests {
      let members = growing[member.instance] ?? recorded.members(of: member.instance)
      if members?.digest(member) != digest { return false }
    }
    return true
  }

  // MARK: Jobs

  /// A job must run.
  mutating func miss(_ name: String, _ action: Action, lacks: [Artefact]) {
    set(name, .queued(action, lacks: lacks))
    enqueue(name)
  }

  /// A job runs.
  mutating func started(_ name: String, _ action: Action) { set(name, .running(action)) }

  /// A job is recorded.
  /// - Parameter seconds: how long it took; nil of what nobody had to compute.
  mutating func done(_ name: String, _ known: KnownInstance, seconds: Double?) {
    set(name, .done(known, seconds: seconds))
    if seconds != nil { made.insert(known.key) }
    wantsPlan = true
  }

  mutating func withdraw(_ name: String) { set(name, .withdrawn) }

  private mutating func set(_ name: String, _ state: Job.State) {
    guard let before = jobs[name]?.state else { return }
    if case .running(let action) = before {
      let others = running[action.key, default: 1] - 1
      running[action.key] = others > 0 ? others : nil
    }
    if case .running(let action) = state { running[action.key, default: 0] += 1 }
    jobs[name]?.state = state
  }

  /// What runs of an instance counts for nothing any more, unless it is the action that is needed.
  /// - Returns: whether something does that has counted until now.
  mutating func supersede(_ name: String, unless key: Digest?) -> Bool {
    guard let job = jobs[name], case .running(let action) = job.state, !job.isSuperseded, action.key != key
    else { return false }
    jobs[name]?.isSuperseded = true
    return true
  }

  func isSuperseded(_ name: String) -> Bool { jobs[name]?.isSuperseded ?? false }

  /// What ran of an instance and counts for nothing is at its end.
  /// - Parameter made: its action, if that was computed.
  mutating func ended(superseded name: String, made key: Digest?) {
    withdraw(name)
    if let key { made.insert(key) }
  }

  /// A job has come to nothing for a reason that may pass: it is tried again when something else has come.
  mutating func forget(_ name: String) {
    set(name, .withdrawn)
    jobs[name] = nil
  }

  /// The schedule has come to an instance: what has not begun by now need not.
  mutating func leave(_ name: String) {
    switch jobs[name]?.state {
    case .lookingUp, .queued: withdraw(name)
    default: break
    }
  }

  /// Takes the next job out of those that wait for a place, in the order of the plan. Those that rest on what is not there any more
  /// are forgotten.
  mutating func next() -> (name: String, action: Action, lacks: [Artefact])? {
    while !isStopped, let number = queue.popSmallest() {
      let name = names[number]
      guard let job = jobs[name], job.number == number, case .queued(let action, let lacks) = job.state else {
        continue
      }
      // Of what has ended the schedule is about to read.
      if job.rests.allSatisfy({ growing[$0.key.instance]?.digest($0.key) == $0.value }) {
        return (name, action, lacks)
      }
      jobs[name] = nil
      wantsPlan = true
    }
    return nil
  }

  /// A job that was the next waits for its place again.
  mutating func enqueue(_ name: String) {
    if let number = jobs[name]?.number { queue.insert(number, number) }
  }

  /// Whether an action is being computed.
  func runs(_ key: Digest) -> Bool { running[key] != nil }

  /// What was computed of an instance, and how long that took; nil if nothing was.
  func result(of name: String) -> (key: Digest, seconds: Double)? {
    guard case .done(let known, let seconds?)? = jobs[name]?.state else { return nil }
    return (known.key, seconds)
  }

  /// Those that have begun, and that nothing can need any more, since all that they rest on has ended without them.
  func gone(isPlanned: (StageInstance) -> Bool, isDone: (String) -> Bool) -> [String] {
    begun.filter { name in
      guard let job = jobs[name] else { return false }
      return !isPlanned(job.instance) && job.rests.keys.allSatisfy { isDone($0.instance) }
    }.sorted()
  }

  /// The instances of which something was computed, or is, that counts.
  var begun: [String] {
    jobs.filter {
      switch $0.value.state {
      case _ where $0.value.isSuperseded: false
      case .running, .done(_, seconds: _?): true
      default: false
      }
    }.map(\.key)
  }
}
