import JSON

/// The value of a metric at a step of a training.
public struct MetricPoint: Sendable, Hashable {
  public let step: Double
  public let value: Double

  public init(step: Double, value: Double) {
    self.step = step
    self.value = value
  }
}

/// Finds a metric in lines of JSON that arrive piece by piece: in what `brake.log` tells,
/// `{"event":"log","metrics":{"loss":2.5},"step":100}`, and in plain lines, `{"loss":2.5,"step":100}`.
///
/// What is no such line, or has no finite number, is passed over, and so is a line of more than 64 KiB.
struct MetricLines {
  private let metric: String
  private var rest: [UInt8] = []
  private var isTooLong = false
  private var lines = 0
  /// The metrics that there are.
  private(set) var names: Set<String> = []

  private static let longestLine = 1 << 16
  private static let mostNames = 100
  private static let steps = ["step", "global_step", "iteration", "iter", "_step"]

  init(_ metric: String) { self.metric = metric }

  mutating func add(_ bytes: some Collection<UInt8>) -> [MetricPoint] {
    let parts = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    var points: [MetricPoint] = []
    for part in parts.dropLast() {
      if let point = end(part) { points.append(point) }
    }
    if let last = parts.last { append(last) }
    return points
  }

  /// The line that no line break ends, once nothing follows.
  mutating func end() -> MetricPoint? { end(EmptyCollection()) }

  private mutating func append(_ bytes: some Collection<UInt8>) {
    if isTooLong { return }
    rest += bytes
    if rest.count > MetricLines.longestLine {
      isTooLong = true
      rest = []
    }
  }

  private mutating func end(_ bytes: some Collection<UInt8>) -> MetricPoint? {
    append(bytes)
    defer {
      rest = []
      isTooLong = false
    }
    guard !isTooLong, !rest.isEmpty, let json = try? JSON(parsing: rest), let members = json.object else {
      return nil
    }
    if let event = json["event"], event.string != "log" { return nil }
    lines += 1
    let metrics = json["metrics"]?.object ?? members
    for (name, value) in metrics where names.count < MetricLines.mostNames && value.double != nil {
      if !MetricLines.steps.contains(name) { names.insert(name) }
    }
    guard let value = metrics[metric]?.double, value.isFinite else { return nil }
    let step = MetricLines.steps.lazy.compactMap { members[$0]?.double }.first ?? Double(lines)
    return MetricPoint(step: step, value: value)
  }
}
