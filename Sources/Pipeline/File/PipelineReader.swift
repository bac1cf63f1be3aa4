import JSON

/// Turns the nodes of a pipeline file into declarations.
struct PipelineReader {
  private let root: PipelineNode
  private let sections: [PipelineNode.Entry]
  private(set) var parameters: [PipelineNode.Entry] = []
  private(set) var parameterNames: Set<String> = []

  init(_ root: PipelineNode) throws(PipelineError) {
    self.root = root
    guard let sections = root.mapping else {
      throw PipelineError(
        "a pipeline is a mapping, not \(root.kind)", at: root.position, hint: "a pipeline has stages:")
    }
    self.sections = sections
    try checkNames(sections, known: ["params", "stages", "default"], of: "a pipeline")
    if let node = section("params"), !node.isNull {
      parameters = try mapping(node, "params:")
      parameterNames = Set(parameters.map(\.name))
      try checkParameters()
    }
  }

  private func checkParameters() throws(PipelineError) {
    var names: Set<String> = []
    for entry in parameters {
      try checkName(entry, "parameter")
      do {
        try entry.value.check(names: names)
      } catch {
        try entry.value.check(names: parameterNames)
        throw PipelineError(
          "the parameter '\(entry.name)' refers to itself or to one that stands below it",
          at: entry.value.position, hint: "parameters can use the ones above them")
      }
      names.insert(entry.name)
    }
  }

  func stages() throws(PipelineError) -> [StageDeclaration] {
    guard let node = section("stages") else {
      throw PipelineError(
        "there is no stages: in this file", at: root.position, hint: "a pipeline has stages:")
    }
    let entries = try mapping(node, "stages:")
    if entries.isEmpty { throw PipelineError("stages: is empty", at: node.position) }
    var stages: [StageDeclaration] = []
    stages.reserveCapacity(entries.count)
    for entry in entries { stages.append(try stage(entry)) }
    return stages
  }

  func defaults() throws(PipelineError) -> [PipelineNode] {
    guard let node = section("default") else { return [] }
    guard let targets = node.list else {
      throw PipelineError(
        "default: takes a list of targets, not \(node.kind)", at: node.position,
        hint: node.text.map { "write [\($0)]" })
    }
    for target in targets { try target.check(names: parameterNames) }
    return targets
  }

  // MARK: A stage

  private func stage(_ entry: PipelineNode.Entry) throws(PipelineError) -> StageDeclaration {
    try checkName(entry, "stage")
    var fields: [String: PipelineNode] = [:]
    let entries = try mapping(entry.value, "the stage '\(entry.name)'")
    try checkNames(
      entries, known: StageField.all + StageField.ofOperation + StageField.ofCommand,
      of: "the stage '\(entry.name)'")
    for field in entries { fields[field.name] = field.value }

    guard (fields["op"] == nil) != (fields["run"] == nil) else {
      throw PipelineError(
        "the stage '\(entry.name)' has \(fields["op"] == nil ? "neither op: nor run:" : "both op: and run:")",
        at: entry.position, hint: "op: names a built-in operation, run: is a shell command")
    }
    let foreign = fields["op"] == nil ? StageField.ofOperation : StageField.ofCommand
    if let field = entries.first(where: { foreign.contains($0.name) }) {
      throw PipelineError(
        "\(field.name): is for \(fields["op"] == nil ? "op:" : "run:") stages", at: field.position,
        hint: field.name == "with" ? "put ${NAME} into the command" : "the operation declares these itself")
    }

    let fanOut = try self.fanOut(fields)
    let names =
      fanOut.variables.isEmpty ? parameterNames : parameterNames.union(fanOut.variables.map(\.name))
    let inputs = try self.entries(fields["in"], "in:", names: names)
    try fields["publish"]?.check(names: names)
    var resources: [(field: ResourceField, value: PipelineNode)] = []
    for field in ResourceField.allCases {
      guard let value = fields[field.rawValue] else { continue }
      try value.check(names: names)
      resources.append((field, value))
    }
    let work: StageDeclaration.Work
    if let script = fields["run"] {
      work = .command(try command(script, fields, inputs, names))
    } else {
      let values = try self.entries(fields["with"], "with:", names: names)
      work = .operation(name: fields["op"]!, parameters: values)
    }
    return StageDeclaration(
      name: entry.name, position: entry.position, work: work, fanOut: fanOut, inputs: inputs,
      publish: fields["publish"], resources: resources)
  }

  private func command(
    _ script: PipelineNode, _ fields: [String: PipelineNode], _ inputs: [PipelineNode.Entry],
    _ names: Set<String>
  ) throws(PipelineError) -> CommandDeclaration {
    let outputs = try entries(fields["out"], "out:", names: names)
    for entry in inputs { try checkName(entry, "input") }
    for entry in outputs { try checkName(entry, "output") }
    try script.check(names: names, paths: inputs.map { "in.\($0.name)" } + outputs.map { "out.\($0.name)" })

    try fields["shell"]?.check(names: names)
    let environment = try entries(fields["env"], "env:", names: names)
    for entry in environment { try checkVariable(entry.name, at: entry.position) }
    var passed: [String] = []
    if let node = fields["pass-env"] {
      for element in try list(node, "pass-env:") {
        guard let name = element.text else {
          throw PipelineError("pass-env: takes names, not \(element.kind)", at: element.position)
        }
        try checkVariable(name, at: element.position)
        passed.append(name)
      }
    }
    return CommandDeclaration(
      script: script, shell: fields["shell"], outputs: outputs, environment: environment, passed: passed,
      tools: try tools(fields["tools"], names), sandbox: try flag(fields["sandbox"], "sandbox:") ?? true,
      network: try flag(fields["network"], "network:") ?? false,
      refusesUndeclared: try refusesUndeclared(fields["undeclared"]))
  }

  private func flag(_ node: PipelineNode?, _ what: String) throws(PipelineError) -> Bool? {
    guard let node else { return nil }
    guard let value = node.json.bool else {
      throw PipelineError("\(what) takes true or false, not \(node.kind)", at: node.position)
    }
    return value
  }

  private func refusesUndeclared(_ node: PipelineNode?) throws(PipelineError) -> Bool {
    switch node?.text {
    case nil where node == nil, "warn": return false
    case "error": return true
    default:
      throw PipelineError(
        "undeclared: takes 'warn' or 'error', not \(node?.kind ?? "nothing")", at: node?.position)
    }
  }

  private func tools(
    _ node: PipelineNode?, _ names: Set<String>
  ) throws(PipelineError) -> [(name: String, version: PipelineNode?)] {
    guard let node else { return [] }
    var tools: [(name: String, version: PipelineNode?)] = []
    if let entries = node.mapping {
      try node.check(names: names)
      for entry in entries { tools.append((entry.name, entry.value.isNull ? nil : entry.value)) }
    } else {
      for element in try list(node, "tools:") {
        guard let name = element.text, !name.isEmpty else {
          throw PipelineError("tools: takes names of programs, not \(element.kind)", at: element.position)
        }
        tools.append((name, nil))
      }
    }
    return tools
  }

  // MARK: Parts

  private func section(_ name: String) -> PipelineNode? { sections.first { $0.name == name }?.value }

  func mapping(_ node: PipelineNode, _ what: String) throws(PipelineError) -> [PipelineNode.Entry] {
    guard let entries = node.mapping else {
      throw PipelineError(
        "\(what) takes a mapping, not \(node.kind)", at: node.position, hint: "write NAME: VALUE")
    }
    return entries
  }

  private func entries(
    _ node: PipelineNode?, _ what: String, names: Set<String>
  ) throws(PipelineError) -> [PipelineNode.Entry] {
    guard let node else { return [] }
    let entries = try mapping(node, what)
    for entry in entries { try entry.value.check(names: names) }
    return entries
  }

  private func list(_ node: PipelineNode, _ what: String) throws(PipelineError) -> [PipelineNode] {
    guard let elements = node.list else {
      throw PipelineError("\(what) takes a list, not \(node.kind)", at: node.position)
    }
    return elements
  }

  private func checkNames(
    _ entries: [PipelineNode.Entry], known: [String], of what: String
  ) throws(PipelineError) {
    for entry in entries where !known.contains(entry.name) {
      throw PipelineError(
        "\(what) has no '\(entry.name):'", at: entry.position,
        hint: Suggestion.hint(for: entry.name, among: known))
    }
  }

  func checkName(_ entry: PipelineNode.Entry, _ what: String) throws(PipelineError) {
    let isValid = entry.name.utf8.allSatisfy(PipelineReader.isNameByte)
    guard isValid, !entry.name.isEmpty, entry.name.utf8.count <= 100 else {
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

  private func checkVariable(_ name: String, at position: Position) throws(PipelineError) {
    let isValid = name.utf8.allSatisfy { PipelineReader.isNameByte($0) && $0 != UInt8(ascii: "-") }
    guard isValid, !name.isEmpty else {
      throw PipelineError("'\(name)' cannot be the name of an environment variable", at: position)
    }
  }
}

private enum StageField {
  static let all =
    ["op", "run", "for", "where", "unless", "in", "publish"] + ResourceField.allCases.map(\.rawValue)
  static let ofOperation = ["with"]
  static let ofCommand = [
    "shell", "out", "env", "pass-env", "tools", "sandbox", "network", "undeclared",
  ]
}
