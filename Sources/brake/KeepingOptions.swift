import ArgumentParser
import Runs
import System

/// What of a store is kept: the options of every command that asks what is needed.
struct KeepingOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Keep what the last so many different runs of each pipeline needed.", valueName: "n"))
  var runs = 10

  @Option(
    help: ArgumentHelp(
      "Keep what is newer than this, and for as long what was set aside: 0, 30m, 12h, 7d.", valueName: "time")
  )
  var grace = KeepingTime(seconds: 86_400)

  func validate() throws {
    guard 1...KeepingRules.mostRuns ~= runs else {
      throw ValidationError("--runs takes a number from 1 to \(KeepingRules.mostRuns), not \(runs)")
    }
  }

  var rules: KeepingRules {
    var rules = KeepingRules()
    rules.runs = runs
    rules.grace = .seconds(grace.seconds)
    return rules
  }
}

/// A time as people write it: `30m`, `12h`, `7d`.
struct KeepingTime: ExpressibleByArgument, CustomStringConvertible {
  let seconds: Int

  /// Ten years.
  private static let longest = 3650 * 86_400

  init(seconds: Int) { self.seconds = seconds }

  init?(argument: String) {
    let units = ["s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800]
    let unit = argument.last.flatMap { units[String($0)] }
    guard let count = Int(unit == nil ? argument : String(argument.dropLast())), 0...100_000 ~= count,
      unit != nil || count == 0, count * (unit ?? 1) <= KeepingTime.longest
    else { return nil }
    seconds = count * (unit ?? 1)
  }

  var description: String {
    for (name, unit) in [("d", 86_400), ("h", 3600), ("m", 60)] where seconds % unit == 0 && seconds > 0 {
      return "\(seconds / unit)\(name)"
    }
    return "\(seconds)s"
  }
  var defaultValueDescription: String { description }
}

/// `1.5G`, `1.5GiB` or `1.5GB`.
struct KeepingBudget: ExpressibleByArgument {
  let bytes: Int

  init?(argument: String) {
    // With none, all goes that can be made again.
    guard let bytes = ByteAmount.bytes(argument, mayBeNone: true) else { return nil }
    self.bytes = bytes
  }
}
