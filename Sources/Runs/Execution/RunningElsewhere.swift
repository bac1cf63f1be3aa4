public import JSON
import System

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
