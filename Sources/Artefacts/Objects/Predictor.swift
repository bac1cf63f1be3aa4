/// What a chunk is predicted from besides the base's bytes: of second moments the first ones, now and before, of weights the first and
/// second moments of their update. As many bytes each as the chunk has.
typealias BesideBytes = (UnsafeRawBufferPointer, UnsafeRawBufferPointer)

/// How the bytes of a chunk are predicted that an optimiser has made. It stands in the chunk's first frame.
enum Predictor {
  case moments(Moments.Rates)
  case update([Updates.Stretch])

  /// Bytes of the first frame; nil of a chunk that is not predicted. At most those of a small chunk, whatever the object says.
  static func length(of entry: ChunkEntry) -> Int? {
    switch entry.codec {
    case .secondMoments: Moments.Rates.length
    case .updatedWeights: entry.stretches * Updates.Stretch.length
    default: nil
    }
  }

  /// - Parameter bytes: as many as `length` says.
  init(_ bytes: [UInt8], of entry: ChunkEntry) throws(Damage) {
    if entry.codec == .secondMoments {
      self = .moments(Moments.Rates(bytes: bytes))
      return
    }
    let stretches = (0..<entry.stretches).map { Updates.Stretch(bytes, at: $0) }
    guard stretches.allSatisfy({ $0.count > 0 }),
      stretches.reduce(0, { $0 + $1.count }) == entry.length / Updates.width
    else { throw Damage("the stretches of its updated weights do not add up") }
    self = .update(stretches)
  }

  var bytes: [UInt8] {
    switch self {
    case .moments(let rates): rates.bytes
    case .update(let stretches): stretches.flatMap(\.bytes)
    }
  }

  /// Puts the prediction in the place of the base's bytes.
  func predict(beside: BesideBytes, onto bytes: UnsafeMutableRawBufferPointer) {
    switch self {
    case .moments(let rates):
      Moments.predict(rates, first: (now: beside.0, before: beside.1), second: bytes)
    case .update(let stretches):
      Updates.predict(stretches, first: beside.0, second: beside.1, weights: bytes)
    }
  }
}

extension ChunkPlan.Delta {
  /// Nil of a plain difference.
  var predictor: Predictor? {
    if let moments { return .moments(moments.rates) }
    if codec == .updatedWeights, let update { return .update(update.stretches) }
    return nil
  }
}
