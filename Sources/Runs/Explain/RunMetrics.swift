import Artefacts
import JSON
import Pipeline

/// The numbers of a JSON file.
enum RunMetrics {
  struct Value: Sendable {
    let path: String
    let value: JSON
    let isInList: Bool
  }

  /// Lists up to this long are looked at number by number, as an interval is.
  private static let shortList = 8

  /// Empty for what is no JSON, and for what is too large.
  static func values(of digest: Digest, in store: Store, sizeLimit: Int) throws -> [Value] {
    let artefact = try store.artefact(digest)
    guard artefact.kind == .blob, artefact.size <= sizeLimit else { return [] }
    let bytes = try store.bytes(of: digest, limit: sizeLimit)
    guard let first = bytes.first(where: { $0 > 0x20 }),
      first == UInt8(ascii: "{") || first == UInt8(ascii: "["),
      let json = try? JSON(parsing: bytes, options: .python)
    else { return [] }
    var values: [Value] = []
    collect(json, "", isInList: false, &values)
    return values
  }

  private static func collect(_ json: JSON, _ path: String, isInList: Bool, _ values: inout [Value]) {
    switch json {
    case .integer, .number, .bool: values.append(Value(path: path, value: json, isInList: isInList))
    case .object(let members):
      for (name, member) in members.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
        collect(member, path.isEmpty ? name : "\(path).\(name)", isInList: isInList, &values)
      }
    case .array(let elements):
      let isLong = isInList || elements.count > shortList
      for (index, element) in elements.enumerated() {
        collect(element, "\(path)[\(index)]", isInList: isLong, &values)
      }
    case .string, .null: break
    }
  }
}
