internal import System

/// The columns of a table that Weights & Biases exports of several runs: one of steps, and of every run `RUN - KEY`, beside its
/// `RUN - KEY__MIN` and `__MAX`.
struct RunColumns {
  /// In the order of the columns.
  let runs: [(run: String, columns: CurveColumns)]

  /// - Returns: nil if no column is called so, or the loss was named by the whole name of one.
  /// - Throws: `Failure.columns` if more than one key could be that of the loss.
  init?(_ names: [String], step: String?, loss: String?, in source: String) throws(Failure) {
    let parts = names.map(RunColumns.parts)
    if let loss, names.contains(loss) { return nil }
    let keys = Set(parts.compactMap { $0?.key })
    guard !keys.isEmpty else { return nil }
    // As if there were only one run.
    let shared = names.indices.filter { parts[$0] == nil }.map { names[$0] }
    let columns = try CurveColumns(shared + keys.sorted(), step: step, loss: loss, in: source)
    let all = shared + keys.sorted()
    guard keys.contains(all[columns.loss]), let stepIndex = names.firstIndex(of: all[columns.step]) else {
      return nil
    }
    runs = names.indices.compactMap { index in
      guard let part = parts[index], part.key == all[columns.loss] else { return nil }
      return (part.run, CurveColumns(columns, step: stepIndex, loss: index))
    }
    guard Set(runs.map(\.run)).count == runs.count else {
      throw Failure(
        .columns, "\(source): two runs have the same name", hint: "name the column of one (--loss COLUMN)")
    }
  }

  private static func parts(_ name: String) -> (run: String, key: String)? {
    guard let dash = name.ranges(of: " - ").last, dash.lowerBound > name.startIndex else { return nil }
    let key = name[dash.upperBound...]
    guard !key.isEmpty, !key.hasSuffix("__MIN"), !key.hasSuffix("__MAX") else { return nil }
    return (String(name[..<dash.lowerBound]), String(key))
  }
}
