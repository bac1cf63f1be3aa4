public import JSON

/// What differs between two JSON values, by path.
public struct ValuesDifference: Difference {
  public static let kind = "values"

  public struct Change: Sendable {
    /// `fits[2].alpha`; empty for the whole.
    public let path: String
    /// Nil for what was not there.
    public let before: JSON?
    /// Nil for what is not there any more.
    public let now: JSON?

    var number: NumberChange? {
      if let before = before.flatMap(ValuesDifference.whole), let now = now.flatMap(ValuesDifference.whole) {
        return NumberChange(before, now)
      }
      guard let before = before?.double, let now = now?.double else { return nil }
      return NumberChange(before, now)
    }
  }

  /// In the order of the paths, at most `limit` of them.
  public private(set) var changes: [Change] = []
  /// How many there are.
  public private(set) var count = 0
  /// Numbers, texts and the like that are the same.
  public private(set) var same = 0
  private var largest: (path: String, relative: Double)?
  /// Numbers that were zero, or were or are not finite: nobody can say by how much they differ.
  private var withoutMeasure = 0

  static let limit = 10_000

  public init(_ before: JSON, _ now: JSON) { compare(before, now, "") }

  private mutating func compare(_ before: JSON, _ now: JSON, _ path: String) {
    switch (before, now) {
    case (.object(let old), .object(let new)):
      let old = Dictionary(uniqueKeysWithValues: old.map { (ExactText($0), $1) })
      let new = Dictionary(uniqueKeysWithValues: new.map { (ExactText($0), $1) })
      let names = Set(old.keys).union(new.keys)
        .sorted { $0.text.utf8.lexicographicallyPrecedes($1.text.utf8) }
      for name in names {
        let inner = ValuesDifference.path(path, name.text)
        if let old = old[name], let new = new[name] {
          compare(old, new, inner)
        } else {
          add(Change(path: inner, before: old[name], now: new[name]))
        }
      }
    case (.array(let old), .array(let new)):
      for index in 0..<max(old.count, new.count) {
        let inner = "\(path)[\(index)]"
        if index < old.count, index < new.count {
          compare(old[index], new[index], inner)
        } else {
          add(
            Change(
              path: inner, before: index < old.count ? old[index] : Optional.none,
              now: index < new.count ? new[index] : Optional.none))
        }
      }
    default:
      if ValuesDifference.areSame(before, now) {
        same += 1
      } else {
        add(Change(path: path, before: before, now: now))
      }
    }
  }

  /// Texts by their bytes, whole numbers exactly, others as numbers, whatever is no number as the same.
  static func areSame(_ one: JSON, _ other: JSON) -> Bool {
    if let one = whole(one), let other = whole(other) { return one == other }
    if case .string(let one) = one, case .string(let other) = other {
      return ExactText(one) == ExactText(other)
    }
    if let one = one.double, let other = other.double { return one == other || one.isNaN && other.isNaN }
    return one == other
  }

  /// A number as a whole one; nil for fractions and for what does not fit.
  private static func whole(_ value: JSON) -> Int128? {
    switch value {
    case .integer(let value): Int128(value)
    case .number(let value): Int128(exactly: value)
    default: nil
    }
  }

  static func path(_ path: String, _ name: String) -> String {
    let isPlain =
      !name.isEmpty
      && name.utf8.allSatisfy { 48...57 ~= $0 || 65...90 ~= $0 || 97...122 ~= $0 || $0 == 95 || $0 == 45 }
    if !isPlain { return "\(path)[\(JSON.string(name).canonical)]" }
    return path.isEmpty ? name : "\(path).\(name)"
  }

  private mutating func add(_ change: Change) {
    count += 1
    if let relative = change.number?.relative, relative > largest?.relative ?? -1 {
      largest = (change.path, relative)
    }
    if change.before?.double != nil, change.now?.double != nil, change.number?.relative == nil {
      withoutMeasure += 1
    }
    if changes.count < ValuesDifference.limit { changes.append(change) }
  }

  public var headline: String {
    if count == 0 { return "the same values, written otherwise" }
    let text = "\(count) of \(Listing.count(count + same, "value")) differ"
    let strange =
      withoutMeasure > 0 ? ", \(withoutMeasure) from zero, or from or to what is no finite number" : ""
    guard let largest else { return text + strange }
    return text + strange + (strange.isEmpty ? "," : ", others")
      + " at most by \(NumberChange.text(largest.relative * 100)) %, at \(largest.path)"
  }

  public func details(most: Int) -> [String] {
    Listing.lines(changes, of: count, most: most) { change in
      let path = change.path.isEmpty ? "the value" : change.path
      switch (change.before, change.now) {
      case (let before?, nil): return ["- \(path): \(ValuesDifference.excerpt(before))"]
      case (nil, let now?): return ["+ \(path): \(ValuesDifference.excerpt(now))"]
      case (let before?, let now?):
        let by = change.number.map { ", " + $0.text } ?? ""
        return ["~ \(path): \(ValuesDifference.excerpt(before)), now \(ValuesDifference.excerpt(now))\(by)"]
      case (nil, nil): return []
      }
    }
  }

  private static func excerpt(_ value: JSON) -> String {
    if case .number(let number) = value, !number.isFinite { return "\(number)" }
    let text = value.canonical
    return text.count > 80 ? text.prefix(80) + "…" : text
  }

  public var json: [String: JSON] {
    [
      "differing": .integer(Int64(count)), "same": .integer(Int64(same)),
      "changes": .array(
        changes.map { change in
          var members: [String: JSON] = ["path": .string(change.path)]
          members["before"] = change.before
          members["now"] = change.now
          if let number = change.number {
            members["absolute"] = .finite(number.absolute)
            members["relative"] = .finite(number.relative)
          }
          return .object(members)
        }),
    ]
  }
}
