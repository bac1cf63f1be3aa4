import System

/// The scripts with which images of Apptainer make the environment of what runs in them: `/.singularity.d/env/*.sh`, in the order of their
/// names. They have what the image's author wrote, and of an image that was made of one of Docker its `ENV`.
struct ImageScripts {
  /// How many words the line has that runs the command: its shell, and what that is told.
  let words: Int
  /// The variables that are as they are given whatever the scripts make of them.
  let kept: [String]

  static let folder = "/.singularity.d/env"

  /// What a shell of the image is told, with that line as its arguments: to read the scripts, and to give way to the line.
  ///
  /// Scripts see no arguments and no input, since those are the command's.
  var text: String {
    let words = (1...words).map { "brake_word\($0)" }
    let names = kept.filter(ImageScripts.isName).sorted()
    let values = (1...max(1, names.count)).map { "brake_kept\($0)" }
    var lines = words.enumerated().map { "\($1)=${\($0 + 1)}" } + ["set --"]
    lines += zip(values, names).map { "\($0)=$\($1)" }
    lines += [
      "for brake_script in \(ImageScripts.folder)/*.sh; do",
      "  if [ -f \"$brake_script\" ]; then . \"$brake_script\" </dev/null; fi", "done",
    ]
    lines += zip(values, names).map { "export \($1)=\"$\($0)\"" }
    lines += [
      "command -v \"$brake_word1\" >/dev/null || {",
      "  echo \"brake: the shell '$brake_word1' is not in the container image (PATH is $PATH): "
        + "name one that it has, such as shell: sh -eu\" >&2",
      "  exit 127", "}", "exec " + words.map { "\"$\($0)\"" }.joined(separator: " "),
    ]
    return lines.joined(separator: "\n")
  }

  /// Whether a shell has a variable of this name.
  private static func isName(_ name: String) -> Bool {
    name.utf8.first.map { !isDigit($0) } == true
      && name.utf8.allSatisfy {
        isDigit($0) || $0 == UInt8(ascii: "_") || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0 | 0x20)
      }
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }
}
