import Foundation
import JSON
import Safetensors
import Support
import System
import Testing

@testable import Artefacts

@Suite struct RepackingTests {
  let folder = TemporaryFolder()
  var store: Store { get throws { try Store(at: folder["store"], files: .withoutSynchronising) } }

  // MARK: What is stored

  static func file(_ tensors: [(name: String, dtype: DType, shape: [Int], bytes: [UInt8])]) throws
    -> [UInt8]
  {
    let writer = try SafetensorsWriter(tensors.map { ($0.name, $0.dtype, $0.shape) })
    let contents = Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, $0.bytes) })
    var bytes: [UInt8] = []
    try writer.write({ tensor, output in try contents[tensor.name]!.withUnsafeBytes(output) }) { bytes += $0 }
    return bytes
  }

  /// Checkpoints of one training, each a little further on than the one before.
  private static func checkpoints(_ count: Int, dtype: DType = .float32, elements: Int = 9000) throws
    -> [[UInt8]]
  {
    var bits = RandomBits(state: 47)
    var weights = bits.elements(elements, width: dtype.size)
    return try (0..<count).map { _ in
      defer { weights = bits.moved(weights, width: dtype.size) }
      return try file([
        ("a", dtype, [elements / 3, 3], weights), ("b", .bool, [3], [1, 0, 1]),
      ])
    }
  }

  private func packed(_ contents: [[UInt8]], limit: Int = 4) throws -> [Digest] {
    let digests = try contents.map { try store.put($0) }
    let repacking = try Repacking(of: store)
    for (earlier, later) in zip(digests, digests.dropFirst()) {
      _ = try repacking.pack(Succession(earlier: earlier, later: later), limit: limit)
    }
    return digests
  }

  private func bases(_ digests: [Digest]) throws -> [Int?] {
    try digests.map { try store.bases(of: $0).first.flatMap(digests.firstIndex) }
  }

  private func stored(_ digest: Digest) throws -> [UInt8] {
    try #require(FileManager.default.contents(atPath: store.objectPath(digest)).map { [UInt8]($0) })
  }

  private func replace(_ digest: Digest, with bytes: [UInt8]) throws {
    let path = try store.objectPath(digest)
    try? FileManager.default.removeItem(atPath: path)
    try Data(bytes).write(to: URL(fileURLWithPath: path))
  }

  private var quarantine: [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: folder["store/quarantine"])) ?? []
  }

  // MARK: Reading

  @Test(arguments: DType.allCases.filter { $0 != .bool })
  func `Elements of any type are stored as differences and come back bit for bit`(dtype: DType) throws {
    let contents = try RepackingTests.checkpoints(2, dtype: dtype, elements: 90_000)
    let digests = try packed(contents)
    #expect(try bases(digests) == [nil, 0])
    #expect(try store.bytes(of: digests[1]) == contents[1])
    let codec = dtype.rawValue.contains("F") ? "float differences" : "integer differences"
    #expect(try store.info(digests[1]).codecs[codec] == contents[1].count >> 20 + 1)
    #expect(try 4 * stored(digests[1]).count < 3 * stored(digests[0]).count)
    try store.verify(digests[1])
    let object = try store.object(digests[1])
    for (start, count) in [(0, 10), (700, 1), (contents[1].count - 9, 9), (5, 60_000)] {
      var part = [UInt8](repeating: 0, count: count)
      try part.withUnsafeMutableBytes { try object.read(into: $0, at: start) }
      #expect(part[...] == contents[1][start..<start + count])
    }
  }

  @Test func `Tensors are found wherever they stand in the base, and those without their like stay plain`()
    throws
  {
    var bits = RandomBits(state: 3)
    let (a, b) = (bits.elements(300_000, width: 4), bits.elements(40_000, width: 2))
    func moved(_ bytes: [UInt8], _ width: Int) -> [UInt8] { bits.moved(bytes, width: width) }
    let base = try RepackingTests.file([("m", .float32, [300_000], a), ("n", .bfloat16, [200, 200], b)])
    let more = bits.elements(5000, width: 4)
    let cases: [([UInt8], String?)] = try [
      (
        RepackingTests.file([
          ("a new one", .float32, [5000], more), ("m", .float32, [300_000], moved(a, 4)),
          ("n", .bfloat16, [200, 200], moved(b, 2)),
        ]), "float differences"
      ),
      (RepackingTests.file([("n", .bfloat16, [200, 200], moved(b, 2))]), "float differences"),
      // Another shape, type or name.
      (RepackingTests.file([("n", .bfloat16, [400, 100], moved(b, 2))]), nil),
      (RepackingTests.file([("n", .float16, [200, 200], moved(b, 2))]), nil),
      (RepackingTests.file([("o", .bfloat16, [200, 200], moved(b, 2))]), nil),
      (moved(b, 2), nil),
    ]
    let first = try store.put(base)
    for (content, codec) in cases {
      let digest = try store.put(content)
      let change = try Repacking(of: store).pack(Succession(earlier: first, later: digest), limit: 4)
      #expect((change != nil) == (codec != nil))
      #expect(try store.bases(of: digest) == (codec == nil ? [] : [first]))
      #expect(try codec.map { try store.info(digest).codecs[$0] != nil } ?? true)
      #expect(try store.bytes(of: digest) == content)
    }
  }

  @Test func `Tensors in another order than in the base are read right`() throws {
    var bits = RandomBits(state: 5)
    let (a, b) = (bits.elements(20_000, width: 4), bits.elements(20_000, width: 4))
    // The file's order is that of the names: the header is exchanged.
    let base = try RepackingTests.file([("a", .float32, [20_000], a), ("b", .float32, [20_000], b)])
    let (start, size) = (base.count - 160_000, 80_000)
    let text = String(decoding: base[8..<start], as: UTF8.self)
      .replacing("[0,80000]", with: "[x]").replacing("[80000,160000]", with: "[0,80000]")
      .replacing("[x]", with: "[80000,160000]")
    #expect(text.utf8.count == start - 8)
    let swapped =
      Array(base[..<8]) + Array(text.utf8) + bits.moved(Array(base[(start + size)...]), width: 4)
      + bits.moved(Array(base[start..<start + size]), width: 4)
    let digests = try packed([base, swapped])
    #expect(try bases(digests) == [nil, 0])
    #expect(try store.info(digests[1]).codecs["float differences"] == 1)
    #expect(try store.bytes(of: digests[1]) == swapped)
  }

  @Test(arguments: [1, 2, 4])
  func `No object stands behind more bases than are allowed`(limit: Int) throws {
    let contents = try RepackingTests.checkpoints(8)
    let digests = try packed(contents, limit: limit)
    #expect(try bases(digests) == (0..<8).map { $0 % (limit + 1) == 0 ? nil : $0 - 1 })
    for (digest, content) in zip(digests, contents) { #expect(try store.bytes(of: digest) == content) }
    // Another order of work, which could put two chains together.
    let again = try Repacking(of: store)
    for later in stride(from: 7, to: 0, by: -1) {
      _ = try again.pack(Succession(earlier: digests[later - 1], later: digests[later]), limit: limit)
      _ = try again.pack(Succession(earlier: digests[later], later: digests[later - 1]), limit: limit)
    }
    for (digest, content) in zip(digests, contents) { #expect(try store.bytes(of: digest) == content) }
  }

  @Test func `What saves too little, is small, or is no tensor file stays as it is`() throws {
    var bits = RandomBits(state: 1)
    func random(_ count: Int) throws -> [UInt8] {
      try RepackingTests.file([("a", .float32, [count], bits.elements(count, width: 4))])
    }
    let contents = try [random(9000), random(9000), mixed(40_000), mixed(40_000), random(100), random(100)]
    let files = try packed(contents).map { try store.files.status(store.objectPath($0)) }
    #expect(try bases(contents.map(Digest.init(of:))) == [nil, nil, nil, nil, nil, nil])
    #expect(try files == contents.map { try store.files.status(store.objectPath(Digest(of: $0))) })
  }

  @Test func `Undoing writes what older brakes read`() throws {
    let contents = try RepackingTests.checkpoints(6)
    let digests = try contents.map { try store.put($0) }
    let files = try digests.map(stored)
    #expect(folder.read("store/format") == Array("brake store 1\n".utf8))
    _ = try packed(contents)
    #expect(folder.read("store/format") == Array("brake store 3\n".utf8))
    #expect(try store.mayHaveBases)
    let repacking = try Repacking(of: store)
    #expect(repacking.differences.count == 4)
    for digest in repacking.differences { #expect(try repacking.unpack(digest) != nil) }
    try repacking.finish()
    #expect(folder.read("store/format") == Array("brake store 2\n".utf8))
    #expect(try digests.map(stored) == files)
  }

  @Test func `A rehearsal changes nothing`() throws {
    let digests = try RepackingTests.checkpoints(3).map { try store.put($0) }
    let files = try digests.map(stored)
    let repacking = try Repacking(of: store, isDry: true)
    for (earlier, later) in zip(digests, digests.dropFirst()) {
      let change = try #require(try repacking.pack(Succession(earlier: earlier, later: later), limit: 4))
      #expect(2 * change.after < change.before && change.elements == "F32")
    }
    #expect(try digests.map(stored) == files)
    #expect(folder.read("store/format") == Array("brake store 1\n".utf8))
  }

  @Test func `Two do not repack a store at once`() throws {
    _ = try store.put(mixed(1000))
    let one = try Repacking(of: store)
    let error = #expect(throws: Failure.self) { try Repacking(of: store) }
    #expect(error?.code == .refused)
    withExtendedLifetime(one) {}
  }

  // MARK: What is lost

  @Test func `An object whose base is lost stays, and is read again when the base is back`() throws {
    let contents = try RepackingTests.checkpoints(3)
    let digests = try packed(contents)
    try FileManager.default.removeItem(atPath: store.objectPath(digests[0]))
    for digest in digests.dropFirst() {
      for read in [
        { _ = try store.bytes(of: digest) }, { try store.verify(digest) }, { _ = try store.object(digest) },
        { try store.restore(digest, to: folder["out"]) },
      ] {
        let error = #expect(throws: Failure.self, performing: read)
        #expect(error?.code == .unreadable && error?.object == digest)
        #expect(error?.headline.contains("its base \(digests[0]) is lost") == true, "\(error!)")
      }
      #expect(try store.contains(digest))
    }
    #expect(quarantine == [])
    #expect(try store.put(contents[0]) == digests[0])
    for (digest, content) in zip(digests, contents) { #expect(try store.bytes(of: digest) == content) }
  }

  @Test func `An object whose base is lost is replaced when its bytes are put again`() throws {
    let contents = try RepackingTests.checkpoints(3)
    let digests = try packed(contents)
    try FileManager.default.removeItem(atPath: store.objectPath(digests[0]))
    #expect(try store.put(contents[2]) == digests[2])
    #expect(try bases(digests) == [nil, 0, nil])
    #expect(try store.bytes(of: digests[2]) == contents[2])
    #expect(throws: Failure.self) { try store.bytes(of: digests[1]) }
  }

  @Test func `Damage to a base is told of it, and not of what depends on it`() throws {
    let contents = try RepackingTests.checkpoints(3)
    let digests = try packed(contents)
    var bad = try stored(digests[0])
    bad[bad.count / 2] ^= 1
    try replace(digests[0], with: bad)
    let error = #expect(throws: Failure.self) { try store.verify(digests[2]) }
    #expect(error?.code == .unreadable && error?.object == digests[2])
    #expect(error?.headline.contains("its base \(digests[0]) is lost") == true, "\(error!)")
    #expect(quarantine.count == 1 && quarantine[0].hasPrefix(digests[0].hex))
    #expect(try store.put(contents[0]) == digests[0])
    for (digest, content) in zip(digests, contents) { #expect(try store.bytes(of: digest) == content) }
  }

  @Test func `A base that decodes to other bytes is found by its digest`() throws {
    let contents = try RepackingTests.checkpoints(2)
    let digests = try packed(contents)
    let other = try store.put(RepackingTests.checkpoints(3)[2])
    // Sound frames of other weights under a footer with the base's digest.
    let file = try stored(other)
    let footer = try ObjectReader(InputFile(store.objectPath(other), files: store.files)).footer
    let lying = ObjectFooter(chunks: footer.chunks, digest: digests[0], kind: .blob, size: footer.size)
    try replace(digests[0], with: Array(file.dropLast(footer.bytes.count)) + lying.bytes)
    let error = #expect(throws: Failure.self) { try store.bytes(of: digests[1]) }
    #expect(error?.code == .unreadable)
    #expect(quarantine.count == 1 && quarantine[0].hasPrefix(digests[0].hex))
    #expect(try store.put(contents[0]) == digests[0])
    #expect(try store.bytes(of: digests[1]) == contents[1])
  }

  @Test func `A flipped bit in a difference never gives other bytes, and its base stays`() throws {
    let contents = try RepackingTests.checkpoints(2, elements: 6000)
    let digests = try packed(contents)
    let good = try stored(digests[1])
    var unnoticed = 0
    for position in Array(0..<40) + Array(stride(from: 40, to: good.count - 300, by: 61))
      + Array(good.count - 300..<good.count)
    {
      var bad = good
      bad[position] ^= 1 << UInt8(position % 8)
      try replace(digests[1], with: bad)
      do {
        #expect(try store.bytes(of: digests[1]) == contents[1])
        unnoticed += 1
      } catch let error as Failure {
        #expect([.damaged, .newer].contains(error.code), "\(error)")
      }
      #expect(try store.contains(digests[0]))
    }
    #expect(unnoticed <= 12)
  }

  // MARK: Hostile stores

  /// Object files that nobody would write, with right checks.
  @Test func `Bases in a circle, too many of them, and places that are none are refused in words`() throws {
    let contents = try RepackingTests.checkpoints(7)
    let digests = try packed(contents)
    func with(_ base: Digest?, in digest: Digest, places: ([Int]) -> [Int] = { $0 }) throws -> [UInt8] {
      let file = try stored(digest)
      let footer = try ObjectReader(InputFile(store.objectPath(digest), files: store.files)).footer
      let moved = places(footer.chunks.map(\.base))
      let chunks = zip(footer.chunks, moved).map { chunk, place in
        ChunkEntry(
          length: chunk.length, stored: chunk.stored, codec: chunk.codec, width: chunk.width, base: place)
      }
      let body = file.dropLast(footer.bytes.count)
      return Array(body)
        + ObjectFooter(chunks: chunks, digest: digest, kind: .blob, size: footer.size, base: base).bytes
    }
    func refused(_ digest: Digest, _ code: Failure.Code, _ words: String) throws {
      let error = #expect(throws: Failure.self) { try store.bytes(of: digest) }
      #expect(error?.code == code && error?.headline.contains(words) == true, "\(words): \(error!)")
    }
    let one = try stored(digests[1])
    // Itself, and one that needs it.
    try replace(digests[1], with: with(digests[1], in: digests[1]))
    try refused(digests[1], .unreadable, "more than 4 bases")
    try replace(digests[1], with: one)
    try replace(digests[1], with: with(digests[2], in: digests[1]))
    try refused(digests[2], .unreadable, "more than 4 bases")
    try replace(digests[1], with: one)
    // Five bases in a row: 6 is a difference from 5, which is made one from 4.
    #expect(try bases(digests) == [nil, 0, 1, 2, 3, nil, 5])
    let five = try stored(digests[5])
    let six = try stored(digests[6])
    try replace(
      digests[5], with: with(digests[4], in: digests[4]).replacingDigest(digests[4], by: digests[5]))
    try refused(digests[6], .unreadable, "more than 4 bases")
    try replace(digests[5], with: five)
    try replace(digests[6], with: six)
    // Places: beyond the base, not of a difference, a difference without a base.
    for (places, words) in [
      ({ $0.map { $0 == 0 ? 0 : $0 + 1000 } }, "bytes that its base does not have"),
      ({ $0.map { $0 == 0 ? 0 : 1 << 61 } }, "bytes that its base does not have"),
      ({ $0.map { $0 == 0 ? 0 : 1 << 62 } }, "malformed"), ({ $0.map { $0 + 1 } }, "malformed"),
    ] as [(([Int]) -> [Int], String)] {
      try replace(digests[1], with: with(digests[0], in: digests[1], places: places))
      try refused(digests[1], .damaged, words)
      try replace(digests[1], with: one)
    }
    try replace(digests[1], with: with(nil, in: digests[1]))
    try refused(digests[1], .damaged, "is damaged")
    try replace(digests[1], with: one)
    // A base that is another object, or shorter.
    try replace(digests[1], with: with(store.put(mixed(20_000)), in: digests[1]))
    try refused(digests[1], .damaged, "bytes that its base does not have")
    try replace(digests[1], with: one)
    for (digest, content) in zip(digests, contents) { #expect(try store.bytes(of: digest) == content) }
  }

  @Test func `What the collector asks is answered from footers`() throws {
    let digests = try packed(RepackingTests.checkpoints(2))
    #expect(try store.bases(of: digests[1]) == [digests[0]])
    #expect(try store.bases(of: digests[0]).isEmpty)
    #expect(try store.bases(of: Digest(of: [1])).isEmpty)
    #expect(try store.bases(of: store.put([1, 2, 3])).isEmpty)
  }

  // MARK: Other stores

  @Test func `What leaves the store stands for itself`() throws {
    let contents = try RepackingTests.checkpoints(2)
    let plain = try stored(store.put(contents[1]))
    let digests = try packed(contents)
    #expect(try stored(digests[1]) != plain)
    try store.withObjectFile(digests[1]) { #expect(FileManager.default.contents(atPath: $0) == Data(plain)) }
    #expect(folder.temporaries(of: "store").filter { $0 != "relied" } == ["bases"])
  }

  @Test func `A difference that comes from elsewhere is taken if its base is known, and stands for itself`()
    throws
  {
    let contents = try RepackingTests.checkpoints(2)
    let digests = try packed(contents)
    let files = try digests.map(stored)
    let other = try Store(at: folder["other"], files: .withoutSynchronising)
    func adopt(_ bases: [Digest: String] = [:]) throws {
      let publication = other.publication()
      let path = try publication.newPath()
      try Data(files[1]).write(to: URL(fileURLWithPath: path))
      try publication.adopt(objectFile: path, as: digests[1], size: contents[1].count, bases: bases)
      try publication.commit()
    }
    let error = #expect(throws: Failure.self) { try adopt() }
    #expect(error?.code == .unreadable && error?.headline.contains("\(digests[0])") == true)
    #expect(try !other.contains(digests[1]))
    var bad = files[0]
    bad[300] ^= 1
    #expect(throws: Failure.self) { try adopt([digests[0]: folder.write(bad, to: "bad")]) }
    try adopt([digests[0]: folder.write(files[0], to: "base")])
    #expect(try other.bytes(of: digests[1]) == contents[1])
    #expect(try other.bases(of: digests[1]).isEmpty)
    #expect(try !other.contains(digests[0]))
    #expect(folder.temporaries(of: "other").allSatisfy { $0 == "relied" })
  }

  // MARK: Successions

  private func record(_ stage: String, _ outputs: [(String, String?, Digest)], inputs: [Digest] = []) throws {
    let publication = try store.publication()
    try publication.add(
      record: Record(
        manifest: [
          "stage": .string(stage), "number": .integer(Int64(inputs.count)),
          "inputs": ["previous": .array(inputs.map { .string($0.description) })],
        ],
        outputs: outputs.map { name, key, digest in
          .init(name: name, key: key, file: key.map { "\($0).st" }, artefact: try! store.artefact(digest))
        }, log: nil, stage: stage, sources: [:]))
    try publication.commit()
  }

  @Test func `Members of an output follow each other by their numbers, links by what they were given`() throws
  {
    let all = try RepackingTests.checkpoints(8).map { try store.put($0) }
    try record("train[1]", [("c", "16", all[2]), ("c", "2", all[0]), ("c", "4", all[1]), ("c", "x", all[7])])
    try record("train[2]@1", [("c", "1", all[3]), ("d", "1", all[4])])
    try record("train[2]@2", [("c", "2", all[5]), ("d", "2", all[6])], inputs: [all[4]])
    let found = try Repacking(of: store).successions(failed: { Issue.record($0) })
    #expect(
      found == [(0, 1), (1, 2), (3, 5), (4, 6)].map { Succession(earlier: all[$0.0], later: all[$0.1]) })
  }

  @Test func `Links of a chain stand in the order of their numbers`() throws {
    let all = try RepackingTests.checkpoints(5).map { try store.put($0) }
    let links = ["50", "200", "1000", "9000", "20000"]
    for (number, link) in links.enumerated().reversed() {
      try record(
        "train[2,0.001]@\(link)", [("c", link, all[number])], inputs: number == 0 ? [] : [all[number - 1]])
    }
    let found = try Repacking(of: store).successions(failed: { Issue.record($0) })
    #expect(found == (0..<4).map { Succession(earlier: all[$0], later: all[$0 + 1]) })
  }

  @Test func `Files of the same path in folders follow each other`() throws {
    let contents = try RepackingTests.checkpoints(2)
    let publication = try store.publication()
    let trees = try contents.enumerated().map { number, content in
      folder.write(content, to: "\(number)/sub/model.safetensors")
      folder.write("the same", to: "\(number)/config.json")
      return try publication.add(path: folder["\(number)"])
    }
    try publication.commit()
    try record("train", trees.enumerated().map { ("c", "\($0)", $1.digest) })
    let digests = contents.map(Digest.init(of:))
    #expect(
      try Repacking(of: store).successions(failed: { _ in }) == [
        Succession(earlier: digests[0], later: digests[1])
      ])
  }

  // MARK: Faults

  @Test(arguments: [Fault.error(EIO), .error(ENOSPC), .short, .stop])
  func `No fault while a store is repacked loses what it holds`(fault: Fault) throws {
    let contents = try RepackingTests.checkpoints(2)
    let digests = try contents.map { try store.put($0) }
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
        _ = try repacking.pack(Succession(earlier: digests[0], later: digests[1]), limit: 4)
        for digest in repacking.differences { _ = try repacking.unpack(digest) }
        try repacking.finish()
      } catch let error as Failure {
        #expect(error.code != .damaged, "\(error)")
      }
      failed = faulty.wasReached
      if fault == .stop { faulty.cutPower() }
      #expect(quarantine == [])
      for (digest, content) in zip(digests, contents) {
        #expect(try store.bytes(of: digest) == content, "\(fault) at call \(points)")
        if try !store.bases(of: digest).isEmpty {
          #expect(folder.read("store/format") == Array("brake store 3\n".utf8))
        }
      }
    }
    print("faults: repack, \(fault.testDescription): \(points) points")
    #expect(points > 60)
  }
}

extension [UInt8] {
  /// An object file under another name, with a right check.
  fileprivate func replacingDigest(_ digest: Digest, by other: Digest) throws -> [UInt8] {
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
