import Actions
import Artefacts

/// What came of an action that was computed ahead.
enum AheadEnd: Sendable {
  case computed(Computed)
  case found(Record)
  case failed(PipelineError, notes: [String])
  /// Another process computes it, or what it reads is otherwise now.
  case nothing
}
