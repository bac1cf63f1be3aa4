import JSON

/// What bytes say if they are read as text.
enum StructuredText {
  /// The object or list that a JSON file holds, or the list of them that stand in its lines; nil for anything else. A number
  /// alone is a text.
  static func value(_ bytes: [UInt8]) -> JSON? {
    guard let first = bytes.first(where: { $0 > 0x20 }),
      first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
    else { return nil }
    var options = JSON.Options.python
    options.longWholeAsText = true
    if let value = try? JSON(parsing: bytes, options: options) { return value }
    let lines = bytes.split(separator: UInt8(ascii: "\n")).filter { $0.contains { $0 > 0x20 } }
    guard lines.count > 1 else { return nil }
    var values: [JSON] = []
    for line in lines {
      guard let value = try? JSON(parsing: line, options: options) else { return nil }
      values.append(value)
    }
    return .array(values)
  }

  /// Nil if the bytes are no text.
  static func text(_ bytes: [UInt8]) -> String? {
    bytes.contains(0) ? nil : String(validating: bytes, as: UTF8.self)
  }
}
