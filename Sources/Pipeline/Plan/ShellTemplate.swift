import Actions
import JSON

/// The text of a command in which the paths of inputs and outputs are still open. It was read once: what is put into it
/// later is quoted for the place where it stands, and is never looked at for `${…}` or anything else.
struct ShellTemplate: Sendable {
  /// What the command has in common with those of the stage's other instances.
  private let form: ShellForm
  /// Of the form's values, as they are written.
  private let values: [String]

  init(form: ShellForm, values: [String]) {
    self.form = form
    self.values = values
  }

  /// With `${in.NAME}`, `${out.NAME}` and `${previous.NAME}` for the paths; what is literally such a text has another `$` before it. Different
  /// templates have different texts.
  var text: String {
    var text = ""
    for part in form.parts {
      switch part {
      case .code(let code): text += ShellTemplate.literal(code)
      case .value(let number): text += ShellTemplate.literal(values[number])
      case .path(let name, _): text += "${\(name)}"
      }
    }
    return text
  }

  /// The command for the shell.
  ///
  /// - Parameter paths: of `in.NAME`, `out.NAME` or `previous.NAME`; several are separated by spaces. Where there is no link
  ///   before, its outputs are an empty word.
  func command(paths: (String) -> [String]) throws(PipelineError) -> String {
    var command = ""
    for part in form.parts {
      switch part {
      case .code(let code): command += code
      case .value(let number): command += values[number]
      case .path(let name, let context):
        let paths = paths(name)
        let isFirst = paths.isEmpty && name.hasPrefix(Expression.previous)
        for (index, path) in (isFirst ? [""] : paths).enumerated() {
          if index > 0 { command += " " }
          command += try ShellForm.written(path, context, name, before: { command }, at: form.position)
        }
      }
    }
    return command
  }

  private static func literal(_ text: String) -> String {
    guard Expression.isNeeded(in: text) else { return text }
    return ["${in.", "${out.", "${previous."].reduce(text) { $0.replacing($1, with: "$" + $1) }
  }
}

extension ShellTemplate: Hashable {
  static func == (one: ShellTemplate, other: ShellTemplate) -> Bool { one.text == other.text }
  func hash(into hasher: inout Hasher) { hasher.combine(text) }
}

extension ShellTemplate {
  /// What it is made of, with the places that were found when it was read.
  var json: JSON {
    [
      "parts": .array(
        form.parts.map { part in
          switch part {
          case .code(let text): [.string(text)]
          case .value(let number): [.string(values[number])]
          case .path(let name, let context): [.string(name), context.json]
          }
        }),
      "position": form.position.json,
    ]
  }

  init(_ json: JSON) throws {
    let reader = JSONReader(json)
    let parts = try reader.array("parts").map { part -> ShellForm.Part in
      guard let values = part.array, let text = values.first?.string else { throw reader.malformed("parts") }
      return values.count == 1 ? .code(text) : .path(name: text, try ShellContext(values[1], depth: 0))
    }
    self.init(form: ShellForm(parts: parts, at: try reader.position()), values: [])
  }
}
