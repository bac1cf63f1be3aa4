import Actions
import JSON

/// How `{pairs: VALUES, factor: 2}` makes pairs of values: each with its double, or with the one `step` above it, where that
/// is among the values; each with the next one if neither is given. A pair is called like its first value, and `${NAME.to}`
/// is the second.
struct Pairing {
  enum Rule {
    case next
    case step(Int)
    case factor(Int)
  }

  static let column = "to"

  let rule: Rule
  /// Of the values.
  let position: Position

  /// - Parameter entries: of a mapping that has `pairs`.
  /// - Returns: also what `pairs` gives.
  static func read(
    _ entries: [PipelineNode.Entry]
  ) throws(PipelineError) -> (pairing: Pairing, values: PipelineNode) {
    var rule: Rule?
    var values: PipelineNode?
    for entry in entries {
      switch entry.name {
      case "pairs": values = entry.value
      case "step", "factor":
        let least = entry.name == "step" ? 1 : 2
        guard let number = entry.value.json.integer, number >= least else {
          throw PipelineError(
            "'\(entry.name)' of pairs: takes a whole number of at least \(least), not \(entry.value.kind)",
            at: entry.value.position)
        }
        if rule != nil { throw PipelineError("pairs: has either a step or a factor", at: entry.position) }
        rule = entry.name == "step" ? .step(number) : .factor(number)
      default:
        throw PipelineError(
          "pairs: has no '\(entry.name)'", at: entry.position,
          hint: Suggestion.hint(for: entry.name, among: ["step", "factor"]))
      }
    }
    guard let values else { preconditionFailure("there is pairs: among the entries") }
    return (Pairing(rule: rule ?? .next, position: values.position), values)
  }

  func pairs(_ values: [PipelineNode]) throws(PipelineError) -> [Binding] {
    if case .next = rule { return zip(values, values.dropFirst()).map(pair) }
    var numbers: [Int] = []
    var places: [Int: Int] = [:]
    for (place, value) in values.enumerated() {
      guard let number = value.json.integer else {
        throw PipelineError(
          "pairs: with a step or a factor takes whole numbers, not \(value.kind)", at: value.position)
      }
      numbers.append(number)
      places[number] = place
    }
    return zip(values, numbers).compactMap { value, number in
      partner(of: number).flatMap { places[$0] }.map { pair(value, values[$0]) }
    }
  }

  private func pair(_ first: PipelineNode, _ second: PipelineNode) -> Binding {
    Binding(
      first, row: [PipelineNode.Entry(name: Pairing.column, position: second.position, value: second)])
  }

  /// Nil if there is none, or it would be the number itself.
  private func partner(of number: Int) -> Int? {
    let (partner, overflow) =
      switch rule {
      case .next: (number, true)
      case .step(let step): number.addingReportingOverflow(step)
      case .factor(let factor): number.multipliedReportingOverflow(by: factor)
      }
    return overflow || partner == number ? nil : partner
  }
}
