public import Artefacts
public import JSON

/// One thing to be executed: what is to be done, with which inputs, and what shall come of it. A value that says everything
/// an executor needs to know, here or on another machine.
public struct Action: Sendable {
  /// What is executed.
  public enum Work: Sendable {
    case operation(any Operation, ParameterValues)
    case command(ActionCommand)
  }

  /// How the stages behind its inputs ran, for an operation that tells of it; part of the manifest.
  public var marks: StageMarks {
    StageMarks(
      unsandboxed: manifest["without-sandbox"]?.array?.compactMap(\.string) ?? [],
      resumed: manifest["resumed"]?.array?.compactMap(\.string) ?? [])
  }

  /// Whether an attempt of its command finds in its folder what an earlier one had kept.
  public var resumes: Bool { if case .command(let command) = work { command.resumes } else { false } }

  /// The stage instance that it comes from, `train[47k]@512`. It is for people, and no part of the key.
  public let name: String
  /// Where its stage stands in a pipeline file. It is for people, too.
  public let position: Position
  public let work: Work
  /// In the order of the pipeline file.
  public let inputs: [ActionInput]
  public let outputs: [OutputDeclaration]
  public let resources: Resources
  /// All that can change what the action produces, and nothing else. Its digest is the key.
  public let manifest: JSON
  public let key: Digest

  /// The artefacts of the store that it reads, with the image in which its command runs.
  package var storedArtefacts: [Artefact] {
    var members = inputs.flatMap(\.members)
    if let image { members.append(image.saved) }
    return members.filter { $0.origin == .store }.map(\.artefact)
  }

  private var image: CommandImage? { if case .command(let command) = work { command.image } else { nil } }

  /// The artefact of the store that is the image in which its command runs; nil if there is no image, or the workspace has it.
  package var storedImage: Digest? {
    guard let saved = image?.saved, saved.origin == .store else { return nil }
    return saved.artefact.digest
  }

  public init(
    name: String, position: Position, work: Work, inputs: [ActionInput], outputs: [OutputDeclaration],
    resources: Resources, manifest: JSON
  ) {
    self.name = name
    self.position = position
    self.work = work
    self.inputs = inputs
    self.outputs = outputs
    self.resources = resources
    self.manifest = manifest
    key = Digest(of: manifest.canonicalBytes)
  }
}

/// A command with everything that decides how it is run.
public struct ActionCommand: Sendable, Hashable {
  /// What the shell is given, with the paths of inputs and outputs in it.
  public let text: String
  public let shell: CommandShell
  /// Declared environment.
  public let environment: [String: String]
  /// Names handed through from the user's environment.
  public let passed: [String]
  /// The Python environment in which it runs; nil for the one that PATH leads to.
  public let python: PythonFolder?
  /// The container image in which it runs; nil for the machine's own programs.
  public let image: CommandImage?
  /// Whether it runs in a sandbox where there is one.
  public let sandbox: Bool
  /// Whether it has a network in the sandbox.
  public let network: Bool
  /// Whether a file that it leaves and does not declare is an error, and not only said.
  public let refusesUndeclared: Bool
  /// The place of the input that it is given on its standard input; nil for none.
  public let stdin: String?
  public let ending: CommandEnding
  /// The outputs of which each member is kept as soon as it is finished.
  public let growing: [String]
  /// Whether an attempt finds in its folder what an earlier one had kept.
  public let resumes: Bool

  public init(
    text: String, shell: CommandShell, environment: [String: String] = [:], passed: [String] = [],
    python: PythonFolder? = nil, image: CommandImage? = nil, sandbox: Bool = true, network: Bool = false,
    refusesUndeclared: Bool = false, stdin: String? = nil, ending: CommandEnding = CommandEnding(),
    growing: [String] = [],
    resumes: Bool = false
  ) {
    self.growing = growing
    self.resumes = resumes
    self.text = text
    self.shell = shell
    self.environment = environment
    self.passed = passed
    self.python = python
    self.image = image
    self.sandbox = sandbox
    self.network = network
    self.refusesUndeclared = refusesUndeclared
    self.stdin = stdin
    self.ending = ending
  }
}
