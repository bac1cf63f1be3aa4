import Foundation
import JSON
import Safetensors
import Support
import Testing

@testable import Artefacts

@Suite struct CodecTests {
  let folder = TemporaryFolder()
  var store: Store { get throws { try Store(at: folder["store"], files: .withoutSynchronising) } }

  func put(_ bytes: [UInt8]) throws -> Digest {
    let publication = try store.publication()
    let digest = try publication.add(path: folder.write(bytes, to: "input")).digest
    try publication.commit()
    return digest
  }

  static func safetensors(_ tensors: [(name: String, dtype: DType, shape: [Int])], _ data: [UInt8]) throws
    -> [UInt8]
  {
    let writer = try SafetensorsWriter(tensors)
    var bytes: [UInt8] = []
    try writer.write({ tensor, output in
      try (0..<tensor.size).map { data[($0 + tensor.offset) % data.count] }.withUnsafeBytes(output)
    }) { bytes += $0 }
    return bytes
  }

  /// Floats as training leaves them: exponents alike, mantissas not; with zeros, infinities and NaNs with payloads.
  static let floats: [UInt8] = {
    var state: UInt64 = 7
    return (0..<20_000).flatMap { index -> [UInt8] in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let special: [UInt32] = [0, 1 << 31, 0x7F80_0000, 0xFF80_0000, 0x7FC1_2345, 0xFFFF_FFFF, 1]
      let word = index % 97 < 7 ? special[index % 97] : 0x3C00_0000 | UInt32(state >> 40)
      return word.littleEndianBytes
    }
  }()

  @Test(arguments: DType.allCases, [0, 1, 3, 15, 16, 17, 5000])
  func `A tensor of any type and size comes back bit for bit`(dtype: DType, count: Int) throws {
    let bytes = try CodecTests.safetensors(
      [("a", dtype, [count]), ("b", .float32, []), ("c", dtype, [0, 4])], CodecTests.floats)
    let digest = try put(bytes)
    #expect(digest == Digest(of: bytes))
    #expect(try store.bytes(of: digest) == bytes)
  }

  @Test(arguments: [2, 4, 8], [false, true])
  func `Planes join to what was split, at any length`(width: Int, rotated: Bool) {
    for count in [0, 1, 15, 16, 17, 100] {
      let bytes = Array(CodecTests.floats.prefix(count * width))
      var planes = [UInt8](repeating: 0, count: bytes.count)
      var joined = planes
      bytes.withUnsafeBytes { source in
        planes.withUnsafeMutableBytes { Planes.split(source, into: $0, width: width, rotated: rotated) }
      }
      planes.withUnsafeBytes { source in
        joined.withUnsafeMutableBytes { Planes.join(source, into: $0, width: width, rotated: rotated) }
      }
      #expect(joined == bytes)
    }
  }

  @Test func `Rotated planes hold the sign in the lowest bit and the exponent in the highest byte`() {
    let bytes = Float(-1.5).bitPattern.littleEndianBytes
    var planes = [UInt8](repeating: 0, count: 4)
    bytes.withUnsafeBytes { source in
      planes.withUnsafeMutableBytes { Planes.split(source, into: $0, width: 4, rotated: true) }
    }
    #expect(planes == [1, 0, 0x80, 127])
  }

  @Test func `Chunks of a safetensors file end where element types and large tensors end`() throws {
    let shapes: [(name: String, dtype: DType, shape: [Int])] = [
      ("a", .float32, [100]), ("b", .float32, [50]), ("c", .int64, [10]), ("d", .uint8, [7]),
      ("e", .bfloat16, [400_000]), ("f", .bfloat16, [300_000]),
    ]
    let bytes = try CodecTests.safetensors(shapes, [1, 2, 3])
    let plan = ChunkPlan.chunks(of: bytes)
    let header = try SafetensorsHeader(bytes, fileSize: bytes.count).dataOffset
    #expect(
      plan == [
        ChunkPlan(length: header, codec: .plain, width: 1),
        ChunkPlan(length: 600, codec: .floatPlanes, width: 4),
        ChunkPlan(length: 80, codec: .integerPlanes, width: 8), ChunkPlan(length: 7, codec: .plain, width: 1),
        ChunkPlan(length: 800_000, codec: .floatPlanes, width: 2),
        ChunkPlan(length: 600_000, codec: .floatPlanes, width: 2),
      ])
    #expect(ChunkPlan.chunks(of: Array(bytes.dropLast())).allSatisfy { $0.codec == .plain })
  }

  @Test func `Floats take less room in planes than plain, and info says so`() throws {
    let bytes = try CodecTests.safetensors([("w", .float32, [20_000])], CodecTests.floats)
    let info = try store.info(put(bytes))
    #expect(info.codecs == ["plain": 1, "float planes": 1])
    #expect(info.logicalBytes == bytes.count)
    #expect(Double(bytes.count) / Double(info.storedBytes) > 1.2)
    let plain = try store.info(put(Array(bytes.dropLast())))
    #expect(info.storedBytes < plain.storedBytes)
  }

  @Test func `Token ids take a small part of their room`() throws {
    let ids = (0..<40_000).flatMap { (UInt32($0 * $0 % 251 + 40)).littleEndianBytes }
    let bytes = try CodecTests.safetensors([("ids", .int32, [40_000])], ids)
    let info = try store.info(put(bytes))
    #expect(info.codecs["integer planes"] == 1)
    #expect(Double(bytes.count) / Double(info.storedBytes) > 4)
  }

  @Test func `Bytes that cannot be compressed grow by little`() throws {
    let bytes = (0..<300_000).map { _ in UInt8.random(in: 0...255) }
    #expect(try store.info(put(bytes)).storedBytes < bytes.count + 300)
  }

  static let zstd = ["/usr/bin/zstd", "/usr/local/bin/zstd"].first(
    where: FileManager.default.isExecutableFile)

  @Test(.enabled(if: CodecTests.zstd != nil, "zstd is not installed"))
  func `The zstd tool accepts every object, and restores the plain ones`() throws {
    let tensors = try CodecTests.safetensors(
      [("w", .float32, [20_000]), ("i", .int16, [9999])], CodecTests.floats)
    for bytes in [[], [1], mixed(3 << 20), tensors] {
      let path = try store.objectPath(put(bytes))
      #expect(try run(["-tq", "--stdin"], path).isEmpty)
      let isPlain = ChunkPlan.chunks(of: bytes).allSatisfy { $0.codec == .plain }
      if isPlain { #expect(try run(["-dcq"], path) == bytes) }
    }
  }

  private func run(_ arguments: [String], _ input: String) throws -> [UInt8] {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try #require(CodecTests.zstd))
    process.arguments = arguments.filter { $0 != "--stdin" }
    process.standardInput = try FileHandle(forReadingFrom: URL(fileURLWithPath: input))
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let bytes = [UInt8](output.fileHandleForReading.readDataToEndOfFile())
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    return bytes
  }

  static let checkpoints = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "shared/data/checkpoints").path

  // Stored sizes do not depend on the build, but a debug build takes a second a file.
  @Test(
    .enabled(
      if: FileManager.default.fileExists(atPath: CodecTests.checkpoints),
      "there are no checkpoints beside the project"),
    arguments: [("wbf16_0512_blk", 1.49), ("grad_full_1M", 1.37)])
  func `Tensors of a real training run reach the ratio that the planes promise`(name: String, ratio: Double)
    throws
  {
    let publication = try store.publication()
    let artefact = try publication.add(path: "\(CodecTests.checkpoints)/\(name).safetensors")
    try publication.commit()
    let info = try store.info(artefact.digest)
    #expect(Double(info.logicalBytes) / Double(info.storedBytes) >= ratio)
    try store.verify(artefact.digest)
  }
}
