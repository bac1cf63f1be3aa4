import Actions
import Artefacts
import System

extension StageLog {
  /// Where a stage's output `metrics` is, if it has a single one that is called so.
  struct Metrics: Sendable {
    /// In the folder of the command.
    let file: String
    /// Nil as long as it is not recorded.
    let digest: Digest?
  }

  /// Hands out the points of a metric: of a stage that runs, those so far and then, until it ends, those that it adds to what it tells
  /// (`brake.log`) or to its output `metrics`; otherwise those in that output.
  ///
  /// - Parameters:
  ///   - isFollowing: whether to wait for more of a stage that runs.
  ///   - pause: between two looks.
  ///   - body: called with what is new at each look, which may be nothing.
  /// - Returns: the metrics that there are, sorted.
  public func follow(
    metric: String, isFollowing: Bool = true, pause: Duration = .milliseconds(500),
    _ body: ([MetricPoint]) throws -> Void
  ) async throws -> [String] {
    var places: [String] = []
    switch place {
    case .none, .killed: return []
    case .running(let log):
      let scratch = parentFolder(of: log)
      places = ["\(scratch)/\(Scratch.eventsName)"] + (metrics.map { ["\(scratch)/work/\($0.file)"] } ?? [])
    case .failed(_, let work), .stopped(_, let work):
      places = [work, metrics?.file].contains(nil) ? [] : ["\(work!)/\(metrics!.file)"]
    case .recorded, .empty: return try recorded(metric, body)
    }
    var files = places.map { GrowingMetrics($0, metric: metric, files: store.files) }
    // What both have is told once.
    var teller: Int?
    while true {
      let wasRunning = isFollowing && isRunning
      for number in files.indices where teller == nil || teller == number {
        let points = try files[number].new(isLast: !wasRunning)
        if !points.isEmpty { teller = number }
        try body(points)
      }
      if !wasRunning { return Set(files.flatMap(\.names)).sorted() }
      try await Task.sleep(for: pause)
    }
  }

  private func recorded(_ metric: String, _ body: ([MetricPoint]) throws -> Void) throws -> [String] {
    guard let digest = metrics?.digest else { return [] }
    var lines = MetricLines(metric)
    try store.stream(digest) { try body(lines.add($0)) }
    try body([lines.end()].compactMap { $0 })
    return lines.names.sorted()
  }
}

/// A file of metrics that may not be there yet, and grows.
private struct GrowingMetrics {
  /// Kept open: when the stage ends, the file goes with the last lines in it.
  private final class Open {
    let file: InputFile

    init?(_ path: String, _ files: any FileSystem) {
      guard let file = try? InputFile(path, followingLinks: false, files: files) else { return nil }
      self.file = file
    }
  }

  private let path: String
  private let files: any FileSystem
  private var lines: MetricLines
  private var open: Open?
  private var offset = 0

  init(_ path: String, metric: String, files: any FileSystem) {
    self.path = path
    self.files = files
    lines = MetricLines(metric)
    open = Open(path, files)
  }

  var names: Set<String> { lines.names }

  /// - Parameter isLast: whether nothing will follow.
  mutating func new(isLast: Bool) throws -> [MetricPoint] {
    if open == nil { open = Open(path, files) }
    var points: [MetricPoint] = []
    if let open { offset = try open.file.forEachPiece(from: offset) { points += lines.add($0) } }
    if isLast, let point = lines.end() { points.append(point) }
    return points
  }
}
