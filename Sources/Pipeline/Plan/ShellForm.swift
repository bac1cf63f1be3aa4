import Actions

/// The text of a command as its stage has it, read once for all instances: where the values of variables and the paths of
/// inputs and outputs stand, and how they are to be written there.
final class ShellForm: Sendable {
  /// What a command is made of before it is read.
  enum Piece {
    /// The author's own text, in which parameters have been replaced.
    case code(String)
    /// A value that is text for the shell, whatever it holds.
    case value(name: String)
    /// `in.NAME`, `out.NAME` or `previous.NAME`.
    case path(String)
  }

  enum Part {
    case code(String)
    /// The number of the value among those of the form.
    case value(Int)
    case path(name: String, ShellContext)
  }

  let parts: [Part]
  let values: [(name: String, context: ShellContext)]
  let position: Position

  /// - Throws: if a path stands where it cannot be quoted.
  init(_ pieces: [Piece], shell: CommandShell, at position: Position) throws(PipelineError) {
    var lexer = ShellLexer()
    for piece in pieces {
      switch piece {
      case .code(let code): lexer.add(code)
      case .value, .path: lexer.addValue()
      }
    }
    var contexts = (shell.isPOSIX ? lexer.contexts() : lexer.foreignContexts())[...]
    var parts: [Part] = []
    var values: [(name: String, context: ShellContext)] = []
    var before = ""
    for piece in pieces {
      switch piece {
      case .code(let code):
        if code.utf8.contains(0) {
          throw PipelineError("a command cannot hold a NUL character", at: position)
        }
        parts.append(.code(code))
        before += code
      case .value(let name):
        parts.append(.value(values.count))
        values.append((name, contexts.removeFirst()))
      case .path(let name):
        let context = contexts.removeFirst()
        if case .refused = context {
          _ = try ShellForm.written("", context, name, before: { before }, at: position)
        }
        parts.append(.path(name: name, context))
      }
    }
    self.parts = parts
    self.values = values
    self.position = position
  }

  /// - Parameter parts: of a command that has been read, without values.
  init(parts: [Part], at position: Position) {
    self.parts = parts
    values = []
    self.position = position
  }

  /// The command of one instance.
  ///
  /// - Parameter given: a text for each of `values`.
  /// - Throws: if one stands where it cannot be quoted.
  func filled(_ given: [String]) throws(PipelineError) -> ShellTemplate {
    var written: [String] = []
    written.reserveCapacity(given.count)
    for (number, value) in given.enumerated() {
      let (name, context) = values[number]
      written.append(
        try ShellForm.written(
          value, context, name, before: { self.code(before: number, written) }, at: position))
    }
    return ShellTemplate(form: self, values: written)
  }

  /// What stands before a value, without paths.
  private func code(before number: Int, _ written: [String]) -> String {
    var code = ""
    for part in parts {
      switch part {
      case .code(let text): code += text
      case .value(number): return code
      case .value(let earlier): code += written[earlier]
      case .path: code = ""
      }
    }
    return code
  }

  /// - Parameter before: what stands before it, to show the line.
  static func written(
    _ value: String, _ context: ShellContext, _ name: String, before: () -> String, at position: Position
  ) throws(PipelineError) -> String {
    do {
      return try context.writing(value)
    } catch {
      let lines = before().split(separator: "\n", omittingEmptySubsequences: false)
      throw PipelineError(
        "${\(name)} cannot be quoted here: it stands \(error.reason)", at: position,
        facts: [
          ("line", "\(lines.count) of the command: \(String((lines.last ?? "").suffix(60)))${\(name)}")
        ] + (value.isEmpty ? [] : [("value", value.excerpt)]),
        hint: "start the command with x=${\(name)} and use \"$x\" here")
    }
  }
}
