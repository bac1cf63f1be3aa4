internal import Safetensors

/// An object that may hold an optimiser's moments of weights that stand in another one.
struct MomentSource {
  /// The same object twice, since first and second moments are read by turns, each in ascending order.
  let first, second: StoredObject
  let dataOffset: Int
  private let pairs: [String: (first: TensorDescriptor, second: TensorDescriptor)]

  init(_ digest: Digest, in store: Store) throws {
    first = try store.object(digest)
    second = try store.object(digest)
    let header = try first.tensors()
    dataOffset = header?.dataOffset ?? 0
    let tensors = header?.tensors ?? []
    let byName = Dictionary(tensors.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    var pairs: [String: (first: TensorDescriptor, second: TensorDescriptor)] = [:]
    for second in tensors where second.dtype == .float32 {
      guard let name = MomentPairs.firstName(second.name), let first = byName[name],
        first.dtype == .float32, first.shape == second.shape
      else { continue }
      for name in MomentSource.weights(second.name) where pairs[name] == nil { pairs[name] = (first, second) }
    }
    self.pairs = pairs
  }

  /// The moments of a tensor of weights, by its name.
  func moments(of weights: TensorDescriptor) -> (first: TensorDescriptor, second: TensorDescriptor)? {
    guard let pair = pairs[weights.name], pair.second.shape == weights.shape else { return nil }
    return pair
  }

  /// What weights may be called whose second moments have a name: `exp_avg_sq.NAME` as `lm.train` writes it, `NAME.exp_avg_sq`, and the
  /// same behind a few words more, such as `optimizer.state.`.
  private static func weights(_ name: String) -> [String] {
    let words = name.split(omittingEmptySubsequences: false) { "./".contains($0) }
    guard let place = words.firstIndex(where: { $0 == MomentPairs.names.second }) else { return [] }
    var names = [name.suffix(after: words[...place])]
    for start in 0..<min(place, wordLimit) {
      let (first, last) = (words[start].startIndex, words[place - 1].endIndex)
      names.append(name[first..<last])
    }
    return names.filter { !$0.isEmpty }.map(String.init)
  }

  /// Words that may stand before the weights' own name.
  private static let wordLimit = 3
}

extension String {
  /// What stands behind some of its words and the separator behind these.
  fileprivate func suffix(after words: ArraySlice<Substring>) -> Substring {
    self[words.last!.endIndex...].dropFirst()
  }
}
