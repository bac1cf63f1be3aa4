internal import Actions
internal import JSON

/// After which updates a training leaves a checkpoint, beside the last one.
enum LMCheckpointSteps: ParameterValue, Sendable {
  case powersOfTwo
  case every(Int)
  /// Ascending.
  case list([Int])

  static let typeName =
    "'powers-of-two', a whole number N from 1 on (every N updates), or updates in ascending order (100,200)"

  private static let powersName = "powers-of-two"

  init?(parameter: JSON) {
    if parameter.string == Self.powersName {
      self = .powersOfTwo
    } else if let every = parameter.integer ?? parameter.string.flatMap(Int.init) {
      guard every > 0 else { return nil }
      self = .every(every)
    } else {
      // A list, or the text of one, as it is given in a command line.
      let steps =
        parameter.array?.map(\.integer)
        ?? parameter.string?.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
      guard let steps, steps.allSatisfy({ $0 ?? 0 > 0 }) else { return nil }
      let ascending = steps.compactMap { $0 }
      guard zip(ascending, ascending.dropFirst()).allSatisfy(<) else { return nil }
      self = .list(ascending)
    }
  }

  var parameter: JSON {
    switch self {
    case .powersOfTwo: .string(Self.powersName)
    case .every(let count): .integer(Int64(count))
    case .list(let steps): .array(steps.map { .integer(Int64($0)) })
    }
  }

  /// Those before the update `end`, in ascending order; at most `limit` of them.
  func steps(before end: Int, limit: Int) -> [Int] {
    switch self {
    case .powersOfTwo: Array(sequence(first: 1) { $0 * 2 }.prefix { $0 < end }.prefix(limit))
    case .every(let count): Array(stride(from: count, to: end, by: count).prefix(limit))
    case .list(let steps): Array(steps.prefix { $0 < end }.prefix(limit))
    }
  }
}
