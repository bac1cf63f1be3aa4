import Actions
import Artefacts
import JSON
import Synchronization
import System

/// Tells those who wait for an action, or ask for the status of a pipeline, how far it is: once it has run for a second, and then
/// every few seconds.
final class LeaseTeller: Sendable {
  private let lease: Lease
  private let stage: String
  private let start = ContinuousClock.now
  private let progress = Mutex<OperationContext.Progress?>(nil)
  /// How long after the start it tells again.
  private let due = Mutex(Duration.seconds(1))

  private init(_ lease: Lease, stage: String) {
    self.lease = lease
    self.stage = stage
  }

  /// Runs something that reports its progress, and passes that on.
  static func run<Result: Sendable>(
    _ lease: Lease, stage: String, report: @escaping @Sendable (OperationContext.Progress) -> Void,
    _ body: (@escaping @Sendable (OperationContext.Progress) -> Void) async -> Result
  ) async -> Result {
    let teller = LeaseTeller(lease, stage: stage)
    let subscription = Ticker.shared.add { teller.tick() }
    defer { withExtendedLifetime(subscription) {} }
    return await body { progress in
      teller.progress.withLock { $0 = progress }
      report(progress)
    }
  }

  private func tick() {
    let passed = ContinuousClock.now - start
    let isDue = due.withLock { due in
      if passed < due { return false }
      due = passed + .seconds(3)
      return true
    }
    if isDue { lease.tell(about) }
  }

  private var about: JSON {
    var members: [String: JSON] = [
      "stage": .string(stage), "host": .string(Machine.name),
      "seconds": .integer(Int64((ContinuousClock.now - start).components.seconds)),
    ]
    if let progress = progress.withLock({ $0 }) {
      members["fraction"] = progress.fraction.map { .number($0) }
      members["progress"] = .string(progress.text)
    }
    return .object(members)
  }
}
