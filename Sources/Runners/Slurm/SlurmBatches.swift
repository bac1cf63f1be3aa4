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
    let name: String
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
  }

  /// What becomes of a batch until it is submitted.
  private struct Fate {
    /// Of the members that want it no more.
    var cancelled: Set<Int> = []
    /// How many members it has, once no more come.
    var count: Int?
    var task: Task<Void, Never>?

    var isUnwanted: Bool { count.map { cancelled.count >= $0 } ?? false }
  }

  private struct State {
    var open: [Key: Batch] = [:]
    var fates: [UInt64: Fate] = [:]
    var last: UInt64 = 0

    /// - Returns: the batch, to which nothing is added any more.
    mutating func close(_ key: Key) -> Batch? {
      guard let batch = open.removeValue(forKey: key) else { return nil }
      fates[batch.number]?.count = batch.members.count
      return batch
    }
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
          if isFirst {
            state.last += 1
            state.fates[state.last] = Fate()
          }
          var batch = state.open.removeValue(forKey: key) ?? Batch(number: state.last)
          let index = batch.members.count
          place.withLock { $0 = (batch.number, index) }
          if Task.isCancelled { state.fates[batch.number]?.cancelled.insert(index) }
          batch.members.append(member)
          batch.waiting.append(continuation)
          batch.changed = .now
          state.open[key] = batch
          return batch.members.count >= size ? (state.close(key), false) : (nil, isFirst)
        }
        if let full { send(full, submit) } else if isFirst { gather(key, submit) }
      }
    } onCancel: {
      place.withLock { $0 }.map { cancel($0.batch, $0.index) }
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
          return (state.close(key), true)
        }
        if let batch { send(batch, submit) }
        if isOver { return }
      }
    }
  }

  private func send(_ batch: Batch, _ submit: @escaping Submit) {
    let task = Task.detached { [self] in
      let result: Result<Submitted, any Error>
      do {
        try Task.checkCancellation()
        result = .success(try await submit(batch.members))
      } catch { result = .failure(error) }
      state.withLock { $0.fates[batch.number] = nil }
      for continuation in batch.waiting { continuation.resume(with: result) }
    }
    let isUnwanted = state.withLock { state in
      state.fates[batch.number]?.task = task
      return state.fates[batch.number]?.isUnwanted == true
    }
    if isUnwanted { task.cancel() }
  }

  private func cancel(_ number: UInt64, _ index: Int) {
    let task = state.withLock { state -> Task<Void, Never>? in
      state.fates[number]?.cancelled.insert(index)
      return state.fates[number].flatMap { $0.isUnwanted ? $0.task : nil }
    }
    task?.cancel()
  }
}
