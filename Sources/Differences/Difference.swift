public import JSON

/// What differs between two contents of one kind.
public protocol Difference: Sendable {
  /// What kind of difference it is: `tree`, `tensors`, `values`, `table`, `text`, `bytes`, `kinds`.
  static var kind: String { get }
  /// The most important in a few words, without a full stop.
  var headline: String { get }
  /// The rest, a line each.
  /// - Parameter most: so many of each list; the others are counted.
  func details(most: Int) -> [String]
  /// All that is known, without `kind`.
  var json: [String: JSON] { get }
}

extension Difference {
  /// The difference as one object.
  public var object: JSON {
    .object(json.merging(["kind": .string(Self.kind), "summary": .string(headline)]) { $1 })
  }
}

/// How differences are told: bounded lists with the rest counted.
enum Listing {
  static func lines<Element>(_ elements: [Element], of count: Int, most: Int, _ line: (Element) -> [String])
    -> [String]
  {
    let shown = elements.prefix(most)
    let rest = count - shown.count
    return shown.flatMap(line) + (rest > 0 ? ["and \(rest) more"] : [])
  }

  /// `1 row`, `3 rows`.
  static func count(_ count: Int, _ one: String, _ many: String? = nil) -> String {
    "\(count) \(count == 1 ? one : many ?? one + "s")"
  }
}
