import Actions
import JSON

/// What `codes:`, `timeout:`, `grace:` and `retries:` of a command say, read once for all instances of its stage.
struct OpenEnding {
  static let fields: [StageField] = [.codes, .timeout, .grace, .retries]

  private let stage: String
  private var common = CommandEnding()
  private var open: [(field: StageField, value: OpenValue)] = []

  init(
    _ declaration: CommandDeclaration, of stage: String, _ names: StageNames, _ faults: Faults
  ) throws(PipelineError) {
    self.stage = stage
    for (field, node) in declaration.ending {
      do throws(PipelineError) {
        let value = try OpenValue(node, names)
        if let fixed = value.fixed {
          try read(field, fixed, into: &common)
        } else {
          open.append((field, value))
        }
      } catch {
        try faults.take(error)
      }
    }
  }

  /// That of one instance.
  func ending(_ bindings: [Binding]) throws(PipelineError) -> CommandEnding {
    if open.isEmpty { return common }
    var ending = common
    for (field, value) in open { try read(field, value.value(bindings), into: &ending) }
    return ending
  }

  // MARK: Values

  private func read(
    _ field: StageField, _ node: PipelineNode, into ending: inout CommandEnding
  ) throws(PipelineError) {
    switch field {
    case .codes: ending.codes = try codes(node)
    case .timeout: ending.timeout = try duration(node, "timeout")
    case .grace: ending.grace = try duration(node, "grace")
    default:
      guard let number = node.json.integer, 0...CommandEnding.mostRetries ~= number else {
        throw refusal("retries: takes a whole number from 0 to \(CommandEnding.mostRetries)", node)
      }
      ending.retries = number
    }
  }

  private func codes(_ node: PipelineNode) throws(PipelineError) -> [Int] {
    guard let elements = node.list else {
      throw refusal("codes: takes a list of exit statuses", node, hint: "such as codes: [0, 3]")
    }
    if elements.isEmpty {
      throw PipelineError(
        "codes: names no exit status", at: node.position, facts: [("stage", stage)],
        hint: "such as codes: [0, 3]")
    }
    var codes: Set<Int> = []
    for element in elements {
      guard let code = element.json.integer, 0...255 ~= code else {
        throw refusal("an exit status is a whole number from 0 to 255", element)
      }
      codes.insert(code)
    }
    return codes.sorted()
  }

  private func duration(_ node: PipelineNode, _ field: String) throws(PipelineError) -> Duration {
    guard let seconds = node.text.flatMap(ResourceField.seconds) else {
      throw refusal(
        "\(field): takes a duration such as 2h30m or 45s", node,
        hint: "whole numbers with the units d, h, m and s, in this order; up to 1000d")
    }
    return .seconds(seconds)
  }

  private func refusal(_ wanted: String, _ node: PipelineNode, hint: String? = nil) -> PipelineError {
    PipelineError("\(wanted), not \(node.kind)", at: node.position, facts: [("stage", stage)], hint: hint)
  }
}
