import Foundation
import Safetensors
import Support
import System
import Testing

@testable import Artefacts

/// An optimiser's second moments, stored as what the first ones do not say of them.
@Suite struct MomentTests {
  let folder = TemporaryFolder()
  var store: Store { get throws { try Store(at: folder["store"], files: .withoutSynchronising) } }

  private typealias Tensor = (name: String, dtype: DType, shape: [Int], bytes: [UInt8])

  private static func tensor(_ name: String, _ values: ArraySlice<Float>) -> Tensor {
    (name, .float32, [values.count], values.withUnsafeBytes { Array($0) })
  }

  /// What Adam keeps of parameters whose gradients are of all magnitudes.
  private struct Adam {
    let rates: (Double, Double)
    let sizes: [Int]
    var first: [Float]
    var second: [Float]
    private var bits = RandomBits(state: 11)

    init(_ sizes: [Int], rates: (Double, Double) = (0.9, 0.95)) {
      self.sizes = sizes
      self.rates = rates
      let count = sizes.reduce(0, +)
      (first, second) = ([Float](repeating: 0, count: count), [Float](repeating: 0, count: count))
      update()
    }

    mutating func update() {
      for index in first.indices {
        let random = bits.next()
        let uniform = Float(random >> 40) / Float(1 << 24) - 0.5
        let gradient = uniform * Float(1e-3) / Float(1 + index % 97)
        first[index] = Float(rates.0) * first[index] + Float(1 - rates.0) * gradient
        second[index] = Float(rates.1) * second[index] + Float(1 - rates.1) * (gradient * gradient)
      }
    }

    /// As `lm.train` writes it: all first moments, then all second ones.
    func file(_ names: (first: String, second: String) = ("exp_avg.", "exp_avg_sq.")) throws -> [UInt8] {
      var tensors: [Tensor] = []
      for (name, values) in [(names.first, first), (names.second, second)] {
        var start = 0
        for (number, size) in sizes.enumerated() {
          tensors.append(MomentTests.tensor("\(name)\(number)", values[start..<start + size]))
          start += size
        }
      }
      return try RepackingTests.file(tensors)
    }
  }

  private func put(_ bytes: [UInt8]) throws -> Digest {
    let publication = try store.publication()
    let digest = try publication.add(bytes: bytes).digest
    try publication.commit()
    return digest
  }

  /// Puts contents and stores each as a difference from the one before where that may be.
  private func packed(_ contents: [[UInt8]], limit: Int = 4) throws -> [Digest] {
    let digests = try contents.map(put)
    let repacking = try Repacking(of: store)
    for (earlier, later) in zip(digests, digests.dropFirst()) {
      _ = try repacking.pack(Succession(earlier: earlier, later: later), limit: limit)
    }
    return digests
  }

  private func predicted(_ digest: Digest) throws -> Int {
    try store.info(digest).codecs["second moments"] ?? 0
  }

  private func stored(_ digest: Digest) throws -> [UInt8] {
    [UInt8](try #require(FileManager.default.contents(atPath: store.objectPath(digest))))
  }

  private func replace(_ digest: Digest, with bytes: [UInt8]) throws {
    let path = try store.objectPath(digest)
    try? FileManager.default.removeItem(atPath: path)
    try Data(bytes).write(to: URL(fileURLWithPath: path))
  }

  private func expectRead(_ content: [UInt8], as digest: Digest) throws {
    #expect(try store.bytes(of: digest) == content)
    try store.verify(digest)
    let object = try store.object(digest)
    let middle = content.count / 2
    for (start, count) in [
      (content.count - 9, 9), (0, 10), (middle - 9001, 18_003), (3, 4000),
    ] {
      var part = [UInt8](repeating: 0, count: count)
      try part.withUnsafeMutableBytes { try object.read(into: $0, at: start) }
      #expect(part[...] == content[start..<start + count])
    }
  }

  // MARK: The formula

  private static func prediction(_ now: Float, _ before: Float, _ second: Float) -> Float {
    let rates = Moments.Rates(first: 0.5, second: 0.75)
    return Moments.prediction(rates, now: now, before: before, second: second)
  }

  @Test func `Second moments follow from the first ones, and where that gives no number stay what they were`()
  {
    #expect(MomentTests.prediction(1.5, 1, 2) == 2.5)
    #expect(MomentTests.prediction(0, 0, 2) == 1.5)
    #expect(MomentTests.prediction(.greatestFiniteMagnitude, 0, 2) == .infinity)
    #expect(MomentTests.prediction(.nan, 1, 2) == 2)
    #expect(MomentTests.prediction(.infinity, .infinity, 2) == 2)
    let payload = Float(bitPattern: 0xFFC1_2345)
    #expect(MomentTests.prediction(1, 1, payload).bitPattern == 0xFFC1_2345)
    let whole = Moments.Rates(first: 0.5, second: 0.75, ofSquare: 1)
    let small = Float(bitPattern: (127 - 76) << 23 | 1)
    #expect(Moments.prediction(whole, now: small, before: 0, second: 0) == .leastNonzeroMagnitude)
  }

  @Test(
    arguments: [(0.9, 0.95), (0.9, 0.999), (0.95, 0.9995), (0.8, 0.99), (0.85, 0.975), (0.8173, 0.9471)],
    [1, 6])
  func `Rates are found from what they have done`(rates: (Double, Double), updates: Int) throws {
    var adam = Adam([1024], rates: rates)
    for _ in 1..<updates { adam.update() }
    let before = adam
    adam.update()
    var found = MomentRates()
    for index in 0..<1024 {
      found.add(
        now: adam.first[index], before: before.first[index], second: before.second[index],
        then: adam.second[index])
    }
    #expect(try #require(found.rates) == Moments.Rates(first: rates.0, second: rates.1))
  }

  // MARK: Objects

  @Test
  func
    `States one update apart are stored in little more than their first moments, and come back bit for bit`()
    throws
  {
    var adam = Adam([30_000, 5, 3000, 1])
    let contents = try (0..<4).map { _ in
      adam.update()
      return try adam.file()
    }
    let digests = try packed(contents)
    // Half of the bases that others may stand behind.
    #expect(
      try digests.map { try store.bases(of: $0).first.flatMap(digests.firstIndex) } == [nil, 0, 1, nil])
    for (digest, content) in zip(digests, contents) { try expectRead(content, as: digest) }
    #expect(try predicted(digests[1]) >= 1 && predicted(digests[2]) >= 1)
    #expect(try 20 * stored(digests[1]).count < 13 * stored(digests[0]).count)
    // Written out again.
    let repacking = try Repacking(of: store)
    for digest in repacking.differences { #expect(try repacking.unpack(digest) != nil) }
    #expect(try store.bytes(of: digests[1]) == contents[1])
    #expect(try predicted(digests[1]) == 0)
  }

  @Test func `Moments that are longer than a chunk are predicted in each of theirs`() throws {
    var adam = Adam([270_000, 5])
    let contents = try (0..<2).map { _ in
      adam.update()
      return try adam.file()
    }
    let digests = try packed(contents)
    #expect(try predicted(digests[1]) >= 2)
    try expectRead(contents[1], as: digests[1])
  }

  @Test func `Moments are found by their names, wherever these stand in them, and one beside the other`()
    throws
  {
    var adam = Adam([30_000, 7000])
    let contents = try (0..<2).map { _ in
      adam.update()
      return try adam.file(("optimiser.exp_avg/", "optimiser.exp_avg_sq/"))
    }
    #expect(try predicted(packed(contents)[1]) == 1)
    // Of each parameter the one behind the other.
    let pairs = try (0..<2).map { _ in
      adam.update()
      var tensors: [Tensor] = []
      for (name, range) in [("a", 0..<30_000), ("b", 30_000..<37_000)] {
        tensors.append(MomentTests.tensor("\(name).exp_avg", adam.first[range]))
        tensors.append(MomentTests.tensor("\(name).exp_avg_sq", adam.second[range]))
      }
      return try RepackingTests.file(tensors)
    }
    let digests = try packed(pairs)
    #expect(try predicted(digests[1]) == 2)
    try expectRead(pairs[1], as: digests[1])
  }

  @Test func `What is called second moments and first ones at once comes back all the same`() throws {
    var adam = Adam([20_000])
    var third = [Float](repeating: 0, count: 20_000)
    let contents = try (0..<2).map { _ in
      let before = adam.second
      adam.update()
      for index in third.indices {
        let gradient = (adam.second[index] - Float(0.9) * before[index]) / Float(1 - 0.9)
        third[index] = Float(0.95) * third[index] + Float(1 - 0.95) * (gradient * gradient)
      }
      return try RepackingTests.file([
        MomentTests.tensor("exp_avg_sq.exp_avg_sq", third[...]),
        MomentTests.tensor("exp_avg.exp_avg_sq", adam.second[...]),
        MomentTests.tensor("exp_avg.exp_avg", adam.first[...]),
      ])
    }
    let digests = try packed(contents)
    #expect(try store.bases(of: digests[1]) == [digests[0]])
    try expectRead(contents[1], as: digests[1])
  }

  @Test func `What no update has led to is stored as any difference is`() throws {
    var adam = Adam([9000])
    let first = try adam.file()
    adam.update()
    adam.update()
    let second = try adam.file()
    let digests = try packed([first, second])
    #expect(try predicted(digests[1]) == 0)
    try expectRead(second, as: digests[1])
  }

  @Test func `Numbers that are none, infinite or very small among the moments come back, too`() throws {
    var bits = RandomBits(state: 5)
    var adam = Adam([6000, 3])
    let first = adam
    adam.update()
    let special: [UInt32] = [
      0, 1 << 31, 0x7F80_0000, 0xFF80_0000, 0x7FC1_2345, 0x7F81_2345, 0xFFFF_FFFF, 1, 0x80_0000,
    ]
    func spoilt(_ adam: Adam) throws -> [UInt8] {
      var adam = adam
      for _ in 0..<300 {
        let value = Float(bitPattern: special[Int(bits.next() % UInt64(special.count))])
        let index = Int(bits.next() % UInt64(adam.first.count))
        if bits.next() % 2 == 0 { adam.first[index] = value } else { adam.second[index] = value }
      }
      return try adam.file()
    }
    let contents = try [spoilt(first), spoilt(adam)]
    let digests = try packed(contents)
    #expect(try predicted(digests[1]) == 1)
    try expectRead(contents[1], as: digests[1])
  }

  // MARK: Hostile objects

  @Test func `Second moments that name no first ones are refused in words`() throws {
    var adam = Adam([66_000, 3000])
    let contents = try (0..<2).map { _ in
      adam.update()
      return try adam.file()
    }
    let digest = try packed(contents)[1]
    let sound = try stored(digest)
    let footer = try ObjectReader(InputFile(store.objectPath(digest), files: store.files)).footer
    let seconds = footer.chunks.indices.filter { footer.chunks[$0].codec == .secondMoments }
    #expect(seconds.count >= 2)
    func with(_ first: Int, at index: Int) -> [UInt8] {
      var chunks = footer.chunks
      chunks[index].first = first
      return Array(sound.dropLast(footer.bytes.count))
        + ObjectFooter(
          chunks: chunks, digest: digest, kind: .blob, size: footer.size, base: footer.base
        ).bytes
    }
    let last = seconds.last!
    for first in [0, last, seconds[0], footer.chunks[seconds[0]].first, footer.chunks.count, Int(UInt32.max)]
    {
      try replace(digest, with: with(first, at: last))
      let error = #expect(throws: Failure.self) { try store.bytes(of: digest) }
      #expect(
        error?.code == .damaged && error?.headline.contains("second moments have no first ones") == true,
        "\(first): \(error!)")
    }
    try replace(digest, with: with(1, at: 0))
    #expect(throws: Failure.self) { try store.bytes(of: digest) }
    try replace(digest, with: sound)
    #expect(try store.bytes(of: digest) == contents[1])
  }

  @Test func `Spoilt objects with second moments are refused, or say what the sound one says`() throws {
    var adam = Adam([5000])
    let contents = try (0..<2).map { _ in
      adam.update()
      return try adam.file()
    }
    let digest = try packed(contents)[1]
    #expect(try predicted(digest) == 1)
    let sound = try stored(digest)
    let footer = try ObjectReader(InputFile(store.objectPath(digest), files: store.files)).footer.bytes.count
    func isRead(_ mutant: [UInt8]) throws -> Bool {
      try replace(digest, with: mutant)
      #expect(try store.bytes(of: digest, limit: 1 << 20) == contents[1])
      return true
    }
    Mutator.run("second moments", on: [sound], tries: 500, isRead)
    Mutator.run(
      "footers of second moments", on: [Array(Array(sound.suffix(footer)).dropLast(16))], tries: 1000
    ) {
      let check = Array(Digest(of: $0).bytes.prefix(8))
      return try isRead(Array(sound.dropLast(footer)) + $0 + check + ObjectFormat.endMark)
    }
  }
}
