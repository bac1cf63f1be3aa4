/// Where the moments of an update start that belong to a chunk of weights, in the object's second base.
struct MomentPlaces: Hashable, Sendable {
  var first = 0
  var second = 0
}

/// A chunk in the table.
struct ChunkEntry: Hashable, Sendable {
  let length: Int
  let stored: Int
  let codec: Codec
  let width: Int
  /// Of a difference, where the bytes start in the object's base.
  var base = 0
  /// Of second moments, the number of the chunk that holds the first ones.
  var first = 0
  /// Of updated weights, how many stretches they have that were updated alike.
  var stretches = 0
  var moments = MomentPlaces()

  /// What stands in the table behind codec and width.
  var number: Int { codec == .updatedWeights ? stretches : first }
}
