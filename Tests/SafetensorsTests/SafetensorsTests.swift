import Foundation
import JSON
import Safetensors
import System
import Testing

@Suite struct SafetensorsTests {
  /// A file with this JSON as its header.
  func file(_ json: String, data: Int, length: UInt64? = nil) -> [UInt8] {
    withUnsafeBytes(of: (length ?? UInt64(json.utf8.count)).littleEndian) { Array($0) } + Array(json.utf8)
      + [UInt8](repeating: 7, count: data)
  }

  @Test func `A header that is no JSON says where it is none`() throws {
    let bytes = file(#"{"a":}"#, data: 0)
    let failure = try #require(throws: Failure.self) {
      try SafetensorsHeader(bytes, fileSize: bytes.count)
    }
    #expect(failure.cause(JSONError.self)?.column == 6, "\(failure)")
  }

  @Test func `Tensors are described in the order of their bytes`() throws {
    let bytes = file(
      #"{"b":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"__metadata__":{"format":"pt"},"#
        + #""a":{"dtype":"BF16","shape":[],"data_offsets":[8,10]},"#
        + #""c":{"dtype":"I64","shape":[3,0],"data_offsets":[10,10]}}  "#, data: 10)
    let header = try SafetensorsHeader(bytes, fileSize: bytes.count)
    #expect(header.tensors.map(\.name) == ["b", "a", "c"])
    #expect(header.tensors.map(\.range) == [0..<8, 8..<10, 10..<10])
    #expect(header.tensors.map(\.count) == [2, 1, 0])
    #expect(header.metadata == ["format": "pt"])
    #expect(header.dataOffset == bytes.count - 10)
  }

  @Test
  func `A written file reads back, is the same for any order of tensors, and starts data at eight bytes`()
    throws
  {
    func write(_ names: [String]) throws -> [UInt8] {
      let writer = try SafetensorsWriter(names.map { ($0, .float32, [$0.utf8.count]) }, metadata: ["k": "é"])
      var bytes: [UInt8] = []
      try writer.write({ tensor, output in
        for index in 0..<tensor.count { try withUnsafeBytes(of: Float(index) + 0.5, output) }
      }) { bytes += $0 }
      return bytes
    }
    let bytes = try write(["weight", "b", "Ä"])
    #expect(try write(["Ä", "weight", "b"]) == bytes)
    let file = try SafetensorsFile(bytes)
    #expect(file.header.tensors.map(\.name) == ["b", "weight", "Ä"])
    #expect(file.header.dataOffset % 8 == 0)
    #expect(file.header.metadata == ["k": "é"])
    #expect(try file.elements("weight", .float32, as: Float.self) == [0.5, 1.5, 2.5, 3.5, 4.5, 5.5])
    #expect(file["b"]?.count == 4)
    #expect(file["none"] == nil)
    #expect(throws: Failure.self) { try file.elements("none", .float32, as: Float.self) }
    #expect(throws: Failure.self) { try file.elements("b", .int32, as: Int32.self) }
  }

  @Test func `A file without tensors is a file`() throws {
    let writer = try SafetensorsWriter([])
    var bytes: [UInt8] = []
    try writer.write({ _, _ in }) { bytes += $0 }
    #expect(try SafetensorsFile(bytes).header.tensors.isEmpty)
  }

  @Test func `A tensor given too few or too many bytes is an error`() throws {
    let writer = try SafetensorsWriter([("a", .uint8, [3])])
    for count in [2, 4] {
      #expect(throws: Failure.self) {
        try writer.write({ _, output in try [UInt8](repeating: 0, count: count).withUnsafeBytes(output) }) {
          _ in
        }
      }
    }
  }

  @Test func `Names that stand twice and shapes out of range cannot be written`() {
    #expect(throws: Failure.self) { try SafetensorsWriter([("a", .uint8, []), ("a", .uint8, [])]) }
    #expect(throws: Failure.self) { try SafetensorsWriter([("__metadata__", .uint8, [])]) }
    #expect(throws: Failure.self) { try SafetensorsWriter([("a", .uint8, [-1])]) }
    #expect(throws: Failure.self) { try SafetensorsWriter([("a", .float64, [1 << 40, 1 << 40])]) }
    #expect(throws: Failure.self) {
      try SafetensorsWriter([("a", .uint8, [Int.max]), ("b", .uint8, [Int.max])])
    }
  }

  @Test(arguments: [
    ("[]", 0), ("", 0), ("{", 0), (#"{"a":1}"#, 0), (#"{"a":{}}"#, 0), (#"{"__metadata__":1}"#, 0),
    (#"{"__metadata__":{"a":1}}"#, 0), (#"{"a":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}}"#, 4),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, 4),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 5),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 3),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}}"#, 5),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#, 4),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}"#, 0),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}"#, 4),
    (#"{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,6]}}"#, 6),
    (#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,0]}}"#, 0),
    (#"{"a":{"dtype":"F64","shape":[4611686018427387904,4],"data_offsets":[0,0]}}"#, 0),
    (#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[9223372036854775807,-9223372036854775808]}}"#, 1),
    (
      #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}"#,
      3
    ),
    (
      #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}"#,
      3
    ),
  ])
  func `A header that does not describe its file is refused`(json: String, data: Int) {
    #expect(throws: Failure.self) { try SafetensorsFile(file(json, data: data)) }
  }

  @Test func `Lengths that reach beyond the file or the limit are refused before anything is read`() {
    for length in [3, 1000, 100_000_001, UInt64(Int.max), UInt64.max] {
      #expect(throws: Failure.self) { try SafetensorsFile(file("{}", data: 0, length: length)) }
    }
    for count in 0..<8 {
      #expect(throws: Failure.self) { try SafetensorsFile([UInt8](repeating: 0, count: count)) }
    }
  }

  @Test func `Mutated files are errors or files, never a crash`() throws {
    let good = file(
      #"{"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"b":{"dtype":"U8","shape":[8],"data_offsets":[24,32]}}"#,
      data: 32)
    var generator = SystemRandomNumberGenerator()
    var refused = 0
    for _ in 0..<3000 {
      var bytes = good
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        bytes[Int.random(in: 0..<bytes.count - 32, using: &generator)] = UInt8.random(
          in: 0...255, using: &generator)
      }
      do {
        let file = try SafetensorsFile(bytes)
        for tensor in file.header.tensors { #expect(file[tensor].count == tensor.size) }
      } catch {
        refused += 1
      }
    }
    #expect(refused > 1000)
  }

  static let checkpoint = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "shared/data/checkpoints/tokloss.safetensors").path

  @Test(
    .enabled(
      if: FileManager.default.fileExists(atPath: SafetensorsTests.checkpoint),
      "there is no checkpoint beside the project"))
  func `A file of another program is read`() throws {
    let bytes = [UInt8](try #require(FileManager.default.contents(atPath: SafetensorsTests.checkpoint)))
    let file = try SafetensorsFile(bytes)
    #expect(file.header.tensors.reduce(0) { $0 + $1.size } == bytes.count - file.header.dataOffset)
  }
}
