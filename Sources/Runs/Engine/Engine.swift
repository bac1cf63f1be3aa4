public import Actions
public import Artefacts
import Glibc
import JSON
public import Pipeline
public import Runners
public import System

/// Plans and executes one pipeline against one store.
public struct Engine: Sendable {
  public let source: PipelineSource
  public let overrides: [(name: String, value: String)]
  public let root: String
  public let store: Store

  /// Whose records count: one of somebody else is as if it were not there.
  public let trust: Trust
  let sources: [any ArtefactSource]
  /// Whether what others say of an action counts as recorded, where the store has no record of its own. For no run.
  var heedsTold = false
  /// What another place has recorded, for who wants to bring it here. For no run.
  var borrowed: BorrowedRecords?
  let planner: Planner
  let files: StatCache
  let resolver: ActionResolver
  let runner: any Runner
  let failures: FailedActions
  let leases: Leases
  let leftAnnouncements = LeftAnnouncements()
  let makings: Makings
  let solitude = Solitude()
  /// Of the machine on which this runs.
  var graphics = GraphicsQuestion()
  /// Where actions that run beside another one get the right to do so; nil where nobody limits them but the number of places.
  let jobServer: JobServer?
  /// How long to wait before a command is tried again.
  var backoff = Backoff()

  /// - Parameters:
  ///   - overrides: `NAME=VALUE` of the command line.
  ///   - root: the folder that source paths and published paths are relative to.
  ///   - guardExecutable: a program that calls `CommandGuard.runIfAsked` first of all, for commands without a sandbox.
  ///   - jobServer: limits what runs at once, together with what commands run themselves.
  ///   - sources: where records and artefacts are looked for that the store does not have. What is found there counts as
  ///     recorded, and its bytes are brought into the store once something reads them.
  ///   - trust: whose records count, those of the store and those found elsewhere.
  ///   - runner: who executes actions, made of what does so in this process and its children; nil for just that.
  ///   - versionLimit: how long a version command may take.
  public init(
    source: PipelineSource, overrides: [(name: String, value: String)], root: String, store: Store,
    registry: OperationRegistry, guardExecutable: String? = nil, jobServer: JobServer? = nil,
    sources: [any ArtefactSource] = [], trust: Trust = .everybody,
    runner: ((LocalRunner) -> any Runner)? = nil,
    versionLimit: Duration = .seconds(30)
  ) {
    self.trust = trust
    self.jobServer = jobServer
    self.sources = sources
    self.source = source
    self.overrides = overrides
    self.root = root
    self.store = store
    let local = LocalRunner(
      store: store,
      surroundings: CommandSurroundings(
        workspace: root, guardExecutable: guardExecutable, jobServer: jobServer))
    self.runner = runner?(local) ?? local
    planner = Planner(registry: registry)
    files = StatCache(store: store)
    leases = Leases(of: store)
    failures = FailedActions(
      store: store,
      request: [
        "pipeline": .string(source.path), "root": .string((try? store.files.realPath(root)) ?? root),
        "overrides": .array(overrides.map { [.string($0.name), .string($0.value)] }),
      ])
    makings = Makings(store: store, pipeline: source.path, root: root, secret: trust.secret)
    let tools = ToolIdentities(
      files: files, memory: VersionMemory(store: store, root: root),
      command: VersionCommand(
        store: store, root: root, guardExecutable: guardExecutable, limit: versionLimit))
    let environments = PythonEnvironments(
      root: root, store: store, files: files, tools: tools,
      made: MadeEnvironments(store: store, guardExecutable: guardExecutable))
    resolver = ActionResolver(
      root: root, store: store, files: files, tools: tools, environments: environments,
      images: ContainerImages(store: store, files: files), trust: trust)
  }

  /// - Parameter keys: the keys of keyed outputs that are known because their stage has run.
  public func plan(keys: [KeyedOutput: [String]] = [:]) throws(PipelineError) -> Plan {
    let file = try source.file()
    let plan = try planner.plan(file, overrides: overrides, keys: keys)
    try check(plan, of: file)
    return plan
  }

  /// A plan of the stages with which nothing is wrong, and what is wrong with the others.
  func planWhatCanBe(
    keys: [KeyedOutput: [String]]
  ) throws(PipelineError) -> (plan: Plan, faults: [PipelineError]) {
    let file = try source.file()
    let (plan, faults) = try planner.planWhatCanBe(file, overrides: overrides, keys: keys)
    try check(plan, of: file)
    return (plan, faults)
  }

  private func check(_ plan: Plan, of file: PipelineFile) throws(PipelineError) {
    var places = PublishPlaces(
      root: root, store: store, pipelines: [source.path] + Set(file.includedPaths).sorted())
    try places.check(plan.instances)
    try plan.checkFileNames(in: root)
  }

  /// Brings the targets up to date. Throws only what stops the whole run; a failed stage is in the summary.
  /// Cancelling the task ends children and leaves the store clean; what had been computed is kept.
  ///
  /// - Parameters:
  ///   - targets: stages, instances or globs; the pipeline's defaults if empty.
  ///   - memory: of runs of just these targets, which has been asked to recall one; remembers this one if all went well.
  public func run(
    targets: [String], options: RunOptions = RunOptions(), memory: RunMemory? = nil,
    observe: @escaping @Sendable (RunEvent) -> Void = { _ in }
  ) async throws -> RunSummary {
    try await withTaskExecutorPreference(TaskThreads.shared) {
      try makeStore()
      var made: Set<Digest> = []
      let list = RunList(of: self)
      if let changes = memory?.takeChanges(), !options.always, !options.asksVersions, !changes.areBeforeEager
      {
        var execution = Execution(
          engine: self, changes: changes, options: options, list: list, observe: observe)
        let summary = try await execution.run()
        if !execution.needsPlan && !execution.isRepeated { return remember(&execution, summary, in: memory) }
        made = execution.schedule.made
      }
      if try options.always || options.asksVersions || hasToRun(targets) { resolver.tools.askAnew() }
      var execution = try Execution(
        engine: self, targets: targets, options: options, made: made, list: list, observe: observe)
      var summary = try await execution.run()
      if execution.isRepeated {
        // What has just been made is recorded, also where all was to be made anew.
        var options = options
        options.always = false
        made.formUnion(execution.schedule.made.union(execution.ahead.made))
        execution = try Execution(
          engine: self, targets: targets, options: options, made: made, isSecond: true, list: list,
          observe: observe)
        summary = try await execution.run()
      }
      return remember(&execution, summary, in: memory)
    }
  }

  /// - Parameter execution: has come to its end, and is good for nothing after this.
  private func remember(
    _ execution: inout Execution, _ summary: RunSummary, in memory: RunMemory?
  ) -> RunSummary {
    // What another place has may be gone the next time, which nobody would notice.
    if let memory, sources.isEmpty, trust.isEverybody, let run = execution.memory(of: summary) {
      try? memory.keep(run)
    }
    return summary
  }

  /// Whether versions have to be asked for, since something will be executed. False where no stage has a version command; those
  /// that are planned when keys are known may have one.
  private func hasToRun(_ targets: [String]) throws -> Bool {
    let plan = try plan()
    let asks = !plan.deferred.isEmpty || plan.instances.contains { $0.work.asksPrograms }
    return try asks
      && Survey(self, targets: targets, keepsRecorded: false).findings.contains {
        $0.state != .upToDate && $0.state != .unpublished
      }
  }

  /// Makes the store where there is none yet, before anything is done that it is for. One that cannot be written to may
  /// still have all that is asked for.
  private func makeStore() throws {
    do { try store.make() } catch let error as Failure where error.code == .system {}
  }

  /// How many actions run at once: what was asked for, as far as there are file descriptors for it.
  func jobs(_ options: RunOptions) -> (count: Int, note: String?) {
    let wanted = options.jobs > 0 ? options.jobs : Processors.available
    let most = OpenFiles.room / OpenFiles.ofAction
    if wanted <= most { return (wanted, nil) }
    return (
      max(1, most),
      "\(max(1, most)) stages run at once, not \(wanted): there are descriptors for \(OpenFiles.limit) open files (ulimit -n)"
    )
  }
}
