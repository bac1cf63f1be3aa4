import Actions
import JSON

extension PipelineReader {
  func stage(_ entry: PipelineNode.Entry) throws(PipelineError) -> StageDeclaration {
    let faultsBefore = faults.errors.count
    try checkName(entry, "stage")
    let entries = try mapping(entry.value, "the stage '\(entry.name)'")
    var fields: [StageField: PipelineNode] = [:]
    for field in entries { if let name = StageField.named[field.name] { fields[name] = field.value } }
    if fields.count < entries.count {
      try checkNames(
        entries, known: StageField.allCases.map(\.rawValue), of: "the stage '\(entry.name)'")
    }
    guard try hasKind(entry, entries, fields) else { return StageDeclaration(faulty: entry) }

    let fanOut = try self.fanOut(fields)
    let names =
      fanOut.variables.isEmpty ? parameterNames : parameterNames.union(fanOut.variables.map(\.name))
    var unread: Set<StageField> = []
    func readEntries(_ field: StageField) throws(PipelineError) -> [PipelineNode.Entry] {
      let found = try faults.attempt { () throws(PipelineError) in
        try self.entries(fields[field], "\(field.rawValue):", names: names)
      }
      if found == nil { unread.insert(field) }
      return found ?? []
    }
    var inputs = try readEntries(.in)
    if let publish = fields[.publish] { try check(publish, names: names) }
    var resources: [(field: ResourceField, value: PipelineNode)] = []
    for (field, resource) in StageField.resources {
      guard let value = fields[field] else { continue }
      try check(value, names: names)
      resources.append((resource, value))
    }
    let work: StageDeclaration.Work
    if let operation = fields[.op] {
      work = .operation(name: operation, parameters: try readEntries(.with))
    } else {
      let command = try command(
        fields, unread.contains(.in) ? nil : inputs, names, isChain: fanOut.isChain)
      inputs += (command.python?.inputs ?? []) + (command.image?.inputs ?? [])
      work = .command(command)
    }
    return StageDeclaration(
      name: entry.name, position: entry.position, work: work, fanOut: fanOut, inputs: inputs,
      publish: fields[.publish], resources: resources, isFaulty: faults.errors.count > faultsBefore,
      unread: unread)
  }

  /// Whether it is a stage of one of the two kinds.
  private func hasKind(
    _ entry: PipelineNode.Entry, _ entries: [PipelineNode.Entry], _ fields: [StageField: PipelineNode]
  ) throws(PipelineError) -> Bool {
    guard (fields[.op] == nil) != (fields[.run] == nil) else {
      // One of them may be misspelt, which is noted.
      if entries.count > fields.count { return false }
      throw PipelineError(
        "the stage '\(entry.name)' has \(fields[.op] == nil ? "neither op: nor run:" : "both op: and run:")",
        at: entry.position, hint: "op: names a built-in operation, run: is a shell command")
    }
    let other = fields[.op] == nil ? StageField.Kind.operation : .command
    for field in entries where StageField.named[field.name]?.kind == other {
      try faults.take(
        PipelineError(
          "\(field.name): is for \(other == .operation ? "op:" : "run:") stages", at: field.position,
          hint: PipelineReader.hint(StageField.named[field.name])))
    }
    return true
  }

  /// What to do instead of a field that stages of this kind have not.
  private static func hint(_ field: StageField?) -> String {
    switch field {
    case .with: "put ${NAME} into the command"
    case .chain: "an operation makes its links itself, as lm.train does"
    case .stdin: "an operation reads its inputs itself"
    case .codes, .timeout, .grace, .retries: "it says how a command of the shell ends"
    case .resume: "an operation begins anew; training goes on link by link"
    default: "the operation declares these itself"
    }
  }

  // MARK: Commands

  /// - Parameter readInputs: nil if `in:` cannot be read.
  private func command(
    _ fields: [StageField: PipelineNode], _ readInputs: [PipelineNode.Entry]?, _ names: Set<String>,
    isChain: Bool
  ) throws(PipelineError) -> CommandDeclaration {
    let script = fields[.run]!
    let inputs = readInputs ?? []
    let declared = try faults.attempt { () throws(PipelineError) in
      try self.outputs(fields[.out], names: names)
    }
    let (outputs, growing, eager) = declared ?? ([], [], [])
    for entry in inputs { try faults.attempt { () throws(PipelineError) in try checkName(entry, "input") } }
    for entry in outputs { try faults.attempt { () throws(PipelineError) in try checkName(entry, "output") } }
    var paths = inputs.map { "in.\($0.name)" } + outputs.map { "out.\($0.name)" }
    if isChain {
      if declared != nil, outputs.isEmpty {
        try faults.take(
          PipelineError(
            "the links of this chain have no outputs", at: fields[.chain]?.position,
            hint: "each goes on from what the one before it wrote: declare that under out:"))
      }
      paths += outputs.map { Expression.previous + $0.name }
    }
    // What it may name is not known where one of them cannot be read.
    let areNamesKnown = readInputs != nil && declared != nil
    if areNamesKnown { try check(script, names: names, paths: paths) }

    if let shell = fields[.shell] { try check(shell, names: names) }
    var ending: [(field: StageField, value: PipelineNode)] = []
    for field in OpenEnding.fields {
      guard let value = fields[field] else { continue }
      try check(value, names: names)
      ending.append((field, value))
    }
    let environment =
      try faults.attempt { () throws(PipelineError) in try self.environment(fields, names) } ?? []
    let passed = try faults.attempt { () throws(PipelineError) in try self.passed(fields[.passEnv]) } ?? []
    let tools = try faults.attempt { () throws(PipelineError) in try self.tools(fields[.tools], names) } ?? []
    let python =
      try faults.attempt { () throws(PipelineError) in try self.python(fields[.python], names) } ?? nil
    let image = try faults.attempt { () throws(PipelineError) in try self.image(fields, names) } ?? nil
    let sandbox = try ownFlag(fields, .sandbox) ?? true
    let network = try ownFlag(fields, .network) ?? false
    let refusesUndeclared =
      try faults.attempt { () throws(PipelineError) in try self.refusesUndeclared(fields[.undeclared]) }
      ?? false
    let stdin =
      areNamesKnown
      ? try faults.attempt { () throws(PipelineError) in try self.stdin(fields[.stdin], inputs, paths) }
        ?? nil
      : nil
    return CommandDeclaration(
      script: script, shell: fields[.shell], outputs: outputs, environment: environment, passed: passed,
      tools: tools, python: python, image: image, sandbox: sandbox, network: network,
      refusesUndeclared: refusesUndeclared, stdin: stdin, ending: ending, growing: growing, eager: eager,
      resumes: try ownFlag(fields, .resume) ?? false)
  }

  private func ownFlag(
    _ fields: [StageField: PipelineNode], _ field: StageField
  ) throws(PipelineError) -> Bool? {
    try faults.attempt { () throws(PipelineError) in try flag(fields[field], "\(field.rawValue):") } ?? nil
  }

  private func environment(
    _ fields: [StageField: PipelineNode], _ names: Set<String>
  ) throws(PipelineError) -> [PipelineNode.Entry] {
    let environment = try entries(fields[.env], "env:", names: names)
    for entry in environment {
      try faults.attempt { () throws(PipelineError) in try checkVariable(entry.name, at: entry.position) }
    }
    if fields[.python] != nil, let path = environment.first(where: { $0.name == "PATH" }) {
      throw PipelineError(
        "env: sets PATH, and so hides the environment that python: names", at: path.position,
        hint: "leave PATH out, which begins with the environment's programs, or change it in run:")
    }
    return environment
  }

  private func passed(_ node: PipelineNode?) throws(PipelineError) -> [String] {
    guard let node else { return [] }
    var passed: [String] = []
    for element in try list(node, "pass-env:") {
      try faults.attempt { () throws(PipelineError) in
        guard let name = element.text else {
          throw PipelineError("pass-env: takes names, not \(element.kind)", at: element.position)
        }
        try checkVariable(name, at: element.position)
        passed.append(name)
      }
    }
    return passed
  }

  /// The path that `stdin:` names: an input, or an output of the link before.
  private func stdin(
    _ node: PipelineNode?, _ inputs: [PipelineNode.Entry], _ paths: [String]
  ) throws(PipelineError) -> String? {
    guard let node else { return nil }
    guard let text = node.text, !node.isNull else {
      throw PipelineError("stdin: takes the name of an input, not \(node.kind)", at: node.position)
    }
    if Expression.isNeeded(in: text) {
      let parts = try Expression(text, at: node.position).parts
      guard parts.count == 1, case .path(let name) = parts[0], !name.hasPrefix("out.") else {
        throw PipelineError(
          "stdin: takes one input, not '\(text.excerpt)'", at: node.position,
          hint: "write its name, or ${in.NAME} or ${previous.NAME}")
      }
      try node.check(names: [], paths: paths)
      return name
    }
    guard inputs.contains(where: { $0.name == text }) else {
      throw PipelineError(
        "stdin: names no input: '\(text.excerpt)'", at: node.position,
        hint: Suggestion.hint(for: text, among: inputs.map(\.name)) ?? "declare it under in:")
    }
    return "in.\(text)"
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
      try check(node, names: names)
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

  private func checkVariable(_ name: String, at position: Position) throws(PipelineError) {
    let isValid = name.utf8.allSatisfy { PipelineReader.isNameByte($0) && $0 != UInt8(ascii: "-") }
    guard isValid, !name.isEmpty else {
      throw PipelineError("'\(name)' cannot be the name of an environment variable", at: position)
    }
  }
}
