import Actions
import JSON

/// Turns the nodes of a pipeline file into declarations.
struct PipelineReader {
  /// In bytes.
  static let longestName = 100

  let faults: Faults
  private let root: PipelineNode
  private let sections: [PipelineNode.Entry]
  private(set) var parameters: [PipelineNode.Entry] = []
  private(set) var parameterNames: Set<String> = []

  init(_ root: PipelineNode, faults: Faults) throws(PipelineError) {
    self.root = root
    self.faults = faults
    guard let sections = root.mapping else {
      throw PipelineError(
        "a pipeline is a mapping, not \(root.kind)", at: root.position, hint: "a pipeline has stages:")
    }
    self.sections = sections
    try checkNames(sections, known: PipelineSection.allCases.map(\.rawValue), of: "a pipeline")
    if let node = section(.params), !node.isNull {
      parameters = try mapping(node, "params:")
      parameterNames = Set(parameters.map(\.name))
      try checkParameters()
    }
  }

  func section(_ section: PipelineSection) -> PipelineNode? {
    sections.first { $0.name == section.rawValue }?.value
  }

  private func checkParameters() throws(PipelineError) {
    var names: Set<String> = []
    for entry in parameters {
      do throws(PipelineError) {
        try checkName(entry, "parameter")
        do {
          try entry.value.check(names: names)
        } catch {
          try entry.value.check(names: parameterNames)
          throw PipelineError(
            "the parameter '\(entry.name)' refers to itself or to one that stands below it",
            at: entry.value.position, hint: "parameters can use the ones above them")
        }
      } catch {
        try faults.take(error)
      }
      names.insert(entry.name)
    }
  }

  /// - Parameter isNeeded: whether there must be stages.
  func stages(isNeeded: Bool) throws(PipelineError) -> [StageDeclaration] {
    guard let node = section(.stages) else {
      if !isNeeded { return [] }
      throw PipelineError(
        "there is no stages: in this file", at: root.position, hint: "a pipeline has stages:")
    }
    let entries = try mapping(node, "stages:")
    if entries.isEmpty { throw PipelineError("stages: is empty", at: node.position) }
    var stages: [StageDeclaration] = []
    stages.reserveCapacity(entries.count)
    for entry in entries {
      do {
        stages.append(try stage(entry))
      } catch {
        try faults.take(error)
        stages.append(StageDeclaration(faulty: entry))
      }
    }
    return stages
  }

  func defaults() throws(PipelineError) -> [PipelineNode] {
    guard let node = section(.default) else { return [] }
    guard let targets = node.list else {
      throw PipelineError(
        "default: takes a list of targets, not \(node.kind)", at: node.position,
        hint: node.text.map { "write [\($0)]" })
    }
    for target in targets { try check(target, names: parameterNames) }
    return targets
  }

  // MARK: Values

  func mapping(_ node: PipelineNode, _ what: String) throws(PipelineError) -> [PipelineNode.Entry] {
    guard let entries = node.mapping else {
      throw PipelineError(
        "\(what) takes a mapping, not \(node.kind)", at: node.position, hint: "write NAME: VALUE")
    }
    return entries
  }

  func list(_ node: PipelineNode, _ what: String) throws(PipelineError) -> [PipelineNode] {
    guard let elements = node.list else {
      throw PipelineError("\(what) takes a list, not \(node.kind)", at: node.position)
    }
    return elements
  }

  /// The entries of a mapping, whose values can name what is given.
  func entries(
    _ node: PipelineNode?, _ what: String, names: Set<String>
  ) throws(PipelineError) -> [PipelineNode.Entry] {
    guard let node else { return [] }
    let entries = try mapping(node, what)
    for entry in entries { try check(entry.value, names: names) }
    return entries
  }

  func flag(_ node: PipelineNode?, _ what: String) throws(PipelineError) -> Bool? {
    guard let node else { return nil }
    guard let value = node.json.bool else {
      throw PipelineError("\(what) takes true or false, not \(node.kind)", at: node.position)
    }
    return value
  }

  // MARK: Names

  /// Checks what a value's expressions name.
  func check(_ node: PipelineNode, names: Set<String>, paths: [String]? = nil) throws(PipelineError) {
    do { try node.check(names: names, paths: paths) } catch { try faults.take(error) }
  }

  func checkNames(
    _ entries: [PipelineNode.Entry], known: [String], of what: String
  ) throws(PipelineError) {
    for entry in entries where !known.contains(entry.name) {
      try faults.take(
        PipelineError(
          "\(what) has no '\(entry.name):'", at: entry.position,
          hint: Suggestion.hint(for: entry.name, among: known)))
    }
  }

  func checkName(_ entry: PipelineNode.Entry, _ what: String) throws(PipelineError) {
    let isValid = entry.name.utf8.allSatisfy(PipelineReader.isNameByte)
    guard isValid, !entry.name.isEmpty, entry.name.utf8.count <= PipelineReader.longestName else {
      throw PipelineError(
        "'\(entry.name)' cannot be the name of \(what == "input" || what == "output" ? "an" : "a") \(what)",
        at: entry.position, hint: "a name has up to 100 ASCII letters, digits, '_' and '-'")
    }
  }

  static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
  }
}
