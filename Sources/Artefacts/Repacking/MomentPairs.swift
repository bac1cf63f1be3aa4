internal import Safetensors

/// The first and second moments of an optimiser that stand in a file, by PyTorch's names for them, and how those in the base that
/// the file is to be a difference from became them: by one update, or in a way that cannot be told.
struct MomentPairs {
  private var pairs: [String: ChunkPlan.Pair] = [:]
  private var rates: Moments.Rates?

  static let names = (first: "exp_avg", second: "exp_avg_sq")
  /// Places that are looked at, and elements at each.
  private static let places = 16
  private static let elements = 256

  /// Four tensors of the same parameter: first and second moments now and before.
  private struct Like {
    let first, second, firstBefore, secondBefore: TensorDescriptor
  }

  init(
    _ object: StoredObject, _ header: SafetensorsHeader, against base: StoredObject,
    _ other: SafetensorsHeader
  ) throws {
    let likes = MomentPairs.likes(header, other)
    // Their elements are drawn as if they stood one behind the other.
    let count = likes.reduce(0) { $0 + $1.second.count }
    var samples = MomentRates()
    var (passed, place) = (0, 0)
    for like in likes {
      while place < MomentPairs.places, place * count / MomentPairs.places < passed + like.second.count {
        let start = max(0, place * count / MomentPairs.places - passed)
        let size = min(MomentPairs.elements, like.second.count - start)
        func read(_ object: StoredObject, _ header: SafetensorsHeader, _ tensor: TensorDescriptor) throws
          -> [Float]
        {
          try object.floats(size, at: header.dataOffset + tensor.offset + start * Moments.width)
        }
        let (now, before) = (try read(object, header, like.first), try read(base, other, like.firstBefore))
        let (then, second) = (try read(object, header, like.second), try read(base, other, like.secondBefore))
        for index in 0..<size {
          samples.add(now: now[index], before: before[index], second: second[index], then: then[index])
        }
        place += 1
      }
      passed += like.second.count
    }
    rates = samples.rates
    if rates == nil { return }
    for like in likes {
      let shift = like.second.offset - like.first.offset
      pairs[like.first.name] = ChunkPlan.Pair(isSecond: false, shift: shift)
      pairs[like.second.name] = ChunkPlan.Pair(isSecond: true, shift: -shift)
    }
  }

  private static func likes(_ header: SafetensorsHeader, _ other: SafetensorsHeader) -> [Like] {
    func byName(_ header: SafetensorsHeader) -> [String: TensorDescriptor] {
      Dictionary(header.tensors.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }
    let (now, before) = (byName(header), byName(other))
    return header.tensors.compactMap { second in
      guard second.dtype == .float32, second.size > 0, let name = firstName(second.name),
        let first = now[name], let firstBefore = before[name], let secondBefore = before[second.name],
        [first, firstBefore, secondBefore].allSatisfy({ $0.dtype == .float32 && $0.shape == second.shape })
      else { return nil }
      return Like(first: first, second: second, firstBefore: firstBefore, secondBefore: secondBefore)
    }
  }

  /// What the first moments are called that belong to second ones; nil of other names.
  static func firstName(_ name: String) -> String? {
    let (name, second) = (Array(name.utf8), Array(names.second.utf8))
    guard name.count >= second.count,
      let start = (0...(name.count - second.count)).first(where: { name[$0...].starts(with: second) })
    else { return nil }
    let rest = name[(start + second.count)...]
    return String(decoding: name[..<start] + Array(names.first.utf8) + rest, as: UTF8.self)
  }

  func pair(of tensor: TensorDescriptor) -> ChunkPlan.Pair? { pairs[tensor.name] }

  /// Has chunks of second moments predicted from the first ones, where these are a chunk of the same length.
  func plan(_ chunks: inout [ChunkPlan]) {
    guard let rates else { return }
    var starts: [Int] = []
    var index: [Int: Int] = [:]
    var end = 0
    for (number, chunk) in chunks.enumerated() {
      starts.append(end)
      index[end] = number
      end += chunk.length
    }
    // In ascending order, as who reads the object reads the base. What others are predicted from is a plain difference, whatever
    // it is called.
    var last = -1
    for number in chunks.indices {
      guard let delta = chunks[number].delta, let pair = delta.pair, pair.isSecond, !delta.isNeeded,
        let first = index[starts[number] + pair.shift], first > last,
        let before = chunks[first].delta, before.codec == .floatDeltas,
        chunks[first].length == chunks[number].length
      else { continue }
      last = first
      chunks[first].delta?.isNeeded = true
      chunks[number].delta = .init(
        codec: .secondMoments, width: Moments.width, base: delta.base, pair: pair,
        moments: .init(
          chunk: first, now: starts[first], before: before.base, rates: rates))
    }
  }
}
