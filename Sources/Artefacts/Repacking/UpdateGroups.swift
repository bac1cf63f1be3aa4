/// Tensors that were updated alike: of most trainings two groups, one that was decayed and one that was not.
struct UpdateGroups {
  private(set) var rates: [Updates.Rates] = []
  private var samples: [[UpdateSample]] = []

  /// Samples that are kept of a group, at most, and groups.
  private static let sampleLimit = 16 << 10
  private static let limit = 16

  /// Adds a tensor.
  /// - Returns: the number of its group; nil if nothing predicts half of it nearly.
  mutating func add(_ new: [UpdateSample]) -> Int? {
    let known = rates.indices.map { ($0, UpdateFit.hits(of: rates[$0], new)) }.max { $0.1 < $1.1 }
    if let (group, hits) = known, 10 * hits.near >= 9 * new.count, 2 * hits.exact >= new.count {
      return add(new, to: group)
    }
    if rates.count < UpdateGroups.limit, let own = UpdateFit.rates(of: new) {
      let hits = UpdateFit.hits(of: own, new)
      if 2 * hits.near >= new.count, known.map({ $0.1 < hits }) ?? true {
        rates.append(own)
        samples.append([])
        return add(new, to: rates.count - 1)
      }
    }
    guard let (group, hits) = known, 2 * hits.near >= new.count else { return nil }
    return add(new, to: group)
  }

  private mutating func add(_ new: [UpdateSample], to group: Int) -> Int {
    samples[group] += new.prefix(max(0, UpdateGroups.sampleLimit - samples[group].count))
    return group
  }

  /// Finds the rates of each group once more, from the samples of all its tensors.
  mutating func refine() {
    for group in rates.indices {
      guard let better = UpdateFit.rates(of: samples[group]),
        UpdateFit.hits(of: rates[group], samples[group]) < UpdateFit.hits(of: better, samples[group])
      else { continue }
      rates[group] = better
    }
  }
}
