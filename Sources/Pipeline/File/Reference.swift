/// What names outputs of a stage in a pipeline file: `stage`, `stage[key].output`, `stage[*].output[member]`.
package struct Reference: Hashable {
  package enum Instances: Hashable {
    /// Nothing, or `[*]`.
    case all
    case one([String])
    /// Those that have these keys; nil where `*` leaves one open.
    case matching([String?])
  }

  package let stage: String
  package let instances: Instances
  package let output: String?
  /// One member of a keyed output.
  package let member: String?

  init(stage: String, instances: Instances, output: String?, member: String?) {
    self.stage = stage
    self.instances = instances
    self.output = output
    self.member = member
  }

  /// The text up to the first `[` or `.`, which decides whether it can be a reference at all.
  package static func leadingName(of text: String) -> Substring {
    let bytes = text.utf8
    let end = bytes.firstIndex { $0 == UInt8(ascii: "[") || $0 == UInt8(ascii: ".") }
    return text[..<(end ?? text.endIndex)]
  }

  /// Nil for a text that does not follow the grammar.
  package init?(_ text: String) {
    let name = Reference.leadingName(of: text)
    guard !name.isEmpty else { return nil }
    stage = String(name)
    var rest = text[name.endIndex...]
    if rest.first == "[" {
      guard let keys = Reference.bracketed(&rest) else { return nil }
      if keys == ["*"] {
        instances = .all
      } else if keys.contains("*") {
        instances = .matching(keys.map { $0 == "*" ? nil : $0 })
      } else {
        instances = .one(keys)
      }
    } else {
      instances = .all
    }
    if rest.isEmpty {
      output = nil
      member = nil
      return
    }
    guard rest.removeFirst() == "." else { return nil }
    let output = rest.prefix { $0 != "[" }
    guard !output.isEmpty, !output.contains("/"), !output.contains("]") else { return nil }
    self.output = String(output)
    rest = rest[output.endIndex...]
    if rest.isEmpty {
      member = nil
      return
    }
    guard let member = Reference.bracketed(&rest), member.count == 1, rest.isEmpty else { return nil }
    self.member = member[0]
  }

  /// Takes `[a,b]` off the front.
  private static func bracketed(_ rest: inout Substring) -> [String]? {
    guard rest.first == "[", let close = rest.firstIndex(of: "]") else { return nil }
    let inner = rest[rest.index(after: rest.startIndex)..<close]
    rest = rest[rest.index(after: close)...]
    let keys = inner.split(separator: ",", omittingEmptySubsequences: false).map { key in
      let start = key.drop { $0 == " " }
      return String(start.prefix(start.count - start.reversed().prefix { $0 == " " }.count))
    }
    return keys.contains { $0.isEmpty || $0.contains("[") } ? nil : keys
  }
}
