import Differences
import JSON
import Safetensors
import Support
import Testing

/// Two files or folders in a folder of a test's own.
struct Sides {
  let folder = TemporaryFolder()

  func compare(_ before: String, _ now: String) throws -> (any Difference)? {
    folder.write(before, to: "before")
    folder.write(now, to: "now")
    return try compare()
  }

  func compare(_ before: [UInt8], _ now: [UInt8]) throws -> (any Difference)? {
    folder.write(before, to: "before")
    folder.write(now, to: "now")
    return try compare()
  }

  func compare() throws -> (any Difference)? {
    try Differences.compare(FileContent(folder["before"]), FileContent(folder["now"]))
  }
}

/// A safetensors file of tensors with the bytes of lists of numbers.
func safetensors(
  _ tensors: [(name: String, dtype: DType, shape: [Int], bytes: [UInt8])], metadata: [String: String] = [:]
) throws -> [UInt8] {
  let writer = try SafetensorsWriter(tensors.map { ($0.name, $0.dtype, $0.shape) }, metadata: metadata)
  var file: [UInt8] = []
  try writer.write(
    { tensor, take in
      try tensors.first { $0.name == tensor.name }!.bytes.withUnsafeBytes { try take($0) }
    }, to: { file += $0 })
  return file
}

func bytes<Element: BitwiseCopyable>(_ elements: [Element]) -> [UInt8] {
  elements.withUnsafeBytes { Array($0) }
}
