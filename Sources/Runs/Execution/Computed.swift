import Actions
import Artefacts

/// An action that has run, on its way into the store.
struct Computed: Sendable {
  let action: Action
  private(set) var record: Record
  let publication: Publication
  /// Of this run, with what the action waited for.
  let seconds: Double
  /// Those of the machine, where it asked for some and it is known which they are.
  let graphics: GraphicsFacts?
  /// What the action itself took, as far as that was measured.
  let effort: Effort?
  /// What is worth a line.
  private(set) var notes: [String]
  /// Whether what is recorded is another's, and is not what this one has made.
  private(set) var isAnothers = false

  /// What is noted beside the record.
  var making: Makings.Facts { Makings.Facts(seconds: seconds, effort: effort, graphics: graphics) }

  func with(notes earlier: [String]) -> Computed {
    var result = self
    result.notes = earlier + notes
    return result
  }

  /// Makes what several actions have computed durable, and says of each what came of that. Where another process has recorded the same
  /// action meanwhile, since one took the other for dead, what was there first stays.
  static func commit(_ all: [Computed], in engine: Engine) -> [Result<Computed, any Error>] {
    for computed in all {
      let note = engine.makings.bytes(
        for: computed.record, computed.making)
      computed.publication.add(note: note, of: computed.action.key)
    }
    return zip(all, Publication.commitEach(all.map(\.publication))).map { computed, end in
      Result { try computed.recorded(stayed: end.get(), in: engine) }
    }
  }

  /// - Parameter stayed: the keys of records that were there already.
  private func recorded(stayed: [Digest], in engine: Engine) throws -> Computed {
    guard stayed.contains(action.key) else { return self }
    var result = self
    if case .hit(let first) = try engine.lookup(action) {
      result.record = first
      result.isAnothers = first.outputs != record.outputs
    } else {
      // It is damaged, or its outputs are gone.
      let publication = engine.store.publication()
      try publication.add(record: record)
      try publication.commit()
    }
    return result
  }
}
