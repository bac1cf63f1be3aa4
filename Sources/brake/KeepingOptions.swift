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

/// `1.5G` or `1.5GiB`, and `1.5GB` in powers of 1000, as brake prints amounts.
struct KeepingBudget: ExpressibleByArgument {
  let bytes: Int

  init?(argument: String) {
    let units = [("kB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12)]
    if let (unit, scale) = units.first(where: { argument.hasSuffix($0.0) }) {
      let number = argument.dropLast(unit.count)
      // Double would read 0x10 and 1e3, too.
      guard number.allSatisfy({ "0"..."9" ~= $0 || $0 == "." }), let amount = Double(number),
        0..<1e6 ~= amount
      else { return nil }
      bytes = Int(amount * scale)
    } else {
      guard let bytes = ByteAmount.bytes(argument) else { return nil }
      self.bytes = bytes
    }
  }
}
