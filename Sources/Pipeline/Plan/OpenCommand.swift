import Actions

/// A command of a stage, read once for all its instances.
struct OpenCommand {
  private let declaration: CommandDeclaration
  private let shell: OpenValue?
  private let script: Script
  private let environment: [(name: String, value: OpenValue?)]
  private let tools: [(name: String, version: Script?)]
  private let python: OpenPython?
  /// The outputs whose members others may read before the command has ended.
  var eager: [String] { declaration.eager }
  /// The outputs of the link before that the command reads.
  let carried: Set<String>
  /// What all instances have in common; nil if `shell:`, `env:` or `tools:` use variables.
  private let fixed: Surroundings?
  private let ending: OpenEnding

  private struct Surroundings {
    let shell: CommandShell
    let environment: [String: String]
    let tools: [String: String?]
  }

  init(
    _ declaration: CommandDeclaration, of stage: String, _ names: StageNames, _ faults: Faults
  ) throws(PipelineError) {
    self.declaration = declaration
    ending = try OpenEnding(declaration, of: stage, names, faults)
    shell = try declaration.shell.map { (node) throws(PipelineError) in try OpenValue(node, names) }
    let isFixed = shell.map { $0.fixed != nil } ?? true
    let known = isFixed ? try OpenCommand.shell(shell, []) : nil
    script = try Script(declaration.script, names, shell: known)
    carried = script.carried.union([declaration.stdin].compactMap { $0 }.compactMap(Expression.carried))
    environment = try declaration.environment.map { (entry) throws(PipelineError) in
      (entry.name, entry.value.isNull ? nil : try OpenValue(entry.value, names))
    }
    tools = try declaration.tools.map { (tool) throws(PipelineError) in
      // A shell runs it, too.
      (
        tool.name,
        try tool.version.map { (node) throws(PipelineError) in try Script(node, names, shell: .bash) }
      )
    }
    python = try declaration.python.map { (python) throws(PipelineError) in try OpenPython(python, names) }
    let areFixed =
      environment.allSatisfy { $0.value.map { $0.fixed != nil } ?? true }
      && tools.allSatisfy { $0.version?.slots.isEmpty ?? true }
    fixed =
      isFixed && areFixed
      ? Surroundings(
        shell: try OpenCommand.shell(shell, []), environment: try OpenCommand.environment(environment, []),
        tools: try OpenCommand.tools(tools, [])) : nil
  }

  /// The command of one instance.
  func command(_ bindings: [Binding]) throws(PipelineError) -> ShellCommand {
    let surroundings: Surroundings
    if let fixed {
      surroundings = fixed
    } else {
      surroundings = Surroundings(
        shell: try OpenCommand.shell(shell, bindings),
        environment: try OpenCommand.environment(environment, bindings),
        tools: try OpenCommand.tools(tools, bindings))
    }
    return ShellCommand(
      template: try script.template(bindings, shell: surroundings.shell), shell: surroundings.shell,
      environment: surroundings.environment, passed: declaration.passed, tools: surroundings.tools,
      python: try python?.source(bindings), hasImage: declaration.image != nil,
      sandbox: declaration.sandbox, network: declaration.network,
      refusesUndeclared: declaration.refusesUndeclared, stdin: declaration.stdin,
      ending: try ending.ending(bindings), growing: declaration.growing, eager: declaration.eager,
      resumes: declaration.resumes)
  }

  private static func shell(_ value: OpenValue?, _ bindings: [Binding]) throws(PipelineError) -> CommandShell
  {
    guard let value else { return .bash }
    return try CommandShell(value.value(bindings))
  }

  private static func environment(
    _ entries: [(name: String, value: OpenValue?)], _ bindings: [Binding]
  ) throws(PipelineError) -> [String: String] {
    var environment: [String: String] = [:]
    for (name, value) in entries {
      let text = try value?.text(bindings) ?? ""
      // The system would end it there, and the key have all of it.
      if text.utf8.contains(0) {
        throw PipelineError(
          "the environment variable '\(name)' cannot hold a NUL character", at: value?.position)
      }
      environment[name] = text
    }
    return environment
  }

  private static func tools(
    _ entries: [(name: String, version: Script?)], _ bindings: [Binding]
  ) throws(PipelineError) -> [String: String?] {
    var tools: [String: String?] = [:]
    for (name, version) in entries {
      let text = try version?.template(bindings, shell: .bash).command { _ in [] }
      tools.updateValue(text, forKey: name)
    }
    return tools
  }
}

extension OpenCommand {
  /// A text for the shell: parameters are the author's own text, variables come from data and are text for the shell, and
  /// `${in.NAME}` and its like are the runner's to replace.
  private struct Script {
    /// Of its values, in order.
    let slots: [Slot]
    /// Of its paths, the outputs of the link before.
    let carried: Set<String>
    private let pieces: [ShellForm.Piece]
    private let position: Position
    /// Nil if the shell is not known yet.
    private let form: ShellForm?
    /// Of a text without values.
    private let fixed: ShellTemplate?

    init(_ node: PipelineNode, _ names: StageNames, shell: CommandShell?) throws(PipelineError) {
      guard let text = node.text else {
        throw PipelineError("run: takes shell text, not \(node.kind)", at: node.position)
      }
      position = node.position
      var size = 0
      var slots: [Slot] = []
      var carried: Set<String> = []
      var pieces: [ShellForm.Piece] = []
      var code = ""
      func append(_ piece: ShellForm.Piece) {
        if !code.isEmpty { pieces.append(.code(code)) }
        code = ""
        pieces.append(piece)
      }
      for part in try Expression(text, at: node.position).parts {
        switch part {
        case .text(let text): code += text
        case .path(let name):
          append(.path(name))
          if let output = Expression.carried(name) { carried.insert(output) }
        case .variable(let name):
          if let slot = names.slot(name) {
            slots.append(slot)
            append(.value(name: name))
          } else {
            code += try names.scope.text(of: name, at: node.position, &size)
          }
        }
      }
      if !code.isEmpty { pieces.append(.code(code)) }
      self.slots = slots
      self.carried = carried
      self.pieces = pieces
      form = try shell.map { (shell) throws(PipelineError) in
        try ShellForm(pieces, shell: shell, at: node.position)
      }
      fixed = slots.isEmpty ? try form?.filled([]) : nil
    }

    func template(_ bindings: [Binding], shell: CommandShell) throws(PipelineError) -> ShellTemplate {
      if let fixed { return fixed }
      let form: ShellForm
      if let known = self.form {
        form = known
      } else {
        form = try ShellForm(pieces, shell: shell, at: position)
      }
      var values: [String] = []
      values.reserveCapacity(slots.count)
      for slot in slots { values.append(try slot.text(bindings, at: position)) }
      return try form.filled(values)
    }
  }
}
