import Differences
import JSON
import Safetensors
import Support
import Testing

@Suite struct TensorsTests {
  private func elements(_ dtype: DType, _ before: [UInt8], _ now: [UInt8]) throws -> JSON {
    let sides = Sides()
    let shape = [before.count / dtype.size]
    let difference = try sides.compare(
      try safetensors([("w", dtype, shape, before)]), try safetensors([("w", dtype, shape, now)]))
    let tensors = try #require(difference as? TensorsDifference)
    return try #require(tensors.object["tensors"]?.array?.first)
  }

  @Test func `Each tensor is told apart`() throws {
    let one = bytes([Float](repeating: 1, count: 6))
    let before = try safetensors([
      ("changed", .float32, [4], bytes([3, 0, 0, 4] as [Float])), ("gone", .float32, [6], one),
      ("same", .float32, [2, 3], one), ("shape", .float32, [2, 3], one),
      ("type", .float32, [1], bytes([Float(1)])),
    ])
    let now = try safetensors([
      ("added", .float32, [6], one), ("changed", .float32, [4], bytes([3, 0.5, 0, 4] as [Float])),
      ("same", .float32, [2, 3], one), ("shape", .float32, [3, 2], one),
      ("type", .int32, [1], bytes([Int32(1)])),
    ])
    let difference = try #require(try Sides().compare(before, now))
    #expect(
      difference.details(most: 10) == [
        "added: added", "changed: 1 of 4 elements differ, max abs 0.5, relative L2 0.1", "gone: removed",
        "shape: was F32 [2, 3], is F32 [3, 2]", "type: was F32 [1], is I32 [1]",
      ])
    #expect(difference.headline == "5 of 6 tensors differ, at most by 0.5, in changed")
    #expect(difference.object["same"] == 1)
  }

  @Test func `What became no number is said before all else`() throws {
    func file(_ values: [Float]) throws -> [UInt8] {
      try safetensors([
        ("same", .float32, [1], bytes([Float(1)])), ("w", .float32, [values.count], bytes(values)),
      ])
    }
    let nan = Float.nan
    let all = try #require(try Sides().compare(try file([1, 2, 3, 4]), try file([1, nan, 3, nan])))
    #expect(all.headline == "1 of 2 tensors differ, 2 elements are no number now, as in w")
    #expect(
      all.details(most: 9) == ["w: 2 of 4 elements differ, 0 were no number, 2 are none now"])
    let some = try #require(try Sides().compare(try file([1, 2, 3, 4]), try file([1, 2.5, 3, nan])))
    #expect(
      some.headline
        == "1 of 2 tensors differ, 1 element is no number now, as in w, numbers at most by 0.5, in w")
    let none = try #require(try Sides().compare(try file([0, 2, 3, nan]), try file([-0.0, 2, 3, nan])))
    #expect(none.headline == "1 of 2 tensors differ")
  }

  @Test func `All types of numbers are understood`() throws {
    let cases: [(DType, [UInt8], [UInt8], Double)] = [
      (.float64, bytes([1e300, 2.0]), bytes([1e300, 2.25]), 0.25),
      (.float32, bytes([Float(1), 2]), bytes([Float(1), 2.25]), 0.25),
      (.bfloat16, bytes([UInt16(0x3F80)]), bytes([UInt16(0x3FC0)]), 0.5),
      (.float16, bytes([UInt16(0x3C00)]), bytes([UInt16(0x3E00)]), 0.5),
      (.float16, bytes([UInt16(0x0001)]), bytes([UInt16(0x8001)]), 0x1p-23),
      (.float8e4m3, [0x38], [0x3C], 0.5), (.float8e4m3, [0x01], [0x00], 0x1p-9),
      (.float8e5m2, [0x3C], [0x3E], 0.5),
      (.uint8, [255], [0], 255), (.int8, bytes([Int8.min]), bytes([Int8.max]), 255), (.bool, [0], [1], 1),
      (.int64, bytes([Int64.min]), bytes([Int64.max]), 0x1p64),
      (.int64, bytes([Int64(1) << 53]), bytes([Int64(1) << 53 + 1]), 1),
      (.uint64, bytes([UInt64.max]), bytes([UInt64.max - 3]), 3),
      (.int32, bytes([Int32(-5)]), bytes([Int32(5)]), 10),
      (.uint32, bytes([UInt32(7)]), bytes([UInt32(9)]), 2),
      (.int16, bytes([Int16(-5)]), bytes([Int16(5)]), 10),
      (.uint16, bytes([UInt16(7)]), bytes([UInt16(9)]), 2),
    ]
    for (dtype, before, now, expected) in cases {
      let found = try elements(dtype, before, now)
      #expect(found["max_abs"]?.double == expected, "\(dtype)")
      #expect(found["differing"] == 1, "\(dtype)")
    }
  }

  @Test func `What is no number is counted and spoils nothing`() throws {
    let found = try elements(
      .float32, bytes([Float.nan, 1, .nan, .infinity, 2]), bytes([Float.nan, .nan, 1, .infinity, 3]))
    #expect(found["nans_before"] == 2)
    #expect(found["nans_now"] == 2)
    #expect(found["differing"] == 3)
    #expect(found["max_abs"]?.double == 1)
    #expect(found["relative_l2"]?.double == 0.5)
    let infinite = try elements(.float32, bytes([Float(1)]), bytes([Float.infinity]))
    #expect(infinite["max_abs"] == .null)
    #expect(infinite["differing"] == 1)
    let eight = try elements(.float8e4m3, [0x7F], [0x7E])
    #expect(eight["nans_before"] == 1)
  }

  @Test func `Other bits of the same numbers are told from other numbers`() throws {
    let found = try elements(.float32, bytes([Float(0)]), bytes([-Float(0)]))
    #expect(found["differing"] == 0)
    #expect(found["relative_l2"] == .null)
  }

  @Test func `Files that hold the same tensors and other metadata differ in that`() throws {
    let tensor = (name: "w", dtype: DType.float32, shape: [1], bytes: bytes([Float(1)]))
    let difference = try #require(
      try Sides().compare(
        try safetensors([tensor], metadata: ["step": "1"]), try safetensors([tensor], metadata: ["step": "2"])
      ))
    #expect(difference.details(most: 10) == ["metadata: ~ step: \"1\", now \"2\""])
    #expect(difference.headline == "0 of 1 tensor differ, and so does the metadata")
  }

  @Test func `Tensors longer than what is read at once are compared to their ends`() throws {
    let count = 700_001
    var numbers = [Float](repeating: 0.5, count: count)
    let before = try safetensors([("a", .float32, [count], bytes(numbers)), ("z", .uint8, [3], [1, 2, 3])])
    numbers[count - 1] = 1
    numbers[300_000] = 2
    let now = try safetensors([("a", .float32, [count], bytes(numbers)), ("z", .uint8, [3], [1, 2, 3])])
    let difference = try #require(try Sides().compare(before, now))
    let tensor = difference.object["tensors"]?.array?.first
    #expect(tensor?["differing"] == 2)
    #expect(tensor?["max_abs"] == 1.5)
  }

  @Test func `A spoiled file is compared, whatever it is then`() throws {
    let good = try safetensors([("w", .float32, [2], bytes([Float(1), 2]))], metadata: ["a": "b"])
    let sides = Sides()
    Mutator.run("diff of tensors", on: [good], tries: 300) { mutant in
      try sides.compare(good, mutant) != nil
    }
  }
}
