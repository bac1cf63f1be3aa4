import Foundation
import Safetensors
import Support
import System
import Testing

@testable import TorchFiles

/// The files in `fixtures/` were written by PyTorch; see `make-fixtures.py`.
@Suite struct TorchFileTests {
  static func bytes(_ name: String) throws -> [UInt8] {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "fixtures")
    return Array(try Data(contentsOf: folder.appending(path: name)))
  }

  private static func floats(_ file: TorchFile, _ name: String) throws -> [Float] {
    let tensor = try #require(file.tensors.first { $0.name == name })
    #expect(tensor.dtype == .float32)
    return file.bytes(of: tensor).withUnsafeBytes { bytes in
      (0..<tensor.count).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
    }
  }

  private static func numbers(_ count: Int) -> [Float] { (0..<count).map { Float($0) / 8 - 1 } }

  @Test func `Tensors of every kind are read, in the order of the file`() throws {
    let file = try TorchFile(try Self.bytes("state.pt"))
    let described = file.tensors.map { "\($0.name) \($0.dtype.rawValue) \($0.shape)" }
    #expect(
      described == [
        "full F32 [4, 6]", "transposed F32 [6, 4]", "part F32 [2, 3]", "half F16 [5]", "brain BF16 [5]",
        "double F64 [5]", "whole I64 [6]", "mask BOOL [2]", "scalar F32 []", "none F32 [0, 3]",
        "first F32 [3, 2]", "second F32 [3, 2]", "parameter F32 [2, 2]",
      ])
    let full = Self.numbers(24)
    #expect(try Self.floats(file, "full") == full)
    #expect(try Self.floats(file, "transposed") == (0..<24).map { full[$0 % 4 * 6 + $0 / 4] })
    #expect(try Self.floats(file, "part") == [8, 9, 10, 14, 15, 16].map { full[$0] })
    #expect(try Self.floats(file, "scalar") == [2.5] && Self.floats(file, "none").isEmpty)
    #expect(
      try Self.floats(file, "second") == Self.numbers(6) && Self.floats(file, "parameter") == Self.numbers(4))
    let double = try #require(file.tensors.first { $0.name == "double" })
    #expect(
      Array(file.bytes(of: double)) == Self.numbers(5).flatMap { withUnsafeBytes(of: Double($0), Array.init) }
    )
  }

  @Test func `The tensors of dictionaries in dictionaries have the names of both`() throws {
    let file = try TorchFile(try Self.bytes("nested.pt"))
    let names = file.tensors.map(\.name)
    #expect(names.prefix(4) == ["model.0.weight", "model.0.bias", "model.1.weight", "model.1.bias"])
    #expect(try Self.floats(file, "model.0.weight") == Self.numbers(6))
  }

  @Test func `The end of a file tells where its directory is, as the whole file does`() throws {
    let bytes = try Self.bytes("state.pt")
    let whole = try #require(try ZipDirectory(tail: bytes[...], fileSize: bytes.count))
    #expect(whole.count > 10 && bytes[whole.place].starts(with: [0x50, 0x4B, 1, 2]))
    let end = Array(bytes.suffix(bytes.count - whole.place.upperBound))
    #expect(try ZipDirectory(tail: end[...], fileSize: bytes.count) == whole)
    #expect(try ZipDirectory(tail: bytes[..<whole.place.lowerBound], fileSize: whole.place.lowerBound) == nil)
    #expect(throws: Failure.self) { try ZipDirectory(tail: end[...], fileSize: end.count) }
  }

  @Test func `Why a file cannot be read is told, and what helps`() throws {
    func hint(_ bytes: [UInt8]) -> String? {
      #expect(throws: Failure.self) { try TorchFile(bytes) }?.hint
    }
    let whole = try Self.bytes("state.pt")
    #expect(hint(Array(whole.dropLast(whole.count / 2)))?.contains("copy it again") == true)
    #expect(hint([0x80, 2, 0x8A, 10, 0x2E])?.contains("PyTorch 1.6") == true)
    // A dictionary without a tensor.
    #expect(hint(Self.archive([0x80, 2, 0x7D, 0x2E]))?.contains("state_dict()") == true)
  }

  @Test func `What a file asks to be executed is not`() throws {
    let file = try TorchFile(try Self.bytes("hostile.pt"))
    #expect(file.tensors.map(\.name) == ["model.0.weight", "model.0.bias", "model.1.weight", "model.1.bias"])
    #expect(!FileManager.default.fileExists(atPath: "was-executed"))
  }

  @Test(arguments: ["state.pt", "nested.pt", "hostile.pt"])
  func `Any part of a file, and any file with some bytes changed, is read or refused`(name: String) throws {
    let bytes = try Self.bytes(name)
    for length in stride(from: 0, to: bytes.count, by: 7) {
      #expect(throws: Failure.self) { try TorchFile(Array(bytes[..<length])) }
    }
    var generator = Generator(state: 5)
    for _ in 0..<3000 {
      var mutant = bytes
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        mutant[Int.random(in: mutant.indices, using: &generator)] = [
          0, 1, 0x7F, 0x80, 0xFF, UInt8.random(in: 0...255, using: &generator),
        ].randomElement(using: &generator)!
      }
      guard let file = try? TorchFile(mutant) else { continue }
      for tensor in file.tensors { #expect(file.bytes(of: tensor).count == tensor.size) }
    }
  }

  /// The pickle machine on everything that is not a pickle.
  @Test func `No sequence of operations makes the pickle machine do more than describe`() throws {
    var generator = Generator(state: 9)
    let codes = Array(")]}(tRuasebqhQcN0123.\u{80}\u{85}\u{86}\u{87}\u{93}\u{94}".unicodeScalars).map {
      UInt8(truncatingIfNeeded: $0.value)
    }
    for _ in 0..<20_000 {
      let count = Int.random(in: 1...60, using: &generator)
      let pickle = (0..<count).map { _ in
        Bool.random(using: &generator)
          ? codes.randomElement(using: &generator)! : UInt8.random(in: 0...255, using: &generator)
      }
      _ = try? Pickle(pickle[...]).run()
    }
  }

  @Test(arguments: [
    // Three million tuples in each other; as many dictionaries, each in the one before, and in the one behind; a list that holds
    // itself.
    [0x4E] + [UInt8](repeating: 0x85, count: 3_000_000) + [0x2E],
    [UInt8](repeating: 0x7D, count: 1_000_000) + [UInt8](repeating: 0x4E, count: 1)
      + [UInt8](repeating: 0x73, count: 400_000) + [0x2E],
    [0x5D, 0x71, 0] + [UInt8](repeating: 0x5D, count: 300_000) + [UInt8](repeating: 0x61, count: 300_000) + [
      0x2E
    ],
    [0x5D, 0x71, 0, 0x68, 0, 0x61, 0x2E], [0x4E] + [UInt8](repeating: 0x51, count: 2_000_000) + [0x2E],
  ])
  func `Values in each other without end are read or refused, and taken down`(pickle: [UInt8]) {
    _ = try? Pickle(pickle[...]).run()
  }

  /// An archive of a pickle alone.
  private static func archive(_ pickle: [UInt8]) -> [UInt8] {
    func little(_ value: Int, _ count: Int) -> [UInt8] {
      (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
    let name = Array("a/data.pkl".utf8)
    let size = little(pickle.count, 4)
    let local = little(0x0403_4B50, 4) + little(0, 22) + little(name.count, 2) + little(0, 2) + name + pickle
    let entry =
      little(0x0201_4B50, 4) + [UInt8](repeating: 0, count: 16) + size + size + little(name.count, 2)
      + [UInt8](repeating: 0, count: 16) + name
    return local + entry + little(0x0605_4B50, 4) + little(0, 4) + little(1, 2) + little(1, 2)
      + little(entry.count, 4) + little(local.count, 4) + little(0, 2)
  }

  /// A few hundred bytes can hold more entries than anybody can wait for: each dictionary holds the one before it twice.
  @Test func `Dictionaries that hold each other many times over are refused`() throws {
    func text(_ text: String) -> [UInt8] { [0x58, UInt8(text.utf8.count), 0, 0, 0] + Array(text.utf8) }
    func nested(_ depth: Int) -> [UInt8] {
      var pickle: [UInt8] = [0x80, 2, 0x7D, 0x71, 0]
      for index in 1...UInt8(depth) {
        let before: [UInt8] = [0x68, index - 1]
        pickle += [0x7D, 0x71, index, 0x28] + text("a") + before + text("b") + before + [0x75]
      }
      return pickle + [0x2E]
    }
    let shallow = #expect(throws: Failure.self) { try TorchFile(Self.archive(nested(10))) }
    #expect(shallow?.headline.contains("no dictionary of tensors") == true)
    let error = #expect(throws: Failure.self) { try TorchFile(Self.archive(nested(22))) }
    #expect(error?.code == .malformed && error?.headline.contains("entries") == true)
  }

  @Test func `A name without end is refused`() {
    let name: [UInt8] = [0x58, 0x88, 0x13, 0, 0] + [UInt8](repeating: 0x61, count: 5000)
    let error = #expect(throws: Failure.self) {
      try TorchFile(Self.archive([0x80, 2, 0x7D, 0x28] + name + [0x7D, 0x75, 0x2E]))
    }
    #expect(error?.code == .malformed && error?.headline.contains("name") == true)
  }

  /// SplitMix64, so that a failure can be repeated.
  private struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
  }
}
