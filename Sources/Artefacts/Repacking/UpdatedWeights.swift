internal import Safetensors

/// Tensors of weights that follow from those in the base by one update of an optimiser whose moments stand in another file, as
/// samples show.
struct UpdatedWeights {
  private struct Found {
    let rates: Updates.Rates
    let places: MomentPlaces
  }

  private let header: SafetensorsHeader
  private var found: [String: Found] = [:]

  /// Places in a tensor that are looked at, and elements at each.
  private static let places = 4
  private static let elements = 256

  /// - Returns: nil if there are none.
  init?(
    _ object: StoredObject, _ header: SafetensorsHeader, against base: StoredObject,
    _ other: SafetensorsHeader, _ states: MomentSource
  ) throws {
    self.header = header
    let before = Dictionary(other.tensors.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    var groups = UpdateGroups()
    var members: [(tensor: TensorDescriptor, places: MomentPlaces, group: Int)] = []
    for tensor in header.tensors where tensor.dtype == .float32 && tensor.size > 0 {
      guard let like = before[tensor.name], like.dtype == .float32, like.shape == tensor.shape,
        let moments = states.moments(of: tensor)
      else { continue }
      let places = MomentPlaces(
        first: states.dataOffset + moments.first.offset, second: states.dataOffset + moments.second.offset)
      var samples: [UpdateSample] = []
      try UpdatedWeights.forEachPlace(in: tensor.count) { start, count in
        let skip = start * Updates.width
        let (now, then) = (
          try object.floats(count, at: header.dataOffset + tensor.offset + skip),
          try base.floats(count, at: other.dataOffset + like.offset + skip)
        )
        let (first, second) = (
          try states.first.floats(count, at: places.first + skip),
          try states.second.floats(count, at: places.second + skip)
        )
        for index in 0..<count {
          samples.append(
            UpdateSample(before: then[index], now: now[index], first: first[index], second: second[index]))
        }
      }
      if let group = groups.add(samples) { members.append((tensor, places, group)) }
    }
    if members.isEmpty { return nil }
    groups.refine()
    for member in members {
      found[member.tensor.name] = Found(rates: groups.rates[member.group], places: member.places)
    }
  }

  private static func forEachPlace(in count: Int, _ body: (_ start: Int, _ count: Int) throws -> Void)
    rethrows
  {
    if count <= places * elements { return try body(0, count) }
    for place in 0..<places { try body(place * (count - elements) / (places - 1), elements) }
  }

  /// By how many bytes a tensor's moments stand further behind in their file.
  func places(of tensor: TensorDescriptor) -> MomentPlaces? {
    guard let found = found[tensor.name] else { return nil }
    let place = header.dataOffset + tensor.offset
    return MomentPlaces(first: found.places.first - place, second: found.places.second - place)
  }

  /// Has chunks of weights predicted.
  func plan(_ chunks: inout [ChunkPlan]) {
    // What an object may not have together.
    if chunks.contains(where: { $0.delta?.moments != nil }) { return }
    var (start, tensors) = (0, header.tensors.filter { $0.size > 0 }[...])
    var ends = MomentPlaces()
    for number in chunks.indices {
      let (chunk, range) = (chunks[number], start..<start + chunks[number].length)
      start = range.upperBound
      while let tensor = tensors.first, end(of: tensor) <= range.lowerBound { tensors.removeFirst() }
      guard let delta = chunk.delta, let update = delta.update else { continue }
      // Who reads the object reads the moments once, too.
      guard update.places.first >= ends.first, update.places.second >= ends.second,
        let stretches = stretches(of: range, tensors)
      else { continue }
      ends = MomentPlaces(
        first: update.places.first + chunk.length, second: update.places.second + chunk.length)
      chunks[number].delta = .init(
        codec: .updatedWeights, width: Updates.width, base: delta.base,
        update: .init(places: update.places, stretches: stretches))
    }
  }

  private func end(of tensor: TensorDescriptor) -> Int { header.dataOffset + tensor.offset + tensor.size }

  /// - Returns: nil if there would be too many.
  private func stretches(of range: Range<Int>, _ tensors: ArraySlice<TensorDescriptor>) -> [Updates.Stretch]?
  {
    var stretches: [Updates.Stretch] = []
    for tensor in tensors {
      let part = (header.dataOffset + tensor.offset..<end(of: tensor)).clamped(to: range)
      if part.isEmpty { break }
      guard let rates = found[tensor.name]?.rates else { return nil }
      let count = part.count / Updates.width
      if let last = stretches.last, last.rates == rates {
        stretches[stretches.count - 1].count += count
      } else {
        stretches.append(.init(count: count, rates: rates))
      }
    }
    return 1...Updates.stretchLimit ~= stretches.count ? stretches : nil
  }
}
