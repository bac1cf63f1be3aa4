/// The text of a command in which the paths of inputs and outputs are still open. It is read once: what is put into it
/// later is quoted for the place where it stands, and is never looked at for `${…}` or anything else.
struct ShellTemplate: Sendable, Hashable {
  /// What a command is made of before it is read.
  enum Piece {
    /// The author's own text, in which parameters have been replaced.
    case code(String)
    /// A value that is text for the shell, whatever it holds.
    case value(name: String, String)
    /// `in.NAME` or `out.NAME`.
    case path(String)
  }

  private enum Part: Hashable {
    case text(String)
    case path(String, ShellContext)
  }

  private let parts: [Part]
  private let position: Position
  /// With `${in.NAME}` and `${out.NAME}` for the paths; what is literally such a text has another `$` before it. Different
  /// templates have different texts.
  let text: String

  /// - Throws: if a value or path stands where it cannot be quoted.
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
    var text = ""
    var code = ""
    for piece in pieces {
      switch piece {
      case .code(let more):
        if more.utf8.contains(0) {
          throw PipelineError("a command cannot hold a NUL character", at: position)
        }
        code += more
      case .value(let name, let value):
        code += try ShellTemplate.written(value, contexts.removeFirst(), name, code, at: position)
      case .path(let name):
        let context = contexts.removeFirst()
        if case .refused = context { _ = try ShellTemplate.written("", context, name, code, at: position) }
        parts += [.text(code), .path(name, context)]
        text += ShellTemplate.literal(code) + "${\(name)}"
        code = ""
      }
    }
    self.parts = parts + [.text(code)]
    self.text = text + ShellTemplate.literal(code)
    self.position = position
  }

  /// The command for the shell.
  ///
  /// - Parameter paths: of `in.NAME` or `out.NAME`; several are separated by spaces.
  func command(paths: (String) -> [String]) throws(PipelineError) -> String {
    var command = ""
    for part in parts {
      switch part {
      case .text(let text): command += text
      case .path(let name, let context):
        for (index, path) in paths(name).enumerated() {
          if index > 0 { command += " " }
          command += try ShellTemplate.written(path, context, name, command, at: position)
        }
      }
    }
    return command
  }

  /// - Parameter before: what stands before it, to show the line.
  private static func written(
    _ value: String, _ context: ShellContext, _ name: String, _ before: String, at position: Position
  ) throws(PipelineError) -> String {
    do {
      return try context.writing(value)
    } catch {
      let lines = before.split(separator: "\n", omittingEmptySubsequences: false)
      throw PipelineError(
        "${\(name)} cannot be quoted here: it stands \(error.reason)", at: position,
        facts: [
          ("line", "\(lines.count) of the command: \(String((lines.last ?? "").suffix(60)))${\(name)}")
        ] + (value.isEmpty ? [] : [("value", value.excerpt)]),
        hint: "start the command with x=${\(name)} and use \"$x\" here")
    }
  }

  private static func literal(_ text: String) -> String {
    text.replacing("${in.", with: "$${in.").replacing("${out.", with: "$${out.")
  }
}
