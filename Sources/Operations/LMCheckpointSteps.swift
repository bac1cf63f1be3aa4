internal import JSON
internal import Pipeline

/// After which updates a training leaves a checkpoint, beside the last one.
enum LMCheckpointSteps: ParameterValue, Sendable {
  case powersOfTwo
  case every(Int)
  /// Ascending.
  case list([Int])

  static let typeName =
    "'powers-of-two', a whole number N from 1 on (every N updates), or a list of updates in ascending order"

  private static let powersName = "powers-of-two"

  init?(parameter: JSON) {
    if let every = parameter.integer {
      guard every > 0 else { return nil }
      self = .every(every)
    } else if let list = parameter.array {
      let steps = list.compactMap(\.integer)
      guard steps.count == list.count, steps.allSatisfy({ $0 > 0 }),
        zip(steps, steps.dropFirst()).allSatisfy(<)
      else { return nil }
      self = .list(steps)
    } else {
      guard parameter.string == Self.powersName else { return nil }
      self = .powersOfTwo
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
