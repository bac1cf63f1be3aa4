import Actions

/// An instance before its inputs are known.
struct Draft {
  let keys: [String]
  let name: String
  let bindings: [Binding]
  /// Nil for a command.
  let parameters: ParameterValues?
}

/// The instances of a stage, also found by their keys.
final class Drafts {
  let list: [Draft]
  private lazy var single: [String: Int] = Dictionary(
    list.enumerated().map { ($1.keys[0], $0) }, uniquingKeysWith: { first, _ in first })
  private lazy var several: [[String]: Int] = Dictionary(
    list.enumerated().map { ($1.keys, $0) }, uniquingKeysWith: { first, _ in first })

  init(_ list: [Draft]) { self.list = list }

  var count: Int { list.count }
  subscript(_ place: Int) -> Draft { list[place] }

  /// Of a stage with variables.
  func place(of keys: [String]) -> Int? {
    guard list.first?.keys.count == keys.count else { return nil }
    return keys.count == 1 ? single[keys[0]] : several[keys]
  }
}
