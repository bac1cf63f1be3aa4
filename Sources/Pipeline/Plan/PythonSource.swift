import Actions
import JSON

/// Where the Python environment of a command comes from.
public enum PythonSource: Sendable, Hashable {
  /// A virtual environment that is there: its folder, relative to the pipeline's root or absolute.
  case folder(String)
  /// A conda environment that is there, likewise.
  case conda(String)
  /// One that is made of a file of requirements, which is the input of this name.
  case requirements(input: String)
  /// One that is made of what uv has locked: the inputs that are the lock file and the project beside it.
  case lock(input: String, project: String)
  /// One of conda's that is made of an `environment.yml`, which is the input of this name.
  case environment(input: String)
}

extension PythonSource {
  var json: JSON {
    switch self {
    case .folder(let path): ["folder", .string(path)]
    case .conda(let path): ["conda", .string(path)]
    case .requirements(let input): ["requirements", .string(input)]
    case .lock(let input, let project): ["lock", .string(input), .string(project)]
    case .environment(let input): ["environment", .string(input)]
    }
  }

  /// Nil if there is none.
  init?(_ json: JSON) {
    let words = json.array?.compactMap(\.string) ?? []
    switch (words.first, words.count) {
    case ("folder", 2): self = .folder(words[1])
    case ("conda", 2): self = .conda(words[1])
    case ("requirements", 2): self = .requirements(input: words[1])
    case ("lock", 3): self = .lock(input: words[1], project: words[2])
    case ("environment", 2): self = .environment(input: words[1])
    default: return nil
    }
  }
}

/// What `python:` says, read once for all instances of a stage.
struct OpenPython {
  private let kind: PythonDeclaration.Kind
  private let path: OpenValue

  init(_ declaration: PythonDeclaration, _ names: StageNames) throws(PipelineError) {
    kind = declaration.kind
    path = try OpenValue(declaration.value, names)
  }

  /// That of one instance.
  func source(_ bindings: [Binding]) throws(PipelineError) -> PythonSource {
    switch kind {
    case .venv: .folder(try path.text(bindings))
    case .conda: .conda(try path.text(bindings))
    case .requirements: .requirements(input: PythonDeclaration.requirementsInput)
    case .lock: .lock(input: PythonDeclaration.lockInput, project: PythonDeclaration.projectInput)
    case .environment: .environment(input: PythonDeclaration.environmentInput)
    }
  }
}
