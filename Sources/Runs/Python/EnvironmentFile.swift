import Actions
import JSON
import Pipeline
import System

/// An `environment.yml`, as conda, mamba and micromamba read it: the packages of a conda environment, where they come from, and what pip
/// installs beside them.
struct EnvironmentFile {
  let path: String
  let bytes: [UInt8]
  private(set) var channels: [String] = []
  /// What is wanted, such as `numpy=1.26`.
  private(set) var packages: [String] = []
  /// The lines that pip is to read; empty where it has nothing to do.
  private(set) var requirements: [String] = []
  /// The variables that an activated environment would set.
  private(set) var variables: [String] = []

  /// No file that a person or a program writes is larger.
  private static let limit = 4 << 20

  /// - Throws: if it is another one by now, or does not say what is to be installed, or names what is no part of it.
  init(_ file: EnvironmentSource.File, on disk: any FileSystem) throws {
    path = file.path
    bytes = try file.contents(limit: EnvironmentFile.limit, on: disk)
    try read()
  }

  private mutating func read() throws(Failure) {
    let json: JSON
    do {
      json = try YAMLDocument.verbatim(String(decoding: bytes, as: UTF8.self), file: path)
    } catch {
      let place = error.position.map { [("line", "\($0.line), column \($0.column)")] } ?? []
      throw refusal(
        "it is not read: \(error.headline)", facts: place + error.facts, hint: error.hint, cause: error)
    }
    guard let fields = json.object, let wanted = fields["dependencies"] else {
      throw refusal("it has no 'dependencies:'")
    }
    guard let wanted = wanted.array, !wanted.isEmpty else {
      throw refusal("'dependencies:' is no list of packages")
    }
    for entry in wanted {
      if let package = entry.string, !package.isEmpty {
        packages.append(package)
      } else if let named = entry.object, named.count == 1, let lines = named["pip"]?.array {
        requirements += try texts(lines, of: "pip:")
      } else {
        throw refusal(
          "'dependencies:' has an entry that is neither a package nor pip: with a list",
          facts: [("entry", String(decoding: entry.canonicalBytes.prefix(100), as: UTF8.self))])
      }
    }
    channels = try texts(try list("channels", in: fields), of: "channels:")
    variables = fields["variables"]?.object?.keys.sorted() ?? []
    for line in requirements {
      try RequirementsFile.check(line[...], of: path, called: "an environment file")
    }
  }

  private func list(_ name: String, in fields: [String: JSON]) throws(Failure) -> [JSON] {
    guard let field = fields[name] else { return [] }
    guard let list = field.array else { throw refusal("'\(name):' is no list") }
    return list
  }

  private func texts(_ list: [JSON], of name: String) throws(Failure) -> [String] {
    var texts: [String] = []
    for entry in list {
      guard let text = entry.string, !text.isEmpty, !text.contains(where: \.isNewline) else {
        throw refusal("'\(name)' has an entry that is no line of text")
      }
      texts.append(text)
    }
    return texts
  }

  private static let usualHint =
    "write channels: and dependencies:, as conda env export --from-history does, with - pip: [...] for what pip installs"

  private func refusal(
    _ what: String, facts: [Failure.Fact] = [], hint: String? = nil, cause: (any Error)? = nil
  ) -> Failure {
    Failure(
      .malformed, "no conda environment can be made of this file: \(what)", facts: [("file", path)] + facts,
      hint: hint ?? EnvironmentFile.usualHint, cause: cause)
  }
}

extension EnvironmentFile {
  /// What it comes to where the environment is made.
  func contents(name: String) -> EnvironmentContents {
    // Where pip has something to do it has to be there, which the others see to themselves.
    let all = packages + (requirements.isEmpty ? [] : ["pip"])
    let wanted = JSON.object([
      "channels": .array(channels.map { .string($0) }), "packages": .array(all.map { .string($0) }),
    ])
    var files = [(name: name, bytes: bytes), (name: CondaMaker.wantedFile, bytes: wanted.canonicalBytes)]
    if !requirements.isEmpty {
      let lines = requirements.map { $0 + "\n" }.joined()
      files.append((name: CondaMaker.requirementsFile, bytes: Array(lines.utf8)))
    }
    let notes =
      variables.isEmpty
      ? []
      : [
        "the 'variables:' of \(path) are not set where commands run (\(variables.joined(separator: ", "))): write them under env: of the stage"
      ]
    return EnvironmentContents(files: files, notes: notes)
  }
}
