import Artefacts

/// What a place has recorded of actions that were asked for.
struct RecordOffer {
  /// What can count as recorded.
  var sound: [Digest: Record] = [:]
  /// The signatures of these and of those that do not count.
  var signatures: [Digest: RecordSignatures] = [:]
  /// Why what is recorded does not count, as a sentence without a full stop.
  var refusals: [Digest: String] = [:]
}
