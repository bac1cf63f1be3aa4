/// How the bytes of a chunk became zstd frames. The number stands in the object file.
enum Codec: UInt8, Sendable {
  /// One frame that holds the bytes.
  case plain = 0
  /// Little-endian floats, each rotated left by one bit, split into byte planes, lowest first: one frame a plane.
  case floatPlanes = 1
  /// Little-endian integers split into byte planes, lowest first: one frame a plane.
  case integerPlanes = 2
  /// Differences of floats from those of another object, split into byte planes: see `Deltas`.
  case floatDeltas = 3
  /// Differences of integers from those of another object, split into byte planes.
  case integerDeltas = 4
  /// Differences of an optimiser's second moments from what the first ones say of them: see `Moments`.
  case secondMoments = 5
  /// Differences of weights after an update from what an optimiser's moments say of them: see `Updates`.
  case updatedWeights = 6

  /// As `show` prints it.
  var name: String {
    switch self {
    case .plain: "plain"
    case .floatPlanes: "float planes"
    case .integerPlanes: "integer planes"
    case .floatDeltas: "float differences"
    case .integerDeltas: "integer differences"
    case .secondMoments: "second moments"
    case .updatedWeights: "updated weights"
    }
  }

  func accepts(width: Int) -> Bool {
    switch self {
    case .plain: width == 1
    case .floatPlanes, .integerPlanes: width == 2 || width == 4 || width == 8
    case .floatDeltas, .integerDeltas: width == 1 || width == 2 || width == 4 || width == 8
    case .secondMoments: width == Moments.width
    case .updatedWeights: width == Updates.width
    }
  }

  /// Whether the chunk is a difference from bytes of the object's base.
  var isDelta: Bool {
    switch self {
    case .plain, .floatPlanes, .integerPlanes: false
    case .floatDeltas, .integerDeltas, .secondMoments, .updatedWeights: true
    }
  }
}

extension Codec {
  /// Whether it is a difference from what was predicted by what an optimiser keeps.
  var isPredicted: Bool { self == .secondMoments || self == .updatedWeights }
}

/// What one chunk holds and how it is to be coded.
struct ChunkPlan: Hashable, Sendable {
  /// Logical bytes.
  let length: Int
  let codec: Codec
  /// Bytes of an element; 1 for plain chunks.
  let width: Int
  /// How it can be coded as a difference, which is done if that is smaller.
  var delta: Delta?

  struct Delta: Hashable, Sendable {
    let codec: Codec
    let width: Int
    /// Where the bytes start in the base.
    let base: Int
    /// What is said of the place of the chunk among the moments of an optimiser.
    var pair: Pair?
    /// Of second moments that can be coded as such.
    var moments: SecondMoments?
    /// Of weights that can be coded as what an update has made of those in the base.
    var update: Update?
    /// Whether it is coded so in any case, since another chunk stands on it.
    var isNeeded = false
  }

  /// That a chunk holds first or second moments, and where the others of the same parameters are.
  struct Pair: Hashable, Sendable {
    let isSecond: Bool
    /// By how many bytes the others stand further behind in the same file.
    let shift: Int
  }

  /// What second moments are predicted from.
  struct SecondMoments: Hashable, Sendable {
    /// The chunk that holds the first moments.
    let chunk: Int
    /// Where these start: in the file, and in the base.
    let now, before: Int
    let rates: Moments.Rates
  }

  /// What updated weights are predicted from, besides those before: moments in the object's second base.
  struct Update: Hashable, Sendable {
    let places: MomentPlaces
    /// How they were updated, from stretch to stretch; of none at first, since that is found out where chunks are known.
    var stretches: [Updates.Stretch] = []
  }
}
