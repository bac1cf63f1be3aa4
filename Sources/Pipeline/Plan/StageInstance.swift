public import Actions

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
