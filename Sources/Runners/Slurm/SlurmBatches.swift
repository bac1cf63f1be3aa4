import Actions
import Synchronization
import System

/// Gathers actions of a stage that may be one job: until there are as many as the stage says, or no more come for a moment.
final class SlurmBatches: Sendable {
  struct Member: Sendable {
    let action: Action
    let ticket: ActionTicket
    let watcher: ActionWatcher
  }

  /// A job that was submitted.
  struct Submitted: Sendable {
    let number: Int
    /// The file to which Slurm and its shell print.
    let printed: String
    /// Whether it does one action only.
    let isAlone: Bool
  }

  typealias Submit = @Sendable ([Member]) async throws -> Submitted

  private struct Key: Hashable {
    let stage: Substring
    let resources: Resources
  }

  private struct Batch {
    let number: UInt64
    let begun = ContinuousClock.now
    var changed = ContinuousClock.now
    var members: [Member] = []
    var waiting: [CheckedContinuation<Submitted, any Error>] = []
    var isCancelled: [Bool] = []
  }

  private struct State {
    var open: [Key: Batch] = [:]
    /// Batches that are being submitted, with how many of their members want them no more.
    var sent: [UInt64: (task: Task<Void, Never>?, left: Int)] = [:]
    var last: UInt64 = 0
  }

  private let state = Mutex(State())

  private static let moment = Duration.milliseconds(500)
  private static let longest = Duration.seconds(5)

  /// The job of an action, submitted with others.
  func job(for member: Member, size: Int, submit: @escaping Submit) async throws -> Submitted {
    let key = Key(stage: member.action.name.prefix { $0 != "[" }, resources: member.action.resources)
    // Which batch and place it got, for whoever cancels it.
    let place = Mutex<(batch: UInt64, index: Int)?>(nil)
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let (full, isFirst) = state.withLock { state -> (Batch?, Bool) in
          let isFirst = state.open[key] == nil
          if isFirst { state.last += 1 }
          var batch = state.open.removeValue(forKey: key) ?? Batch(number: state.last)
          place.withLock { $0 = (batch.number, batch.members.count) }
          batch.members.append(member)
          batch.waiting.append(continuation)
          batch.isCancelled.append(Task.isCancelled)
          batch.changed = .now
          if batch.members.count >= size { return (batch, false) }
          state.open[key] = batch
          return (nil, isFirst)
        }
        if let full { send(full, submit) } else if isFirst { gather(key, submit) }
      }
    } onCancel: {
      place.withLock { $0 }.map { cancel(key, $0.batch, $0.index) }
    }
  }

  private func gather(_ key: Key, _ submit: @escaping Submit) {
    let number = state.withLock { $0.open[key]?.number }
    Task.detached { [self] in
      while true {
        try? await Task.sleep(for: .milliseconds(100))
        let now = ContinuousClock.now
        let (batch, isOver) = state.withLock { state -> (Batch?, Bool) in
          guard let batch = state.open[key], batch.number == number else { return (nil, true) }
          guard now - batch.changed >= SlurmBatches.moment || now - batch.begun >= SlurmBatches.longest else {
            return (nil, false)
          }
          state.open[key] = nil
          return (batch, true)
        }
        if let batch { send(batch, submit) }
        if isOver { return }
      }
    }
  }

  private func send(_ batch: Batch, _ submit: @escaping Submit) {
    let left = batch.isCancelled.count { !$0 }
    state.withLock { $0.sent[batch.number] = (nil, left) }
    let task = Task.detached { [self] in
      let result: Result<Submitted, any Error>
      do {
        try Task.checkCancellation()
        result = .success(try await submit(batch.members))
      } catch { result = .failure(error) }
      state.withLock { $0.sent[batch.number] = nil }
      for continuation in batch.waiting { continuation.resume(with: result) }
    }
    let isUnwanted = state.withLock { state in
      state.sent[batch.number]?.task = task
      return state.sent[batch.number].map { $0.left <= 0 } ?? false
    }
    if isUnwanted { task.cancel() }
  }

  private func cancel(_ key: Key, _ number: UInt64, _ index: Int) {
    let task = state.withLock { state -> Task<Void, Never>? in
      if state.open[key]?.number == number {
        state.open[key]?.isCancelled[index] = true
        return nil
      }
      state.sent[number]?.left -= 1
      return state.sent[number].flatMap { $0.left <= 0 ? $0.task : nil }
    }
    task?.cancel()
  }
}
