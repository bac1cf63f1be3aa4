import Actions
import Artefacts
import Pipeline

extension Execution {
  mutating func handle(_ event: Event) {
    switch event {
    case .lookedUp(let findings): lookedUp(findings)
    case .ran(let number, let outcome, let lease):
      leases[number] = lease
      endGrowth(of: number)
      ran(number, outcome)
    case .found(let number, let record):
      endGrowth(of: number)
      for each in schedule.found(number) { settle(each, record.outputs) }
    case .leased(let number):
      // It may have lost the right while it ran: then the other process begins.
      if actions[number]?.resumes == false { growth[number]?.beginAnew() }
      schedule.leased(number)
    case .released(let number):
      // What the other process has made counts only as far as this one goes on from it.
      endGrowth(of: number)
      schedule.released(number)
    case .crowded(let number):
      observe(.progress(instance: instances.name(number), fraction: nil, text: GraphicsShare.waits))
      schedule.crowded(number)
    case .hasGraphics(let number, let share, let told):
      if let told { noted.insert(told) }
      graphics[number] = share
      schedule.released(number)
    case .fetched(let number, let missing):
      if let first = missing.first {
        let reasons = missing.map { ($0.digest, $0.reason) }
        repair(first.digest, for: number, reasons: Dictionary(reasons) { first, _ in first })
      } else {
        schedule.fetched(number)
      }
    case .notFetched(let number, let error): fail(number, error)
    case .stored(let batch): stored(batch)
    case .due(let number): schedule.due(number)
    case .published(let ends, let publisher):
      self.publisher = publisher
      schedule.endedPublishing()
      for (number, failure) in ends {
        if let failure { notPublished(number, failure) } else { finish(number) }
      }
    case .planned(let plan, let selection, let faults):
      isPlanning = false
      self.plan = plan
      adopt(selection)
      leaveOut(faults)
    case .notPlanned(let error):
      isPlanning = false
      // What waits for these keys is not planned once more.
      selection = Plan.Selection(instances: selection.instances, targets: selection.targets, deferred: [])
      notPlanned(error)
    case .grew(let number, let watch, let growth): grew(number, watch, growth)
    case .plannedAhead(let planned, let start): plannedAhead(planned, since: start)
    case .restedAhead: restedAhead()
    case .lookedUpAhead(let findings): lookedUpAhead(findings)
    case .ranAhead(let name, let action, let end): ranAhead(name, action, end)
    }
  }

  mutating func lookedUp(_ findings: [(number: Int, finding: BatchLookup.Finding)]) {
    schedule.endedLookUp()
    for (number, finding) in findings {
      switch finding {
      case .hit(let found):
        known[number] = found
        noteAhead(number, found.key, isFound: true)
        if ahead.runs(found.key) {
          // It has just been recorded, and is about to be told.
          actions[number] = nil
          held[found.key, default: []].append(number)
        } else {
          schedule.hit(number)
        }
      case .miss(let action, let remark, let lacks):
        if let outputs = madeAhead(number, action) {
          known[number] = KnownInstance(action, outputs: outputs)
          noteAhead(number, action.key, isFound: true)
          schedule.hit(number)
          continue
        }
        if let remark { observe(.note(remark)) }
        tell(
          action.inputs.filter(\.members.isEmpty).map {
            "\(instances.name(number)) reads nothing by its input '\($0.name)': that has no instances or members"
          })
        actions[number] = action
        announced.remove(number)
        self.lacks[number] = lacks.isEmpty ? nil : lacks
        if !schedule.isRepaired(number) { noteAhead(number, action.key, isFound: false) }
        if ahead.runs(action.key) {
          held[action.key, default: []].append(number)
        } else {
          miss(number, action)
        }
      case .imageLost(let digest):
        takeBack(instances.name(number))
        repair(digest, for: number)
      case .failed where remembered != nil:
        // A plan may say better what is wrong.
        schedule.unseen(number)
        planEverything()
      case .failed(let error):
        takeBack(instances.name(number))
        fail(number, error)
      case .unseen: schedule.unseen(number)
      }
    }
  }

  mutating func miss(_ number: Int, _ action: Action) {
    schedule.miss(
      number, key: action.key, demand: engine.runner.demand(action.resources), isLacking: lacks[number] != nil
    )
  }

  mutating func ran(_ number: Int, _ outcome: ActionRun.Outcome) {
    switch outcome {
    case .computed(let result):
      computed[number] = result
      seconds[number] = result.seconds
      schedule.computed(number, seconds: result.seconds)
    case .failed(let error, let seconds, let notes):
      tell(notes)
      leases.removeValue(forKey: number)?.release()
      if Task.isCancelled { return schedule.abandoned(number) }
      self.seconds[number] = seconds
      fail(number, error)
    case .inputLost(let digest, let isMissing):
      leases.removeValue(forKey: number)?.release()
      // Another process may have brought it back, or this run may have made it again for another instance.
      if isMissing, isThereAgain(digest, for: number) {
        let (_, given) = schedule.inputChanged(number)
        for each in given {
          report(each, PipelineError(wrapping: engine.store.comesAndGoes(digest), in: instances[each]))
        }
      } else {
        repair(digest, for: number)
      }
    case .inputChanged(let input):
      leases.removeValue(forKey: number)?.release()
      let (again, given) = schedule.inputChanged(number)
      for each in again {
        observe(
          .note(
            "\(instances.name(each)) is planned again: its input '\(input)' has changed since the run began"))
      }
      for each in given {
        report(
          each,
          PipelineError(
            "the input '\(input)' changes again and again", at: instances[each].position,
            facts: [("stage", instances.name(each))], hint: "run again when nothing writes to it any more"))
      }
    }
  }

  mutating func stored(_ batch: [Stored]) {
    var (finished, lost): ([Finished], [(number: Int, error: PipelineError)]) = ([], [])
    for each in batch {
      switch each.result {
      case .success(let result): finished.append(Finished(number: each.number, result: result))
      case .failure(let error): lost.append((each.number, error))
      }
    }
    let twins = schedule.stored(finished.map(\.number))
    for each in finished {
      let result = each.result
      leases.removeValue(forKey: each.number)?.release()
      noteStored(result)
      settle(each.number, result.record.outputs)
      for twin in twins[each.number] ?? [] { settle(twin, result.record.outputs) }
    }
    for (number, error) in lost { fail(number, error) }
  }

  /// A result is recorded.
  mutating func noteStored(_ result: Computed) {
    engine.failures.forget(result.action)
    SavedFiles(store: engine.store).forget(result.action.key)
    tell(result.notes)
    if !result.isAnothers {
      engine.makings.note(result.record, result.making)
    }
  }

  /// The outputs of an instance are recorded.
  mutating func settle(_ number: Int, _ outputs: [Record.Output]) {
    leases.removeValue(forKey: number)?.release()
    if let action = actions[number] { known[number] = KnownInstance(action, outputs: outputs) }
  }

  mutating func finish(_ number: Int) {
    let before = instances.outputs(rememberedOf: number)
    noteReplaced(number)
    schedule.finish(number, isChanged: before == nil || before != known[number]!.outputs)
    let hit = schedule.state(of: number) == .done(hit: true)
    actions[number] = nil
    ahead.noteProgress()
    // Of what was computed ahead, this was told then.
    if !(hit && wereAhead.contains(number)) {
      let name = instances.name(number)
      observe(.made(instance: name, key: known[number]!.key, outputs: known[number]!.outputs))
      observe(
        .finished(
          instance: name, outcome: hit ? .hit : .ran, seconds: hit ? 0 : seconds[number] ?? 0)
      )
    }
    noteKeys(of: number)
  }

  mutating func notPublished(_ number: Int, _ failure: PublishFailure) {
    guard let lost = failure.lost else { return fail(number, failure.error) }
    if schedule.outputLost(number) { noteRepair(number, lost) } else { report(number, failure.error) }
  }

  /// Whether an input that was missing is whole now, if need be since it was only set aside.
  private func isThereAgain(_ digest: Digest, for number: Int) -> Bool {
    let input = actions[number]?.storedArtefacts.first { $0.digest == digest }
    return input.map(engine.store.hasBack) ?? false
  }

  /// What an action lacks of what it reads: what it has missed, and what it would miss next.
  private func lost(_ digest: Digest, for number: Int) -> [Digest] {
    let inputs = actions[number]?.storedArtefacts ?? []
    let lost = inputs.filter { $0.digest != digest && !engine.store.hasBack($0) }.map(\.digest)
    var seen: Set<Digest> = [digest]
    return [digest] + lost.filter { seen.insert($0).inserted }
  }

  /// Runs the producers of lost artefacts again, and then the action that missed them.
  /// - Parameter reasons: why some could not be fetched, where other places were asked.
  mutating func repair(_ digest: Digest, for number: Int, reasons: [Digest: String?] = [:]) {
    let (instances, known) = (instances, known)
    let lost = lost(digest, for: number)
    func producer(_ each: Int, of digest: Digest) -> Int? {
      instances.dependencies(of: each).first { dependency in
        (known[dependency]?.outputs ?? instances.outputs(rememberedOf: dependency) ?? [])
          .contains { $0.artefact.digest == digest }
      }
    }
    func producers(_ each: Int) -> [Int] {
      let found = lost.map { producer(each, of: $0) }
      var seen: Set<Int> = []
      return found.contains(nil) ? [] : found.compactMap(\.self).filter { seen.insert($0).inserted }
    }
    let (again, given) = schedule.inputLost(number, producers: producers)
    for each in again {
      let digest = lost.first { producer(number, of: $0) == each } ?? digest
      noteRepair(each, digest, reasons[digest] ?? nil)
    }
    for each in given {
      let orphan = lost.first { producer(each, of: $0) == nil }
      report(
        each,
        PipelineError(
          "an input is missing or damaged in the store", at: instances[each].position,
          facts: [("stage", instances.name(each)), ("input", (orphan ?? digest).description)],
          hint: orphan == nil
            ? "the stage '\(instances.name(producer(each, of: digest)!))' has made it again, and it is lost again: check the disk"
            : "no stage of this pipeline makes it: put it into the store again"
        ))
    }
  }

  /// - Parameter reason: why it could not be fetched; nil if no other place was asked.
  mutating func noteRepair(_ number: Int, _ digest: Digest, _ reason: String? = nil) {
    outputsBefore[number] = known[number]?.outputs ?? instances.outputs(rememberedOf: number)
    let isRemoved = (try? engine.store.removedObjects().contains(digest)) == true
    let words =
      reason.map { "cannot be fetched: \($0)" }
      ?? (isRemoved ? "was removed to save room" : "is missing or damaged in the store")
    observe(.note("\(instances.name(number)) runs again: \(digest.short) \(words)"))
  }

  // MARK: Failures

  /// An instance failed, and with it all that are the same action, and all that wait for one of them.
  mutating func fail(_ number: Int, _ error: PipelineError) {
    leases.removeValue(forKey: number)?.release()
    let twins = schedule.failed(number)
    report(number, error)
    for twin in twins {
      report(
        twin,
        PipelineError(
          "the same action has failed for '\(instances.name(number))'", at: instances[twin].position,
          facts: [("stage", instances.name(twin))]))
    }
  }

  /// Tells of an instance that the schedule takes for failed.
  mutating func report(_ number: Int, _ error: PipelineError) {
    actions[number] = nil
    failures.append(error)
    observe(
      .finished(instance: instances.name(number), outcome: .failed(error), seconds: seconds[number] ?? 0))
  }

  /// Stages cannot be planned.
  private mutating func notPlanned(_ error: PipelineError) {
    schedule.noteFailure()
    failures.append(error)
    unplanned += 1
    observe(.note("\(error)"))
  }

  /// Tells once what is wrong with stages that are left out of the plan, and which these are.
  private mutating func leaveOut(_ faults: [PipelineError]) {
    let new = faults.filter { noted.insert("\($0)").inserted }
    for fault in new { notPlanned(fault) }
    let left = selection.deferred.filter(\.waitsForEver).map(\.stage)
    if !new.isEmpty, !left.isEmpty {
      tell(["what cannot be planned is left out: \(left.joined(separator: ", "))"])
    }
  }

  mutating func tell(_ notes: [String]) {
    for note in notes where noted.insert(note).inserted { observe(.note(note)) }
  }
}
