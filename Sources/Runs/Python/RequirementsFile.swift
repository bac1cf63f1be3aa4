import System

/// A file of requirements as pip reads it.
struct RequirementsFile {
  let path: String
  let bytes: [UInt8]

  /// No file that a person or a program writes is larger.
  private static let limit = 4 << 20

  /// - Throws: if it is another one by now, or names what is no part of it.
  init(_ file: EnvironmentSource.File, on disk: any FileSystem) throws {
    path = file.path
    bytes = try file.contents(limit: RequirementsFile.limit, on: disk)
    let text = String(decoding: bytes, as: UTF8.self)
    for (number, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      .enumerated()
    {
      try RequirementsFile.check(line, "\(number + 1): ", of: path, called: "a file of requirements")
    }
  }

  /// Refuses a line with an option that brings in what is not in the file.
  ///
  /// - Parameters:
  ///   - place: where the line stands, for the message.
  ///   - kind: what the file is called.
  static func check(
    _ line: Substring, _ place: String = "", of path: String, called kind: String
  ) throws(Failure) {
    func refusal(_ what: String, _ hint: String) -> Failure {
      Failure(
        .refused, "\(kind) of a stage must hold all that it needs, and this one \(what)",
        facts: [("file", path), ("line", "\(place)\(line.prefix(100))")], hint: hint)
    }
    let words = line.split(whereSeparator: { $0.isWhitespace || $0 == "=" })
    guard let first = words.first else { return }
    let others = ["-r", "--requirement", "-c", "--constraint"]
    let sources = ["-e", "--editable"]
    func isOne(of options: [String]) -> Bool {
      options.contains { first == $0 || $0.utf8.count == 2 && first.hasPrefix($0) }
    }
    if isOne(of: others) {
      throw refusal(
        "reads another file of requirements", "write all into one file, as pip freeze and uv pip compile do")
    }
    if isOne(of: sources) {
      throw refusal(
        "installs sources in editable form",
        "let the stage read its own modules under in:, and install what does not change")
    }
  }
}
