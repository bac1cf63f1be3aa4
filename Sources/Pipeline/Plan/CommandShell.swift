/// The program that runs a command, with the arguments that stand before the command's text.
public struct CommandShell: Sendable, Hashable {
  /// The program's name, or its absolute path, and its arguments.
  public let words: [String]

  /// What runs a command whose stage names no shell: it stops at the first command line that fails, at a part of a pipe
  /// that fails, at an unset variable, and where the command in `x=$(…)` fails. It reads none of the user's files.
  public static let bash = CommandShell(words: [
    "bash", "--noprofile", "--norc", "-O", "inherit_errexit", "-euo", "pipefail", "-c",
  ])

  public var program: String { words[0] }

  /// Whether its text is quoted as POSIX says.
  var isPOSIX: Bool {
    func name(_ word: String) -> Substring {
      word[(word.lastIndex(of: "/").map { word.index(after: $0) } ?? word.startIndex)...]
    }
    let shells: [Substring] = ["bash", "sh", "dash", "ash", "ksh", "mksh", "zsh"]
    if name(program) == "env" { return words.contains { shells.contains(name($0)) } }
    return shells.contains(name(program))
  }

  private init(words: [String]) { self.words = words }

  /// - Parameter words: those of a shell that was checked when its pipeline was read.
  init(words: [String], isChecked: Void) throws(PipelineError) {
    guard words.first?.isEmpty == false else { throw PipelineError("a command has no shell") }
    self.words = words
  }

  /// - Parameter node: what `shell:` gives, evaluated: a text such as `sh -eu`, to which `-c` is added, or a list of all
  ///   that stands before the command's text.
  init(_ node: PipelineNode) throws(PipelineError) {
    func refuse(_ headline: String) -> PipelineError {
      PipelineError(headline, at: node.position, hint: "such as: shell: sh -eu")
    }
    var words: [String] = []
    if let elements = node.list {
      for element in elements {
        guard let word = element.text else { throw refuse("shell: takes texts, not \(element.kind)") }
        words.append(word)
      }
    } else if let text = node.text, !node.isNull {
      words = text.split(separator: " ").map(String.init)
      if !words.isEmpty { words.append("-c") }
    } else {
      throw refuse("shell: takes a text or a list, not \(node.kind)")
    }
    guard let program = words.first, !program.isEmpty else { throw refuse("shell: names no program") }
    if words.contains(where: { $0.utf8.contains(0) }) { throw refuse("shell: holds a NUL character") }
    if program.contains("/"), !program.hasPrefix("/") {
      throw refuse("'\(program)' is neither the name of a program nor an absolute path")
    }
    self.words = words
  }
}
