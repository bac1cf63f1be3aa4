import Artefacts

/// What the store knows of an action before it runs.
enum Lookup: Sendable {
  /// Recorded, and all outputs are in the store.
  case hit(Record)
  case miss
  /// Recorded, but an output is not in the store any more.
  case lost(Record)
  /// Recorded, but an output was removed on purpose: it is made again when somebody reads it.
  case removed(Record)
  /// Recorded, but not as the stage would have it; the reason as a sentence without a full stop.
  case distrusted(String)
}
