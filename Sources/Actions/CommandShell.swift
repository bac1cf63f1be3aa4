/// The program that runs a command, with the arguments that stand before the command's text.
public struct CommandShell: Sendable, Hashable {
  /// The program's name, or its absolute path, and its arguments.
  public let words: [String]

  /// What runs a command whose stage names no shell: it stops at the first command line that fails, at a part of a pipe
  /// that fails, at an unset variable, and where the command in `x=$(…)` fails. It reads none of the user's files.
  public static let bash = CommandShell([
    "bash", "--noprofile", "--norc", "-O", "inherit_errexit", "-euo", "pipefail", "-c",
  ])!

  public var program: String { words[0] }

  /// Whether its text is quoted as POSIX says.
  package var isPOSIX: Bool {
    func name(_ word: String) -> Substring {
      word[(word.lastIndex(of: "/").map { word.index(after: $0) } ?? word.startIndex)...]
    }
    let shells: [Substring] = ["bash", "sh", "dash", "ash", "ksh", "mksh", "zsh"]
    if name(program) == "env" { return words.contains { shells.contains(name($0)) } }
    return shells.contains(name(program))
  }

  /// - Returns: nil if the words name no program.
  public init?(_ words: [String]) {
    guard words.first?.isEmpty == false else { return nil }
    self.words = words
  }
}
