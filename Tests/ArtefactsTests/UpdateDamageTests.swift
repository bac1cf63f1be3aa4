import Foundation
import Support
import System
import Testing

@testable import Artefacts

/// Objects with a second base that is lost, that nobody would write, or that are written while files fail.
@Suite struct UpdateDamageTests {
  let folder = TemporaryFolder()
  var store: Store { get throws { try Store(at: folder["store"], files: .withoutSynchronising) } }

  private let earlier, later, states: Digest
  private let content: [UInt8]
  private let contentOfStates: [UInt8]

  init() throws { try self.init([6000, 3000]) }

  private init(_ sizes: [Int]) throws {
    var training = RandomTraining(sizes)
    training.update()
    let store = try Store(at: folder["store"], files: .withoutSynchronising)
    earlier = try store.put(training.checkpoint)
    training.update()
    content = training.checkpoint
    contentOfStates = training.states
    later = try store.put(content)
    states = try store.put(contentOfStates)
  }

  private var succession: Succession { Succession(earlier: earlier, later: later, states: [states]) }

  private func pack() throws {
    let change = try #require(try Repacking(of: store).pack(succession, limit: 4))
    #expect(change.states == states && change.base == earlier)
  }

  private func stored(_ digest: Digest) throws -> [UInt8] {
    [UInt8](try #require(FileManager.default.contents(atPath: store.objectPath(digest))))
  }

  private func replace(_ digest: Digest, with bytes: [UInt8]) throws {
    let path = try store.objectPath(digest)
    try? FileManager.default.removeItem(atPath: path)
    try Data(bytes).write(to: URL(fileURLWithPath: path))
  }

  private func footer(_ digest: Digest) throws -> ObjectFooter {
    try ObjectReader(InputFile(store.objectPath(digest), files: store.files)).footer
  }

  private var quarantine: [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: folder["store/quarantine"])) ?? []
  }

  // MARK: What is lost

  @Test func `A lost second base is named, and its weights are read again when it is back`() throws {
    try pack()
    try FileManager.default.removeItem(atPath: store.objectPath(states))
    for read in [
      { _ = try store.bytes(of: later) }, { try store.verify(later) }, { _ = try store.object(later) },
      { try store.restore(later, to: folder["out"]) },
    ] {
      let error = #expect(throws: Failure.self, performing: read)
      #expect(error?.code == .unreadable && error?.object == later)
      #expect(error?.headline.contains("its base \(states) is lost") == true, "\(error!)")
    }
    #expect(try store.contains(later) && quarantine == [])
    #expect(try store.put(contentOfStates) == states)
    #expect(try store.bytes(of: later) == content)
  }

  @Test func `Damage to a second base is told of it, and not of its weights`() throws {
    try pack()
    var bad = try stored(states)
    bad[bad.count / 2] ^= 1
    try replace(states, with: bad)
    let error = #expect(throws: Failure.self) { try store.verify(later) }
    #expect(error?.code == .unreadable && error?.object == later)
    #expect(error?.headline.contains("its base \(states) is lost") == true, "\(error!)")
    #expect(quarantine.count == 1 && quarantine[0].hasPrefix(states.hex))
    #expect(try store.put(contentOfStates) == states)
    #expect(try store.bytes(of: later) == content)
  }

  @Test func `A second base that holds other moments is found by its digest`() throws {
    try pack()
    // Sound frames of other moments under a footer with the digest of the second base.
    let other = try store.put(RandomTraining([6000, 3000]).states)
    let chunks = try footer(other).chunks
    let body = try stored(other).dropLast(footer(other).bytes.count)
    let lying = ObjectFooter(chunks: chunks, digest: states, kind: .blob, size: contentOfStates.count)
    try replace(states, with: body + lying.bytes)
    let error = #expect(throws: Failure.self) { try store.bytes(of: later) }
    #expect(error?.code == .unreadable)
    #expect(quarantine.count == 1 && quarantine[0].hasPrefix(states.hex))
    #expect(try store.put(contentOfStates) == states)
    #expect(try store.bytes(of: later) == content)
  }

  // MARK: Hostile objects

  /// Object files that nobody would write, with right checks.
  @Test func `Second bases, places and stretches that cannot be are refused in words`() throws {
    // Of several chunks.
    try UpdateDamageTests([66_000, 70_000, 3000]).expectRefusals()
  }

  private func expectRefusals() throws {
    try pack()
    let sound = try stored(later)
    let footer = try footer(later)
    let updated = footer.chunks.indices.filter { footer.chunks[$0].codec == .updatedWeights }
    let (first, last) = (updated[0], updated.last!)
    #expect(updated.count >= 3 && first > 0)
    func with(
      base: Digest? = nil, states: Digest?, _ change: (inout [ChunkEntry]) -> Void = { _ in }
    ) -> [UInt8] {
      var chunks = footer.chunks
      change(&chunks)
      return sound.dropLast(footer.bytes.count)
        + ObjectFooter(
          chunks: chunks, digest: later, kind: .blob, size: footer.size, base: base ?? earlier, states: states
        ).bytes
    }
    func refused(_ file: [UInt8], _ code: Failure.Code, _ words: String) throws {
      try replace(later, with: file)
      let error = #expect(throws: Failure.self) { try store.bytes(of: later) }
      #expect(error?.code == code && error.map { "\($0)" }?.contains(words) == true, "\(words): \(error!)")
      try replace(later, with: sound)
      #expect(try store.bytes(of: later) == content)
    }
    func coded(_ entry: ChunkEntry, _ codec: Codec, _ width: Int = 4, stretches: Int = 0) -> ChunkEntry {
      ChunkEntry(
        length: entry.length, stored: entry.stored, codec: codec, width: width, base: entry.base,
        stretches: stretches)
    }
    // Places.
    let behind = contentOfStates.count - footer.chunks[last].length + 1
    for place in [behind, 1 << 61] {
      try refused(with(states: states) { $0[last].moments.first = place }, .damaged, "that its base does not")
      try refused(
        with(states: states) { $0[last].moments.second = place }, .damaged, "that its base does not")
    }
    for place in [0, 1 << 62, Int.max] {
      try refused(with(states: states) { $0[last].moments.first = place }, .damaged, "malformed")
      try refused(with(states: states) { $0[last].moments.second = place }, .damaged, "malformed")
    }
    try refused(with(states: states) { $0[0].moments.first = 1 }, .damaged, "malformed")
    // Stretches: none, too many, others than there are.
    let count = footer.chunks[first].stretches
    for stretches in [0, Updates.stretchLimit + 1, 1 << 31] {
      try refused(with(states: states) { $0[first].stretches = stretches }, .damaged, "malformed")
    }
    try refused(with(states: states) { $0[first].stretches = count + 1 }, .damaged, "is damaged")
    try refused(
      with(states: states) { $0[first] = coded($0[first], .updatedWeights, 2, stretches: 1) }, .damaged,
      "malformed")
    // A second base without updated weights, and the other way round, and beside second moments.
    let words = "its updated weights have no moments"
    try refused(with(states: nil), .damaged, words)
    let without = with(states: states) { chunks in
      for index in updated { chunks[index] = coded(chunks[index], .floatDeltas) }
    }
    try refused(without, .damaged, words)
    let beside = with(states: states) { chunks in
      chunks[updated[0]] = coded(chunks[updated[0]], .floatDeltas)
      chunks[updated[1]] = coded(chunks[updated[1]], .secondMoments)
      chunks[updated[1]].first = updated[0]
    }
    try refused(beside, .damaged, "second moments and updated weights")
    // Bases that are the object itself, in a circle, too short, not there, or have a second base themselves.
    try refused(with(states: later), .unreadable, "no second base may have")
    try refused(with(base: later, states: states), .unreadable, "more than 4 bases")
    try refused(with(states: earlier), .damaged, "that its base does not have")
    try refused(with(states: Digest(of: [1])), .unreadable, "its base \(Digest(of: [1])) is lost")
    let whole = try stored(states)
    try replace(states, with: with(states: states).replacing(later, by: states))
    let error = #expect(throws: Failure.self) { try store.bytes(of: later) }
    #expect(error?.code == .unreadable && error?.headline.contains("its base \(states) is lost") == true)
    try replace(states, with: whole)
    #expect(try store.bytes(of: later) == content)
  }

  @Test func `Spoilt objects with updated weights are refused, or say what the sound one says`() throws {
    try pack()
    let sound = try stored(later)
    let footer = try footer(later).bytes.count
    func isRead(_ mutant: [UInt8]) throws -> Bool {
      try replace(later, with: mutant)
      #expect(try store.bytes(of: later, limit: 1 << 20) == content)
      return true
    }
    Mutator.run("updated weights", on: [sound], tries: 200, isRead)
    Mutator.run("footers of updated weights", on: [Array(sound.suffix(footer).dropLast(16))], tries: 600) {
      let check = Array(Digest(of: $0).bytes.prefix(8))
      return try isRead(Array(sound.dropLast(footer)) + $0 + check + ObjectFormat.endMark)
    }
    #expect(try store.contains(states) && store.contains(earlier))
  }

  @Test func `Whatever the first frame says of stretches, what is read has the digest`() throws {
    var bits = RandomBits(state: 9)
    let entry = ChunkEntry(length: 400, stored: 1, codec: .updatedWeights, width: 4, stretches: 3)
    func stretches(_ counts: [Int]) -> [UInt8] {
      counts.flatMap { UInt32($0).littleEndianBytes + (0..<12).map { _ in UInt8(bits.next() & 255) } }
    }
    for counts in [
      [100, 0, 0], [33, 33, 33], [33, 33, 35], [1 << 31, 1 << 31, 100], [Int(UInt32.max), 100, 1],
    ] {
      #expect(throws: Damage.self) { try Predictor(stretches(counts), of: entry) }
    }
    for _ in 0..<50 {
      let predictor = try Predictor(stretches([1, 98, 1]), of: entry)
      let parts = (0..<3).map { _ in (0..<400).map { _ in UInt8(bits.next() & 255) } }
      var weights = parts[0]
      parts[1].withUnsafeBytes { first in
        parts[2].withUnsafeBytes { second in
          weights.withUnsafeMutableBytes { predictor.predict(beside: (first, second), onto: $0) }
        }
      }
      // A number is predicted, or the weight stays what it was.
      for index in 0..<100 {
        let value = Float(bitPattern: weights.littleEndian(at: 4 * index, as: UInt32.self))
        #expect(!value.isNaN || weights[4 * index..<4 * index + 4] == parts[0][4 * index..<4 * index + 4])
      }
    }
  }

  // MARK: Faults

  @Test(arguments: [Fault.error(EIO), .error(ENOSPC), .short, .stop])
  func `No fault while weights are predicted loses what the store holds`(fault: Fault) throws {
    try FileManager.default.moveItem(atPath: folder["store"], toPath: folder["original"])
    var points = 0
    var failed = true
    while failed {
      points += 1
      try? FileManager.default.removeItem(atPath: folder["store"])
      try FileManager.default.copyItem(atPath: folder["original"], toPath: folder["store"])
      let faulty = CrashingFileSystem(failingAt: points, fault)
      do {
        let repacking = try Repacking(of: Store(at: folder["store"], files: faulty))
        _ = try repacking.pack(succession, limit: 4)
        for digest in repacking.differences { _ = try repacking.unpack(digest) }
        try repacking.finish()
      } catch let error as Failure {
        #expect(error.code != .damaged, "\(error)")
      }
      failed = faulty.wasReached
      if fault == .stop { faulty.cutPower() }
      #expect(quarantine == [])
      #expect(try store.bytes(of: later) == content, "\(fault) at call \(points)")
      #expect(try store.bytes(of: states) == contentOfStates, "\(fault) at call \(points)")
      #expect(try store.contains(earlier))
      if try !store.bases(of: later).isEmpty {
        #expect(folder.read("store/format") == Array("brake store 3\n".utf8))
      }
    }
    print("faults: predicting weights, \(fault.testDescription): \(points) points")
    #expect(points > 60)
  }
}

extension [UInt8] {
  /// An object file under another name, with a right check.
  fileprivate func replacing(_ digest: Digest, by other: Digest) throws -> [UInt8] {
    var bytes = self
    let place = bytes.count - 64
    #expect(Array(bytes[place..<place + 32]) == digest.bytes)
    bytes.replaceSubrange(place..<place + 32, with: other.bytes)
    let length = Int(bytes.littleEndian(at: bytes.count - 28, as: UInt32.self))
    let count = Int(bytes.littleEndian(at: bytes.count - 32, as: UInt32.self))
    let footer = bytes.count - 72 - length - 16 * count - 8
    bytes.replaceSubrange(
      bytes.count - 16..<bytes.count - 8,
      with: Digest(of: Array(bytes[footer..<bytes.count - 16])).bytes.prefix(8))
    return bytes
  }
}
