import ArgumentParser

extension Brake.Run {
  /// A run that is asked for in the plainest way: with no other options than -C, -f, --store, -j and -k, each once and
  /// before its value if it has one. Nil for all else, be it wrong or not.
  ///
  /// It is what ArgumentParser makes of the same words, which takes as long as to see that a thousand stages are up to date.
  init?(plain arguments: [String]) {
    var words = arguments[...]
    if words.first == "run" { words.removeFirst() }
    let names = Set(Brake.configuration.subcommands.map { $0._commandName } + ["help"])
    var workspace = Workspace()
    (workspace.folder, workspace.store) = (nil, nil)
    var (file, jobs, keepGoing, targets) = (nil as String?, nil as Int?, false, [] as [String])
    var seen: Set<String> = []
    while let word = words.popFirst() {
      if word.hasPrefix("-"), !seen.insert(word.hasPrefix("-j") ? "-j" : word).inserted { return nil }
      switch word {
      case "-k": keepGoing = true
      case "-C", "-f", "--store", "-j":
        guard let value = words.popFirst(), !value.isEmpty, !value.hasPrefix("-") else { return nil }
        switch word {
        case "-C": workspace.folder = value
        case "-f": file = value
        case "--store": workspace.store = value
        default: jobs = Int(value)
        }
      case _ where word.hasPrefix("-j"): jobs = Int(word.dropFirst(2))
      case _ where word.isEmpty || word.hasPrefix("-") || names.contains(word): return nil
      default: targets.append(word)
      }
      if word.hasPrefix("-j"), jobs.map({ $0 < 1 }) ?? true { return nil }
    }
    self.init()
    pipeline = PipelineOptions()
    (pipeline.workspace, pipeline.file, pipeline.trusting) = (workspace, file, TrustOption())
    pipeline.trusting.groups = nil
    self.jobs = JobsOption()
    self.jobs.jobs = jobs
    given = Targets()
    given.arguments = targets
    self.keepGoing = keepGoing
    (dryRun, always, question, json, watch, checkDeterminism, detach) = (
      false, false, false, false, false, false, false
    )
    (events, trace) = (nil, nil)
    runner = RunnerOption()
    runner.runner = nil
    cache = RemoteCache()
    (cache.use, cache.remote) = (nil, nil)
  }
}
