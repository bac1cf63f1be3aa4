internal import JSON
public import System

extension DocumentReader {
  /// Whether the first line that is not empty is a JSON object.
  public static func looksLikeJSONLines(_ bytes: [UInt8]) -> Bool {
    var text = bytes[...]
    if text.starts(with: [0xEF, 0xBB, 0xBF]) { text = text.dropFirst(3) }
    text = text.drop { $0 == 0x20 || (0x09...0x0D).contains($0) }
    guard text.first == UInt8(ascii: "{") else { return false }
    return (try? JSON(parsing: text.prefix { $0 != UInt8(ascii: "\n") }))?.object != nil
  }

  /// Takes in a document from each line. Lines that are empty or white space are passed over.
  ///
  /// - Parameters:
  ///   - field: the member that holds the document.
  ///   - file: what messages call the bytes.
  /// - Throws: `malformed` with the line that is no JSON object, or has no such member, or none that is a text.
  public mutating func add(jsonLines bytes: [UInt8], field: String, file: String) throws(Failure) {
    var start = 0
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
      countByteOrderMark()
      start = 3
    }
    var number = 0
    while start < bytes.count {
      let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
      number += 1
      let line = bytes[start..<end]
      start = end + 1
      if Self.isBlank(line) { continue }
      func failure(_ message: String) -> Failure {
        Failure(.malformed, "\(file):\(number): \(message)", hint: "name the member with 'field'")
      }
      let (valid, sequences) = Self.valid(line)
      let json: JSON
      do {
        json = try JSON(parsing: valid)
      } catch {
        throw Failure(.malformed, "\(file):\(number):\(error.column): \(error.message)")
      }
      guard json.object != nil else { throw failure("this is \(json.kind), not an object") }
      guard let value = json[field] else { throw failure("there is no member \"\(field)\"") }
      guard let text = value.string else {
        throw failure("the member \"\(field)\" is \(value.kind), not a text")
      }
      add(valid: Array(text.utf8)[...], invalidSequences: sequences)
    }
  }
}
