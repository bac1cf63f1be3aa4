import Foundation
import Safetensors
import Support
import System
import Testing

@testable import Artefacts

/// Weights after an update, stored as what those before and the optimiser's moments do not say of them.
@Suite struct UpdateTests {
  let folder = TemporaryFolder()
  var store: Store { get throws { try Store(at: folder["store"], files: .withoutSynchronising) } }

  // MARK: The formula

  private static func prediction(_ weight: Float, _ first: Float, _ second: Float) -> Float {
    let rates = Updates.Rates(decay: 0.25, step: 0.5, floor: 1)
    return Updates.prediction(rates, weight: weight, first: first, second: second)
  }

  @Test func `Weights follow from moments, and where that gives no number stay what they were`() {
    #expect(UpdateTests.prediction(2, 3, 4) == 1)
    #expect(UpdateTests.prediction(4, 0, 0) == 3)
    #expect(UpdateTests.prediction(1, .infinity, 4) == -.infinity)
    #expect(UpdateTests.prediction(1, 1, .infinity) == 0.75)
    #expect(UpdateTests.prediction(5, 1, -4) == 5)
    #expect(UpdateTests.prediction(5, .nan, 4) == 5)
    #expect(UpdateTests.prediction(.infinity, .infinity, 0) == .infinity)
    let payload = Float(bitPattern: 0xFFC1_2345)
    #expect(UpdateTests.prediction(payload, 1, 1).bitPattern == 0xFFC1_2345)
    let small = Updates.prediction(
      .init(decay: 0, step: 0.5, floor: 1), weight: 0, first: Float(bitPattern: 6), second: 0)
    #expect(small.bitPattern == 0x8000_0003)
    // The product is not rounded before it is taken off.
    let exact = Updates.prediction(
      .init(decay: 1 - 0x1p-24, step: 0, floor: 1), weight: 1 + 0x1p-23, first: 0, second: 0)
    #expect(exact == 0x1p-24 + 0x1p-47)
  }

  @Test(
    arguments: [
      RandomTraining.Settings(), .init(rate: 3e-3, decay: 0), .init(rate: 1e-5, decay: 0.01, epsilon: 1e-8),
      .init(rate: 6e-4, epsilon: 1e-8, betas: (0.9, 0.999)), .init(rate: 0.0173, decay: 1, epsilon: 1e-3),
    ], [1, 7])
  func `How weights were updated is found from samples`(settings: RandomTraining.Settings, updates: Int)
    throws
  {
    var training = RandomTraining([0, 4096], settings)
    for _ in 1..<updates { training.update() }
    let before = training
    training.update()
    let samples = (0..<4096).map {
      UpdateSample(
        before: before.weights[$0], now: training.weights[$0], first: training.first[$0],
        second: training.second[$0])
    }
    let rates = try #require(
      UpdateFit.rates(of: samples.enumerated().filter { $0.offset % 4 == 0 }.map(\.element)))
    let hits = UpdateFit.hits(of: rates, samples)
    #expect(10 * hits.exact > 9 * samples.count && 100 * hits.near > 98 * samples.count, "\(rates) \(hits)")
    #expect(UpdateFit.rates(of: Array(samples.prefix(60))) == nil)
  }

  // MARK: Objects

  /// What a training has written after each of some updates, in the store.
  private struct Stored {
    var weights: [Digest] = []
    var states: [Digest] = []
    var contents: [Digest: [UInt8]] = [:]
  }

  private func put(_ training: inout RandomTraining, updates: Int) throws -> Stored {
    var stored = Stored()
    for _ in 0..<updates {
      training.update()
      for (content, list) in [(training.checkpoint, \Stored.weights), (training.states, \Stored.states)] {
        let digest = try store.put(content)
        stored[keyPath: list].append(digest)
        stored.contents[digest] = content
      }
    }
    return stored
  }

  /// Stores weights as what each update has made of those before, where that may be.
  @discardableResult private func pack(_ stored: Stored, limit: Int = 2, statesFirst: Bool = true) throws
    -> [Bool]
  {
    let repacking = try Repacking(of: store)
    let numbers = stored.weights.indices.dropFirst()
    if statesFirst {
      for number in numbers {
        let succession = Succession(earlier: stored.states[number - 1], later: stored.states[number])
        _ = try repacking.pack(succession, limit: limit)
      }
    }
    return try numbers.map { number in
      let succession = Succession(
        earlier: stored.weights[number - 1], later: stored.weights[number], states: [stored.states[number]])
      return try repacking.pack(succession, limit: limit) != nil
    }
  }

  private func predicted(_ digest: Digest) throws -> Int {
    try store.info(digest).codecs["updated weights"] ?? 0
  }

  private func size(_ digest: Digest) throws -> Int {
    let status = try store.files.status(store.objectPath(digest))
    return Int(try #require(status).size)
  }

  private func expectRead(_ stored: Stored) throws {
    for (digest, content) in stored.contents {
      #expect(try store.bytes(of: digest) == content)
      try store.verify(digest)
      let object = try store.object(digest)
      let middle = content.count / 2
      for (start, count) in [(content.count - 9, 9), (0, 10), (middle - 4001, 8003), (3, 4000)] {
        var part = [UInt8](repeating: 0, count: count)
        try part.withUnsafeMutableBytes { try object.read(into: $0, at: start) }
        #expect(part[...] == content[start..<start + count])
      }
    }
  }

  @Test
  func
    `Where states have their tensors in another order, what follows in that is predicted, and the rest a difference`()
    throws
  {
    var training = RandomTraining([400_000, 300_000, 400_000])
    var stored = Stored()
    for _ in 0..<2 {
      training.update()
      let first = training.tensors("exp_avg.", training.first).reversed()
      let second = training.tensors("exp_avg_sq.", training.second).reversed()
      let files = [
        (training.checkpoint, \Stored.weights),
        (RandomTraining.file(Array(first) + Array(second)), \Stored.states),
      ]
      for (content, list) in files {
        let digest = try store.put(content)
        stored[keyPath: list].append(digest)
        stored.contents[digest] = content
      }
    }
    #expect(try pack(stored, statesFirst: false) == [true])
    let codecs = try store.info(stored.weights[1]).codecs
    #expect(codecs["updated weights"] ?? 0 > 0 && codecs["updated weights"] ?? 0 < 5, "\(codecs)")
    try expectRead(stored)
  }

  @Test func `Weights one update apart take next to nothing, and come back bit for bit`() throws {
    var training = RandomTraining([30_000, 3000, 5, 9000, 1])
    let stored = try put(&training, updates: 4)
    let before = try stored.weights.map(size)
    // Half of the bases that others may stand behind: 1 of 2, so every other object stands for itself.
    #expect(try pack(stored) == [false, true, false])
    #expect(try store.bases(of: stored.weights[2]) == [stored.weights[1], stored.states[2]])
    #expect(try predicted(stored.weights[2]) == 1)
    #expect(try 12 * size(stored.weights[2]) < before[2])
    try expectRead(stored)
    try unpack()
    #expect(try stored.weights.map(size) == before)
    // More may stand one behind the other where somebody wants it.
    #expect(try pack(stored, limit: 4) == [true, false, true])
    #expect(try store.bases(of: stored.weights[1]) == [stored.weights[0], stored.states[1]])
    try expectRead(stored)
    try unpack()
    try expectRead(stored)
    #expect(folder.read("store/format") == Array("brake store 2\n".utf8))
  }

  private func unpack() throws {
    let repacking = try Repacking(of: store)
    for digest in repacking.differences { #expect(try repacking.unpack(digest) != nil) }
    try repacking.finish()
  }

  @Test func `Weights that are longer than a chunk are predicted in each of theirs`() throws {
    var training = RandomTraining([270_000, 300_000, 5])
    let stored = try put(&training, updates: 2)
    #expect(try pack(stored, statesFirst: false) == [true])
    #expect(try predicted(stored.weights[1]) >= 4)
    try expectRead(stored)
  }

  @Test(arguments: [
    ("optimizer.state.", "", "exp_avg", "."), ("", "", "exp_avg", "."), ("state.", ".", "exp_avg", ""),
  ])
  func `Moments are found by the names of weights, whatever stands around these`(
    prefix: String, middle: String, word: String, end: String
  ) throws {
    var training = RandomTraining([12_000, 5000])
    training.update()
    let weights = try store.put(training.checkpoint)
    training.update()
    func tensors(_ name: String, _ values: [Float]) -> [RandomTraining.Tensor] {
      end.isEmpty
        ? training.tensors(prefix, values, middle + name) : training.tensors(prefix + name + end, values)
    }
    let states = try store.put(
      RandomTraining.file(tensors(word, training.first) + tensors(word + "_sq", training.second)))
    let content = training.checkpoint
    let later = try store.put(content)
    let succession = Succession(earlier: weights, later: later, states: [weights, states])
    let change = try Repacking(of: store).pack(succession, limit: 1)
    #expect(change?.states == states)
    #expect(try predicted(later) == 1)
    #expect(try store.bytes(of: later) == content)
  }

  @Test func `Weights that no update has made are left for a plain difference`() throws {
    var training = RandomTraining([20_000])
    var stored = try put(&training, updates: 1)
    training.update()
    let later = try put(&training, updates: 1)
    stored.weights += later.weights
    stored.states += later.states
    #expect(try pack(stored) == [false])
    #expect(try store.bases(of: stored.weights[1]).isEmpty)
    // Nor those of which the moments are of other weights.
    stored.states[1] = try store.put(RandomTraining([20_000, 7]).states)
    #expect(try pack(stored) == [false])
    stored.states[1] = stored.weights[0]
    #expect(try pack(stored) == [false])
  }

  @Test func `Numbers that are none, infinite or very small come back, too`() throws {
    var bits = RandomBits(state: 5)
    let special: [UInt32] = [
      0, 1 << 31, 0x7F80_0000, 0xFF80_0000, 0x7FC1_2345, 0x7F81_2345, 0xFFFF_FFFF, 1, 0x80_0000,
    ]
    var training = RandomTraining([6000, 6000, 3])
    var spoilt: [RandomTraining] = []
    for _ in 0..<2 {
      training.update()
      spoilt.append(training)
      for _ in 0..<900 {
        let value = Float(bitPattern: special[Int(bits.next() % UInt64(special.count))])
        let index = Int(bits.next() % 12_003)
        switch bits.next() >> 40 % 3 {
        case 0: spoilt[spoilt.count - 1].weights[index] = value
        case 1: spoilt[spoilt.count - 1].first[index] = value
        default: spoilt[spoilt.count - 1].second[index] = value
        }
      }
    }
    var stored = Stored()
    for training in spoilt {
      for (content, list) in [(training.checkpoint, \Stored.weights), (training.states, \Stored.states)] {
        stored[keyPath: list].append(try store.put(content))
        stored.contents[stored[keyPath: list].last!] = content
      }
    }
    #expect(try pack(stored, limit: 4) == [true])
    #expect(try predicted(stored.weights[1]) == 1)
    try expectRead(stored)
  }

  @Test func `A plain difference leaves room for what is predicted from it`() throws {
    var training = RandomTraining([20_000])
    let stored = try put(&training, updates: 3)
    #expect(try pack(stored, limit: 1, statesFirst: false) == [true, false])
    let repacking = try Repacking(of: store)
    // Two behind one another are more than predicted ones may have, with 2 as with 1.
    let base = Succession(earlier: stored.weights[2], later: stored.weights[0])
    #expect(try repacking.pack(base, limit: 2) == nil)
    let states = Succession(earlier: stored.states[0], later: stored.states[1])
    #expect(try repacking.pack(states, limit: 2) == nil)
    #expect(try repacking.pack(states, limit: 4) != nil)
    try expectRead(stored)
  }
}
