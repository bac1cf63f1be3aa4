internal import JSON
internal import System

/// Typed reading of members, for results that are kept as JSON. Errors name the member.
extension JSON {
  func member(_ name: String) throws(Failure) -> JSON {
    guard let value = self[name] else {
      throw Failure(.malformed, "the member \"\(name)\" is missing in \(kind)")
    }
    return value
  }

  func number(_ name: String) throws(Failure) -> Double {
    let value = try member(name)
    guard let number = value.double else { throw .wrong(name, "a number", value) }
    return number
  }

  /// A number, or nil for `null` or a member that is not there: what is not finite is kept as `null`.
  func optionalNumber(_ name: String) throws(Failure) -> Double? {
    guard let value = self[name], !value.isNull else { return nil }
    guard let number = value.double else { throw .wrong(name, "a number", value) }
    return number
  }

  func whole(_ name: String) throws(Failure) -> Int {
    let value = try member(name)
    guard let whole = value.integer else { throw .wrong(name, "a whole number", value) }
    return whole
  }

  func optionalWhole(_ name: String) throws(Failure) -> Int? {
    guard let value = self[name], !value.isNull else { return nil }
    return try whole(name)
  }

  func text(_ name: String) throws(Failure) -> String {
    let value = try member(name)
    guard let text = value.string else { throw .wrong(name, "a text", value) }
    return text
  }

  /// One of the names of a type.
  /// - Parameter fault: what is said of any other, as in "is no verdict".
  func choice<Choice: RawRepresentable<String>>(
    _ name: String, otherwise fault: String
  ) throws(Failure) -> Choice {
    let text = try text(name)
    guard let choice = Choice(rawValue: text) else { throw Failure(.malformed, "\"\(text)\" \(fault)") }
    return choice
  }

  func flag(_ name: String) throws(Failure) -> Bool {
    let value = try member(name)
    guard let flag = value.bool else { throw .wrong(name, "true or false", value) }
    return flag
  }

  func list(_ name: String) throws(Failure) -> [JSON] {
    let value = try member(name)
    guard let list = value.array else { throw .wrong(name, "a list", value) }
    return list
  }

  func numbers(_ name: String) throws(Failure) -> [Double] {
    var numbers: [Double] = []
    for value in try list(name) {
      guard let number = value.double else { throw .wrong(name, "a list of numbers", value) }
      numbers.append(number)
    }
    return numbers
  }

  func wholes(_ name: String) throws(Failure) -> [Int] {
    var wholes: [Int] = []
    for value in try list(name) {
      guard let whole = value.integer else { throw .wrong(name, "a list of whole numbers", value) }
      wholes.append(whole)
    }
    return wholes
  }

  func texts(_ name: String) throws(Failure) -> [String] {
    var texts: [String] = []
    for value in try list(name) {
      guard let text = value.string else { throw .wrong(name, "a list of texts", value) }
      texts.append(text)
    }
    return texts
  }

  static func whole(_ value: Int) -> JSON { .integer(Int64(value)) }
  static func optional(_ value: Double?) -> JSON { value.map { .number($0) } ?? .null }
  static func optional(_ value: Int?) -> JSON { value.map { .whole($0) } ?? .null }
  static func numbers(_ values: [Double]) -> JSON { .array(values.map { .number($0) }) }
  static func wholes(_ values: [Int]) -> JSON { .array(values.map { .whole($0) }) }
  static func texts(_ values: [String]) -> JSON { .array(values.map { .string($0) }) }
}

extension Failure {
  fileprivate static func wrong(_ name: String, _ expected: String, _ value: JSON) -> Failure {
    Failure(.malformed, "the member \"\(name)\" is \(value.kind) where \(expected) should stand")
  }
}
