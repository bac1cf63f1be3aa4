import Actions
import Artefacts
public import JSON
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

/// What another process tells of an action that it computes.
public struct RunningElsewhere: Sendable {
  /// Empty if it has told nothing yet.
  public let host: String
  /// How long it had been at it when it last told.
  public let seconds: Int
  /// From 0 to 1, where it can be known.
  public let fraction: Double?
  public let progress: String

  /// - Parameter about: from whoever can write to the store.
  init(_ about: JSON) {
    func text(_ name: String) -> String { String((about[name]?.string ?? "").visible().prefix(200)) }
    host = text("host")
    seconds = max(0, about["seconds"]?.integer ?? 0)
    fraction = about["fraction"]?.double.flatMap { 0...1 ~= $0 ? $0 : nil }
    progress = text("progress")
  }

  public var json: JSON {
    [
      "host": .string(host), "seconds": .integer(Int64(seconds)),
      "fraction": fraction.map { .number($0) } ?? .null,
      "progress": .string(progress),
    ]
  }

  /// `on host a since 3 min, step 640 of 800`; empty if nothing is known.
  public var text: String {
    if host.isEmpty { return "" }
    let time =
      seconds < 120 ? "\(seconds) s" : seconds < 7200 ? "\(seconds / 60) min" : "\(seconds / 3600) h"
    let part = progress.isEmpty ? fraction.map { "\(Int($0 * 100)) %" } : progress
    return "on host \(host) since \(time)" + (part.map { ", \($0)" } ?? "")
  }
}
