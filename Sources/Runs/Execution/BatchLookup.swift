import Actions
import Artefacts
import Pipeline

/// Finds out which of a batch of instances are recorded. All that they depend on is done.
struct BatchLookup: Sendable {
  /// An instance with what it needs to become an action.
  struct Item: Sendable {
    let number: Int
    let instance: StageInstance
    /// The instances that it depends on, by name.
    let producers: [String: Producer]
    /// Whether it runs even if it is recorded.
    let isAnew: Bool
    /// Whether other instances of the run read it: then it need not be in the store before one of these does.
    let isRead: Bool
  }

  enum Finding: Sendable {
    case hit(KnownInstance)
    /// - Parameter remark: why it runs although there is a record.
    ///   - lacks: what it reads and is elsewhere than in the store.
    case miss(Action, remark: String?, lacks: [Artefact])
    /// The container image that it runs in is not to be had, and without it nobody knows what it is.
    case imageLost(Digest)
    case failed(PipelineError)
    /// The run was ended before it was looked at.
    case unseen
  }

  let engine: Engine
  let list: RunList
  let items: [Item]
  /// Of an instance that was made in this run no other is made, even if everything is to run.
  let made: Set<Digest>
  let suggestion: @Sendable (String) -> String?
  /// Called with what takes long, for people.
  let tell: @Sendable (String) -> Void

  func run() async -> [(number: Int, finding: Finding)] {
    var actions: [Result<Action, any Error>] = []
    for item in items {
      do {
        try Task.checkCancellation()
        actions.append(.success(try await action(of: item)))
      } catch {
        actions.append(.failure(error))
      }
    }
    // Before anything of theirs is looked for, so that nobody collects it any more.
    list.add(actions.compactMap { try? $0.get().key })
    let findings = zip(items, actions).map { item, action in (item.number, finding(of: item, action)) }
    return engine.sources.isEmpty ? findings : await searched(findings)
  }

  /// Looks elsewhere for what the store does not have.
  private func searched(_ findings: [(number: Int, finding: Finding)]) async -> [(
    number: Int, finding: Finding
  )] {
    let isAnew = Set(items.lazy.filter(\.isAnew).map(\.number))
    let missing = findings.compactMap { number, finding -> Action? in
      if case .miss(let action, _, _) = finding, !isAnew.contains(number) { action } else { nil }
    }
    let found = await engine.foundElsewhere(missing)
    return findings.map { number, finding in
      guard case .miss(let action, let remark, _) = finding else { return (number, finding) }
      if !isAnew.contains(number), let record = found[action.key] {
        engine.failures.forget(action)
        return (number, .hit(KnownInstance(action, outputs: record.outputs)))
      }
      return (number, .miss(action, remark: remark, lacks: engine.lacking(action)))
    }
  }

  private func finding(of item: Item, _ action: Result<Action, any Error>) -> Finding {
    do {
      let action = try action.get()
      if item.isAnew, !made.contains(action.key) { return .miss(action, remark: nil, lacks: []) }
      switch try engine.lookup(action) {
      case .hit(let record): return .hit(KnownInstance(action, outputs: record.outputs))
      case .removed(let record) where item.isRead && !item.isAnew:
        return .hit(KnownInstance(action, outputs: record.outputs))
      case .miss, .lost, .removed: return .miss(action, remark: nil, lacks: [])
      case .distrusted(let reason):
        return .miss(
          action, remark: "\(item.instance.name) runs, although it is recorded: \(reason)", lacks: [])
      }
    } catch is CancellationError {
      return .unseen
    } catch let lost as LostImage {
      return .imageLost(lost.artefact.digest)
    } catch {
      return .failed(PipelineError(wrapping: error, in: item.instance))
    }
  }

  /// The action of an instance, for which a program may have to be asked for its version, or a container image be fetched.
  private func action(of item: Item) async throws -> Action {
    var fetched: Set<Digest> = []
    while true {
      do {
        return try engine.resolver.action(
          for: item.instance, producers: item.producers, suggestion: suggestion)
      } catch let unknown as UnknownIdentity {
        try await unknown.findOut(tell)
      } catch let lost as LostImage {
        guard !engine.sources.isEmpty, fetched.insert(lost.artefact.digest).inserted else { throw lost }
        tell("\(item.instance.name): fetches its container image")
        if try await !engine.fetch([lost.artefact], all: false).isEmpty { throw lost }
      }
    }
  }
}
