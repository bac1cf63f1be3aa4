import JSON
import Support
import System
import Testing

@testable import Artefacts

/// Which weights may be predicted from which states, by what records say.
@Suite struct UpdateSuccessionTests {
  let folder = TemporaryFolder()
  var store: Store { get throws { try Store(at: folder["store"], files: .withoutSynchronising) } }

  private func trained(_ updates: Int) -> [RandomTraining] {
    var training = RandomTraining([6000])
    return (0..<updates).map { _ in
      training.update()
      return training
    }
  }

  private func record(_ outputs: [(name: String, key: String, digest: Digest)]) throws {
    let publication = try store.publication()
    try publication.add(
      record: Record(
        manifest: ["stage": "train"],
        outputs: outputs.map {
          .init(name: $0.name, key: $0.key, file: "\($0.key).st", artefact: try! store.artefact($0.digest))
        }, log: nil, stage: "train", sources: [:]))
    try publication.commit()
  }

  private var found: [Succession] {
    get throws { try Repacking(of: store).successions(failed: { Issue.record($0) }) }
  }

  @Test func `Weights have the states with their key, after all states, and follow once more without them`()
    throws
  {
    let trained = trained(3)
    let weights = try trained.map { try store.put($0.checkpoint) }
    let states = try trained.map { try store.put($0.states) }
    try record(
      weights.enumerated().map { ("checkpoints", "\($0 + 1)", $1) }
        + states.enumerated().map { ("states", "\($0 + 1)", $1) })
    let plain = (0..<2).map { Succession(earlier: weights[$0], later: weights[$0 + 1]) }
    #expect(
      try found == (0..<2).map { Succession(earlier: states[$0], later: states[$0 + 1]) }
        + (0..<2).map {
          Succession(earlier: weights[$0], later: weights[$0 + 1], states: [states[$0 + 1]])
        } + plain)
  }

  @Test func `Files in a folder have the larger ones beside them`() throws {
    let trained = trained(2)
    let publication = try store.publication()
    let trees = try trained.enumerated().map { number, training in
      folder.write(training.checkpoint, to: "\(number)/model.safetensors")
      folder.write(training.states, to: "\(number)/optimizer.safetensors")
      folder.write("few words", to: "\(number)/config.json")
      return try publication.add(path: folder["\(number)"]).digest
    }
    try publication.commit()
    try record(trees.enumerated().map { ("folders", "\($0 + 1)", $1) })
    let weights = trained.map { Digest(of: $0.checkpoint) }
    let states = trained.map { Digest(of: $0.states) }
    let predicted = Succession(earlier: weights[0], later: weights[1], states: [states[1]])
    #expect(
      try found == [
        Succession(earlier: states[0], later: states[1]), predicted,
        Succession(earlier: weights[0], later: weights[1]),
      ])
    #expect(try Repacking(of: store).pack(predicted, limit: 2)?.states == states[1])
    #expect(try store.bytes(of: weights[1]) == trained[1].checkpoint)
  }
}
