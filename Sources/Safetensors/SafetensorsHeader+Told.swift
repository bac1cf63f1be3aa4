internal import JSON
public import System

extension SafetensorsHeader {
  /// How many bytes of tensors a header tells of, also of tensors with a type that nothing here reads. Next to no memory is taken for it,
  /// whatever stands there.
  /// - Parameter json: the header without its length.
  public static func dataSize(toldBy json: [UInt8]) throws(Failure) -> Int {
    let end: Int?
    do throws(JSONError) { end = try endOfTensors(json) } catch {
      throw Failure(.malformed, "the header is not JSON: \(error)", cause: error)
    }
    guard let end else { throw Failure(.malformed, "the header does not tell where its tensors are") }
    return end
  }

  private static func endOfTensors(_ json: [UInt8]) throws(JSONError) -> Int? {
    var parser = try JSONParser(passingOver: json, options: .python)
    var end: Int? = 0
    let isObject = try parser.members { parser, name throws(JSONError) in
      guard name != metadataName else { return try parser.skip() }
      let told = try endOfTensor(&parser)
      end = end.flatMap { end in told.map { max(end, $0) } }
    }
    try parser.finish()
    return isObject ? end : nil
  }

  /// - Returns: the second number in the `data_offsets` of a tensor; nil if these are not two whole numbers.
  private static func endOfTensor(_ parser: inout JSONParser) throws(JSONError) -> Int? {
    var offsets: [Int?] = []
    _ = try parser.members { parser, name throws(JSONError) in
      guard name == "data_offsets" else { return try parser.skip() }
      offsets = []
      _ = try parser.elements { parser throws(JSONError) in
        let offset = try parser.integer()
        if offsets.count < 3 { offsets.append(offset) }
      }
    }
    guard offsets.count == 2, offsets[0] != nil else { return nil }
    return offsets[1]
  }
}
