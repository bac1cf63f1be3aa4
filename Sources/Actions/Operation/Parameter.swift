public import JSON
public import System

/// Why a parameter's value is refused.
public struct ParameterError: Error, CustomStringConvertible {
  public let parameter: String
  public let message: String
  /// What it comes from, with more that its reader should know.
  public let cause: Failure?

  public init(_ parameter: String, _ message: String, cause: Failure? = nil) {
    self.parameter = parameter
    self.message = message
    self.cause = cause
  }

  public var description: String { "parameter '\(parameter)' \(message)" }
}

/// A parameter of an operation, whatever its type.
public protocol ParameterDeclaration: Sendable {
  var name: String { get }
  /// `steps`, `nats`, or nothing.
  var unit: String? { get }
  var help: String { get }
  /// What `brake operations` says of its type: `whole number, at least 0`.
  var type: String { get }
  /// Nil where a value must be given.
  var defaultValue: JSON? { get }
  /// The value in canonical form (a whole number for an integer, and so on).
  func canonical(_ value: JSON) throws(ParameterError) -> JSON
}

/// The types that parameters can have.
public protocol ParameterValue: Sendable {
  static var typeName: String { get }
  init?(parameter: JSON)
  var parameter: JSON { get }
}

/// A typed parameter. Declared once as a constant of its operation, it is also what reads its value:
///
///     static let skip = Parameter("skip", default: 100, unit: "steps", in: 0..., help: "…")
///     let skip = context[Self.skip]
public struct Parameter<Value: ParameterValue>: ParameterDeclaration {
  public let name: String
  public let unit: String?
  public let help: String
  public let defaultValue: JSON?
  let constraint: String?
  let allows: @Sendable (Value) -> Bool

  /// - Parameters:
  ///   - constraint: what `allows` demands, to follow the type in messages: `at least 0`.
  public init(
    _ name: String, default value: Value? = nil, unit: String? = nil, help: String,
    constraint: String? = nil, allows: @escaping @Sendable (Value) -> Bool = { _ in true }
  ) {
    self.name = name
    self.unit = unit
    self.help = help
    self.defaultValue = value?.parameter
    self.constraint = constraint
    self.allows = allows
  }

  public var type: String { constraint.map { "\(Value.typeName), \($0)" } ?? Value.typeName }

  public func canonical(_ value: JSON) throws(ParameterError) -> JSON { try read(value).parameter }

  func read(_ json: JSON) throws(ParameterError) -> Value {
    guard let value = Value(parameter: json) else {
      throw ParameterError(name, "takes \(type), not \(json.kind) (\(json.canonical))")
    }
    guard allows(value) else {
      throw ParameterError(name, "takes \(type), not \(json.canonical)")
    }
    return value
  }
}

extension Parameter where Value: Comparable {
  public init(
    _ name: String, default value: Value? = nil, unit: String? = nil, in range: ClosedRange<Value>,
    help: String
  ) {
    self.init(
      name, default: value, unit: unit, help: help,
      constraint: "from \(range.lowerBound) to \(range.upperBound)", allows: range.contains)
  }

  public init(
    _ name: String, default value: Value? = nil, unit: String? = nil,
    in range: PartialRangeFrom<Value>, help: String
  ) {
    self.init(
      name, default: value, unit: unit, help: help, constraint: "at least \(range.lowerBound)",
      allows: range.contains)
  }
}

extension Parameter where Value == String {
  public init(
    _ name: String, default value: String? = nil, oneOf choices: [String], help: String
  ) {
    self.init(
      name, default: value, help: help, constraint: "one of \(choices.joined(separator: ", "))",
      allows: choices.contains)
  }
}

/// The values of an operation's parameters, checked and complete.
public struct ParameterValues: Sendable, Hashable {
  /// Name to canonical value, defaults filled in.
  public let values: [String: JSON]

  /// Of an operation without parameters.
  package static let none = ParameterValues(values: [:])

  private init(values: [String: JSON]) { self.values = values }

  /// - Parameter values: complete, and each in canonical form.
  package init(canonical values: [String: JSON]) { self.values = values }

  /// Checks the values against the declarations and fills in defaults. Unknown names are the caller's to report, since
  /// only it knows where they stand.
  public init(
    _ given: [String: JSON], declarations: [any ParameterDeclaration]
  ) throws(ParameterError) {
    var values: [String: JSON] = [:]
    for declaration in declarations {
      if let value = given[declaration.name] {
        values[declaration.name] = try declaration.canonical(value)
      } else if let value = declaration.defaultValue {
        values[declaration.name] = value
      } else {
        throw ParameterError(declaration.name, "needs a value (\(declaration.type))")
      }
    }
    self.values = values
  }

  /// - Precondition: the parameter is one that these values were checked against.
  public subscript<Value>(_ parameter: Parameter<Value>) -> Value {
    guard let json = values[parameter.name], let value = try? parameter.read(json) else {
      preconditionFailure("'\(parameter.name)' is not a declared parameter")
    }
    return value
  }
}

extension Int: ParameterValue {
  public static var typeName: String { "a whole number" }
  public init?(parameter: JSON) {
    guard let value = parameter.integer else { return nil }
    self = value
  }
  public var parameter: JSON { .integer(Int64(self)) }
}

extension Double: ParameterValue {
  public static var typeName: String { "a number" }
  public init?(parameter: JSON) {
    guard let value = parameter.double, value.isFinite else { return nil }
    self = value
  }
  public var parameter: JSON {
    Int64(exactly: self).map { .integer($0) } ?? .number(self)
  }
}

extension Bool: ParameterValue {
  public static var typeName: String { "true or false" }
  public init?(parameter: JSON) {
    guard let value = parameter.bool else { return nil }
    self = value
  }
  public var parameter: JSON { .bool(self) }
}

extension String: ParameterValue {
  public static var typeName: String { "text" }
  /// Numbers and booleans are taken as they are written: a run may be called 14.
  public init?(parameter: JSON) {
    switch parameter {
    case .string(let value): self = value
    case .integer, .number, .bool: self = parameter.canonical
    default: return nil
    }
  }
  public var parameter: JSON { .string(self) }
}

extension Array: ParameterValue where Element: ParameterValue {
  public static var typeName: String { "a list (each \(Element.typeName))" }
  public init?(parameter: JSON) {
    guard let elements = parameter.array else { return nil }
    var values: [Element] = []
    for element in elements {
      guard let value = Element(parameter: element) else { return nil }
      values.append(value)
    }
    self = values
  }
  public var parameter: JSON { .array(map(\.parameter)) }
}

extension Dictionary: ParameterValue where Key == String, Value: ParameterValue {
  public static var typeName: String { "a mapping (each value \(Value.typeName))" }
  public init?(parameter: JSON) {
    guard let members = parameter.object else { return nil }
    var values: [String: Value] = [:]
    for (name, member) in members {
      guard let value = Value(parameter: member) else { return nil }
      values[name] = value
    }
    self = values
  }
  public var parameter: JSON { .object(mapValues(\.parameter)) }
}
