public import Actions
public import Artefacts
public import JSON

/// A pipeline file with its parameters applied: every stage instance, what it reads and what it writes. A value; making
/// one touches neither the store nor the files that stages read.
public struct Plan: Sendable {
  /// In an order in which each stands behind all it depends on; among equals, the file's order.
  public let instances: [StageInstance]
  /// Stages whose instances depend on keys that are not known yet.
  public let deferred: [DeferredStage]
  /// The parameters of the pipeline as they were applied.
  public let parameters: [String: JSON]
  /// Names of the `default:` targets; all stages that nothing else uses if the file names none.
  public let defaults: [String]
  /// The sources that name a stage, and would name a file if there were no such stage.
  let fileNames: [NamedSource]
  /// Of a plan that is made ahead: the instances that will read more than they do in it.
  let incomplete: Set<String>
  /// The stages whose variables have no values, or whose conditions leave none, and where they stand.
  let withoutInstances: [String: Position]

  public init(
    instances: [StageInstance], deferred: [DeferredStage], parameters: [String: JSON],
    defaults: [String]
  ) {
    self.init(
      instances: instances, deferred: deferred, parameters: parameters, defaults: defaults, fileNames: [])
  }

  init(
    instances: [StageInstance], deferred: [DeferredStage], parameters: [String: JSON],
    defaults: [String], fileNames: [NamedSource], incomplete: Set<String> = [],
    withoutInstances: [String: Position] = [:]
  ) {
    self.incomplete = incomplete
    self.withoutInstances = withoutInstances
    self.fileNames = fileNames
    self.instances = instances
    self.deferred = deferred
    self.parameters = parameters
    self.defaults = defaults
  }
}

/// One stage with one value for each of its `for:` variables. (A class, since it is large, many hold it, and nothing in it
/// ever changes.)
public final class StageInstance: Sendable {
  public let stage: String
  /// The values of the `for:` variables as text, in order; empty for a stage without `for:`.
  public let keys: [String]
  /// The key of a link of a chain; nil for anything else, and for the end of a chain.
  public let link: String?
  public let work: Work
  /// In the file's order.
  public let inputs: [Input]
  public let outputs: [OutputDeclaration]
  public let publish: [PublishRule]
  /// Where the links of a chain publish what this, its end, gathers; empty for anything else.
  public let linkFolders: [LinkFolder]
  public let resources: Resources
  public let position: Position
  /// `train[47k]`, `tokens` without keys, `train[47k]@512` for a link. Unique in a plan.
  public let name: String

  public convenience init(
    stage: String, keys: [String], link: String? = nil, work: Work, inputs: [Input],
    outputs: [OutputDeclaration], publish: [PublishRule], linkFolders: [LinkFolder] = [],
    resources: Resources = .undeclared, position: Position
  ) {
    let name = keys.isEmpty ? stage : StageInstance.name(of: stage, keys)
    self.init(
      stage: stage, keys: keys, link: link,
      name: link.map { StageInstance.name(ofLink: $0, of: name) } ?? name, work: work, inputs: inputs,
      outputs: outputs, publish: publish, linkFolders: linkFolders, resources: resources, position: position)
  }

  /// - Parameter name: what the other initialiser would make it.
  init(
    stage: String, keys: [String], link: String? = nil, name: String, work: Work, inputs: [Input],
    outputs: [OutputDeclaration], publish: [PublishRule], linkFolders: [LinkFolder] = [],
    resources: Resources, position: Position
  ) {
    self.stage = stage
    self.keys = keys
    self.link = link
    self.name = name
    self.work = work
    self.inputs = inputs
    self.outputs = outputs
    self.publish = publish
    self.linkFolders = linkFolders
    self.resources = resources
    self.position = position
  }

  static func name(of stage: String, _ keys: [String]) -> String {
    var name = stage
    for (number, key) in keys.enumerated() {
      name += number == 0 ? "[" : ","
      name += key
    }
    return name + "]"
  }

  static func name(ofLink link: String, of instance: String) -> String { "\(instance)@\(link)" }

  public enum Work: Sendable {
    case operation(any Operation, ParameterValues)
    case command(ShellCommand)

    /// Programs whose identity is part of the key, as in `ShellCommand.tools`.
    package var tools: [String: String?] {
      switch self {
      case .operation(let operation, _):
        Dictionary(uniqueKeysWithValues: operation.tools.map { ($0, nil) })
      case .command(let command): command.tools
      }
    }

    /// Whether what it makes also rests on how the stages behind it ran.
    package var tellsHowStagesRan: Bool {
      if case .operation(let operation, _) = self { operation.tellsHowStagesRan } else { false }
    }

    /// Whether a program has to be asked what it is.
    package var asksPrograms: Bool {
      switch self {
      case .operation: false
      case .command(let command): command.python != nil || command.tools.values.contains { $0 != nil }
      }
    }
  }

  public struct Input: Sendable {
    public let name: String
    public let source: InputSource

    public init(name: String, source: InputSource) {
      self.name = name
      self.source = source
    }
  }

  /// Whether something is put into the workspace, or taken from it, when it is done.
  public var publishes: Bool { !publish.isEmpty || !linkFolders.isEmpty }

  /// Names of the instances that must be done before this one.
  public var dependencies: [String] {
    var seen: Set<String> = []
    return inputs.flatMap(\.source.instances).filter { seen.insert($0).inserted }
  }
}

/// Where an input comes from.
public enum InputSource: Sendable, Hashable {
  /// A file or folder of the workspace, relative to the pipeline's root (or absolute).
  case file(String)
  /// An artefact of the store, by digest.
  case artefact(Digest)
  /// An output of an instance: one artefact, or one member of a keyed output.
  case output(instance: String, output: String, key: String?)
  /// All members of a keyed output, whatever their keys turn out to be.
  case members(instance: String, output: String)
  /// Several, each with its key: the instances of a stage, or a list in the file.
  case collection([Member])

  public struct Member: Sendable, Hashable {
    /// Of a member whose source is `.members`, what stands before their keys: `key,member`.
    public let key: String
    public let source: InputSource

    public init(key: String, source: InputSource) {
      self.key = key
      self.source = source
    }
  }

  /// The instances it needs, in order, possibly repeated.
  public var instances: [String] {
    switch self {
    case .file, .artefact: []
    case .output(let instance, _, _), .members(let instance, _): [instance]
    case .collection(let members): members.flatMap(\.source.instances)
    }
  }
}

/// A `run:` stage.
public struct ShellCommand: Sendable, Hashable {
  let template: ShellTemplate
  /// What runs it: part of the key.
  public let shell: CommandShell
  /// Declared environment: part of the key.
  public let environment: [String: String]
  /// Names handed through from the user's environment. Neither they nor their values are part of the key.
  public let passed: [String]
  /// Programs whose identity is part of the key: a name to look up in PATH -> a command that prints its version, or nil
  /// to take the digest of the executable.
  public let tools: [String: String?]
  /// The Python environment in which it runs; nil for the one that PATH leads to.
  public let python: PythonSource?
  /// Whether it runs in a container image, which is the input `ShellCommand.imageInput`.
  public let hasImage: Bool
  /// Whether it runs in a sandbox where there is one.
  public let sandbox: Bool
  /// Whether it has a network in the sandbox.
  public let network: Bool
  /// Whether a file that it leaves and does not declare is an error, and not only said.
  public let refusesUndeclared: Bool
  /// What it is given on its standard input, `in.NAME` or `previous.NAME`: part of the key. The first link of a chain is given
  /// nothing of the one before.
  public let stdin: String?
  public let ending: CommandEnding
  /// The outputs of which each member is kept as soon as it is finished.
  public let growing: [String]
  /// Those of them whose members others may read before the command has ended.
  public let eager: [String]
  /// Whether an attempt finds in its folder what an earlier one had kept.
  public let resumes: Bool

  /// The command with `${in.NAME}`, `${out.NAME}` and `${previous.NAME}` still in it: paths are no part of a key. Parameters and `for:`
  /// variables are already replaced.
  public var text: String { template.text }

  init(
    template: ShellTemplate, shell: CommandShell = .bash, environment: [String: String] = [:],
    passed: [String] = [], tools: [String: String?] = [:], python: PythonSource? = nil,
    hasImage: Bool = false, sandbox: Bool = true, network: Bool = false, refusesUndeclared: Bool = false,
    stdin: String? = nil,
    ending: CommandEnding = CommandEnding(), growing: [String] = [], eager: [String] = [],
    resumes: Bool = false
  ) {
    self.growing = growing
    self.eager = eager
    self.resumes = resumes
    self.template = template
    self.shell = shell
    self.environment = environment
    self.passed = passed
    self.tools = tools
    self.python = python
    self.hasImage = hasImage
    self.sandbox = sandbox
    self.network = network
    self.refusesUndeclared = refusesUndeclared
    self.stdin = stdin
    self.ending = ending
  }
}

/// Where an output is also put in the workspace.
public struct PublishRule: Sendable, Hashable {
  public let output: String
  /// Relative to the pipeline's root. A keyed output becomes a folder of this name.
  public let path: String

  public init(output: String, path: String) {
    self.output = output
    self.path = path
  }
}

/// A stage that cannot be expanded yet, because it runs over a keyed output of a stage that has not run, or uses one
/// that does.
public struct DeferredStage: Sendable {
  public let stage: String
  /// The keyed outputs whose keys are needed first.
  public let waitsFor: [KeyedOutput]
  public let position: Position
  /// Names of the stages it reads or runs over.
  public let dependencies: [String]

  public init(
    stage: String, waitsFor: [KeyedOutput], position: Position, dependencies: [String] = []
  ) {
    self.stage = stage
    self.waitsFor = waitsFor
    self.position = position
    self.dependencies = dependencies
  }
}

/// A keyed output of an instance.
public struct KeyedOutput: Sendable, Hashable {
  public let instance: String
  public let output: String

  public init(instance: String, output: String) {
    self.instance = instance
    self.output = output
  }
}
