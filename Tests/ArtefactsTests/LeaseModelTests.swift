import Testing

/// The protocol of leases as a model, all of whose interleavings are tried.
///
/// Three processes want the same action done. A step of the model is one call of the system, as in `Leases`, `LeaseWatch` and
/// `Computed.commit`; between any two of them any process may be stopped, go on, or be killed. Time is only what an observer
/// makes of it: it takes an owner for dead if that was dead or stopped each time that it looked, as a living one is seen
/// to be alive.
private struct Model: Hashable {
  enum Step: UInt8 {
    /// Looks whether the action is recorded.
    case look
    /// Renames its folder to the lease's name.
    case take
    /// Looks once more, now that it has the right.
    case lookAgain
    case compute
    /// Renames its record into place, unless there is one.
    case record
    /// Removes its file from the lease's folder.
    case remove
    /// Removes the lease's folder, if it is empty.
    case removeFolder
    /// Watches the lease: sees whose it is.
    case watch
    /// Has seen the owner dead or stopped once, twice.
    case watchedOnce, watchedTwice
    /// Removes the file of the owner it has taken for dead.
    case bury
    case buryFolder
    case done
  }

  enum Life: UInt8 { case running, stopped, dead }

  struct Process: Hashable {
    var step = Step.look
    var life = Life.running
    /// The owner that it watches.
    var watched: UInt8 = 0
    /// Whether it has computed: what it then removes and records is its own.
    var hasComputed = false
    /// Whether it was stopped since it took the right.
    var wasStopped = false
  }

  var processes = [Process](repeating: Process(), count: 3)
  /// Whose files stand in the lease's folder, a bit each; nil if there is no folder.
  var folder: UInt8?
  /// Who recorded the action first.
  var recorded: UInt8?
  var computations = 0
  /// How often processes may still be stopped or killed: without an end there would be no end.
  var harm = 2
  /// Whether files are removed whoever's they are, as if all had one name.
  var isCareless = false
  var fault: String?

  /// All that can happen next.
  var successors: [Model] {
    processes.indices.flatMap { number -> [Model] in
      switch processes[number].life {
      case .dead: return []
      case .stopped:
        var next = self
        next.processes[number].life = .running
        return [next]
      case .running:
        guard processes[number].step != .done else { return [] }
        var all = [stepping(number)]
        if harm > 0 {
          var stopped = self
          stopped.harm -= 1
          stopped.processes[number].life = .stopped
          stopped.processes[number].wasStopped = true
          all.append(stopped)
          var dead = self
          dead.harm -= 1
          dead.processes[number].life = .dead
          all.append(dead)
        }
        return all
      }
    }
  }

  func stepping(_ number: Int) -> Model {
    var next = self
    next.step(number)
    return next
  }

  private mutating func step(_ number: Int) {
    let own = UInt8(1) << UInt8(number)
    switch processes[number].step {
    case .look:
      processes[number].step = recorded == nil ? .take : .done
    case .take:
      guard folder == nil || folder == 0 else {
        processes[number].step = .watch
        return
      }
      for (other, process) in processes.enumerated() where other != number {
        if process.step == .compute && process.life != .dead && !process.wasStopped {
          fault = "\(number) takes the right while \(other) computes, which has never been stopped"
        }
      }
      folder = own
      processes[number].wasStopped = false
      processes[number].step = .lookAgain
    case .lookAgain:
      processes[number].step = recorded == nil ? .compute : .remove
    case .compute:
      computations += 1
      processes[number].hasComputed = true
      processes[number].step = .record
    case .record:
      if recorded == nil { recorded = UInt8(number) }
      processes[number].step = .remove
    case .remove:
      if let content = folder { folder = isCareless ? 0 : content & ~own }
      processes[number].step = .removeFolder
    case .removeFolder:
      if folder == 0 { folder = nil }
      processes[number].step = recorded == nil ? .look : .done
    case .watch:
      guard let content = folder,
        let owner = processes.indices.first(where: { content >> UInt8($0) & 1 == 1 })
      else {
        processes[number].step = .look
        return
      }
      processes[number].watched = UInt8(owner)
      if processes[owner].life != .running { processes[number].step = .watchedOnce }
    case .watchedOnce, .watchedTwice:
      let owner = Int(processes[number].watched)
      guard let content = folder, content >> UInt8(owner) & 1 == 1 else {
        processes[number].step = .watch
        return
      }
      if processes[owner].life == .running {
        processes[number].step = .watch
      } else {
        processes[number].step = processes[number].step == .watchedOnce ? .watchedTwice : .bury
      }
    case .bury:
      let owner = processes[number].watched
      if let content = folder { folder = isCareless ? 0 : content & ~(UInt8(1) << owner) }
      processes[number].step = .buryFolder
    case .buryFolder:
      if folder == 0 { folder = nil }
      processes[number].step = .look
    case .done: break
    }
    if let content = folder, content.nonzeroBitCount > 1 { fault = "two have the right" }
  }

  /// Whether a process that runs gets done if the others do nothing any more.
  func getsDone(alone number: Int) -> Bool {
    var model = self
    for other in processes.indices where other != number && model.processes[other].life == .running {
      if model.processes[other].step != .done { model.processes[other].life = .stopped }
    }
    for _ in 0..<40 where model.processes[number].step != .done { model.step(number) }
    return model.processes[number].step == .done
  }
}

@Suite struct LeaseModelTests {
  /// Tries all interleavings.
  /// - Returns: what is wrong with the first that goes wrong, how many states there are, and how often one action was computed.
  private func explore(_ start: Model) -> (fault: String?, states: Int, computations: Int) {
    var seen: Set<Model> = [start]
    var open = [start]
    var most = 0
    while let model = open.popLast() {
      for next in model.successors {
        let accidents = start.harm - next.harm
        var fault = next.fault
        if let before = model.recorded, next.recorded != before {
          fault = "another record has come in place of the first"
        }
        if next.computations > 1 + accidents {
          fault = "computed \(next.computations) times after \(accidents) accidents"
        }
        guard fault == nil, seen.insert(next).inserted else {
          if let fault { return ("\(fault): \(next)", seen.count, most) }
          continue
        }
        most = max(most, next.computations)
        open.append(next)
        for number in next.processes.indices where next.processes[number].life == .running {
          if !next.getsDone(alone: number) { return ("\(number) never gets done: \(next)", seen.count, most) }
        }
      }
    }
    return (nil, seen.count, most)
  }

  @Test
  func
    `Whatever is stopped, goes on late or dies, one at a time computes, the first record stays, and nobody waits for ever`()
  {
    let (fault, states, computations) = explore(Model())
    #expect(fault == nil)
    // It was tried: there are accidents after which work is done again.
    #expect(computations > 1 && states > 10_000)
  }

  @Test func `If files were removed whoever's they are, two would compute at once`() {
    var careless = Model()
    careless.isCareless = true
    careless.harm = 3
    #expect(explore(careless).fault != nil)
  }
}
