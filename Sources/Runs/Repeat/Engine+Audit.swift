import Actions
import Artefacts
import Pipeline
import System

extension Engine {
  /// Computes some actions once more that somebody else has recorded, drawn at random, each by itself with the inputs that it had, in a
  /// scratch folder. Nothing is recorded; of one that made the same it is noted that this user has found so.
  ///
  /// Looks at the store's own records and at what other places have said (`told/`). What is missing in the store is fetched from
  /// the engine's sources.
  ///
  /// - Parameters:
  ///   - targets: stages, instances or globs; the pipeline's defaults if empty; with all that they need.
  ///   - count: how many, at most. For one that is left out another one is drawn.
  ///   - seed: of the draw: the same records and seed draw the same.
  ///   - runsCommands: whether commands are drawn, too.
  ///   - compare: looks at what was made while its files are there.
  ///   - isSame: whether a report says that the same was made.
  public func audit<Report: Sendable>(
    targets: [String], options: RunOptions = RunOptions(), count: Int, seed: UInt64, runsCommands: Bool,
    observe: @escaping @Sendable (RunEvent) -> Void = { _ in },
    compare: @escaping @Sendable (Repetition) throws -> Report, isSame: @escaping @Sendable (Report) -> Bool
  ) async throws -> Audit<Report> {
    try await withTaskExecutorPreference(TaskThreads.shared) {
      var engine = self
      engine.heedsTold = true
      // What other versions have made is not for those that are here to be compared with.
      let survey =
        runsCommands
        ? try await engine.surveyedAskingVersions(targets) : try Survey(engine, targets: targets)
      var seen: Set<Digest> = []
      var foreign: [(finding: Survey.Finding, standing: Trust.Standing)] = []
      for finding in survey.findings {
        guard let record = finding.record, seen.insert(record.key).inserted else { continue }
        let standing = try trust.standing(of: record, in: store)
        if standing != .own { foreign.append((finding, standing)) }
      }
      let eligible = foreign.indices.filter { runsCommands || !foreign[$0].finding.isCommand }
      let drawn = Engine.shuffled(
        eligible.sorted { foreign[$0].finding.record!.key < foreign[$1].finding.record!.key }, seed)
      var missing = min(count, drawn.count)
      observe(.planned(missing))
      var entries: [Int: Audit<Report>.Entry] = [:]
      for index in drawn where missing > 0 {
        let (finding, standing) = foreign[index]
        let outcome = await engine.audit(
          finding, jobs(options).count, observe: observe, compare: compare, isSame: isSame)
        try Task.checkCancellation()
        if case .leftOut = outcome {} else { missing -= 1 }
        let key = finding.record!.key
        entries[index] = Audit.Entry(
          instance: finding.instance.name, key: key, standing: standing, place: store.originOfTold(key),
          outcome: outcome)
      }
      return Audit(
        foreign: foreign.count, commands: foreign.count - eligible.count,
        entries: entries.sorted { $0.key < $1.key }.map(\.value))
    }
  }

  private func audit<Report: Sendable>(
    _ finding: Survey.Finding, _ places: Int, observe: @escaping @Sendable (RunEvent) -> Void,
    compare: @escaping @Sendable (Repetition) throws -> Report, isSame: @Sendable (Report) -> Bool
  ) async -> Audit<Report>.Outcome {
    let (action, record) = (finding.action!, finding.record!)
    do {
      if let lost = try await fetch(lackingInStore(action.inputs.flatMap(\.members)), all: false).first {
        return .leftOut("its input \(lost.digest.short) is not in the store")
      }
      // Without what is recorded it can be told that something differs, and not by how much.
      _ = try? await fetch(record.outputs.map(\.artefact), all: true)
    } catch {
      return .failed(PipelineError(wrapping: error, in: action))
    }
    let repeating = Repeating(
      engine: self, action: action, record: record,
      threads: finding.instance.resources.cores ?? max(1, Processors.available / max(1, places)))
    switch await repeating.run(
      isRecording: false, observe: observe, compare: { (try compare($0), $0.seconds) })
    {
    case .failed(let error): return .failed(error)
    case .done((let report, let seconds)):
      if isSame(report) { makings.confirm(record, seconds: seconds) }
      return .done(report)
    }
  }

  private func lackingInStore(_ members: [ActionInput.Member]) -> [Artefact] {
    members.lazy.filter { $0.origin == .store }.map(\.artefact).filter { (try? store.isWhole($0)) == false }
  }

  /// A list in another order (Fisher and Yates). Its start does not depend on how much of it is used.
  private static func shuffled(_ list: [Int], _ seed: UInt64) -> [Int] {
    var list = list
    var random = SplitMix(state: seed)
    for place in list.indices { list.swapAt(place, Int.random(in: place..<list.count, using: &random)) }
    return list
  }
}

extension Survey.Finding {
  fileprivate var isCommand: Bool { if case .command = instance.work { true } else { false } }
}

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
private struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
