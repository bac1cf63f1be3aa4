public import Actions
public import JSON

/// A pipeline file with all that it includes, read and checked as far as it can be without the operations.
/// `docs/pipelines.md` describes the format.
public struct PipelineFile: Sendable {
  /// As the user named it; in every message.
  public let path: String
  /// The declared parameters with their defaults, in the file's order.
  public var parameters: [(name: String, value: JSON)] {
    parameterEntries.map { ($0.name, $0.value.json) }
  }

  let parameterEntries: [PipelineNode.Entry]
  let includes: [PipelineInclude]
  /// Its own.
  let stages: [StageDeclaration]
  let defaults: [PipelineNode]

  init(
    path: String, parameterEntries: [PipelineNode.Entry], includes: [PipelineInclude],
    stages: [StageDeclaration], defaults: [PipelineNode]
  ) {
    self.path = path
    self.parameterEntries = parameterEntries
    self.includes = includes
    self.stages = stages
    self.defaults = defaults
  }

  /// - Parameters:
  ///   - path: what messages call the file.
  ///   - read: the text of a file that is included, by its path: absolute, or relative as `path` is.
  /// - Throws: the first thing that is wrong, with its position.
  public init(
    text: String, path: String, read: (String) throws -> String = PipelineFile.nothing
  ) throws(PipelineError) {
    self = try withoutActuallyEscaping(read) { (read) throws(PipelineError) in
      var loader = PipelineLoader(faults: Faults(), read: read)
      return try loader.file(text, path: path)
    }
  }

  /// For a text that stands alone.
  public static func nothing(_ path: String) throws -> String {
    throw PipelineError("cannot include '\(path)' here")
  }

  /// The files that were included, each as often as it was; relative as `path` is.
  public var includedPaths: [String] {
    includes.flatMap { [$0.file.path] + $0.file.includedPaths }
  }

  /// The stages that run a command: whether it has a network, and whether its stage wants it in a sandbox. Those of included
  /// files come first.
  public var commands: [(stage: String, hasNetwork: Bool, wantsSandbox: Bool)] {
    includes.flatMap { include in
      include.file.commands.map { (include.declaration.prefix + $0.stage, $0.hasNetwork, $0.wantsSandbox) }
    }
      + stages.compactMap { stage in
        guard case .command(let command) = stage.work else { return nil }
        return (stage.name, command.network, command.sandbox)
      }
  }

  /// The parameters without a value, its own and those of the files that it includes.
  var unsetParameters: Set<String> {
    Set(parameterEntries.filter(\.value.isNull).map(\.name))
      .union(includes.flatMap(\.file.unsetParameters))
  }

  /// The stages by their names here, and where they stand: those of included files come first.
  var namedStages: [(name: String, position: Position)] {
    includes.flatMap { include in
      include.file.namedStages.map { (include.declaration.prefix + $0.name, $0.position) }
    } + stages.map { ($0.name, $0.position) }
  }
}

/// A stage as the file declares it.
struct StageDeclaration: Sendable {
  enum Work: Sendable {
    case operation(name: PipelineNode, parameters: [PipelineNode.Entry])
    case command(CommandDeclaration)
  }

  var name: String
  let position: Position
  let work: Work
  let fanOut: FanOut
  let inputs: [PipelineNode.Entry]
  let publish: PipelineNode?
  let resources: [(field: ResourceField, value: PipelineNode)]
  /// Whether something is wrong with it that has been noted.
  var isFaulty = false
  /// The fields of which nothing could be read, so that what they should have is not missed.
  var unread: Set<StageField> = []
  /// Whether nothing but its name could be read.
  var isUnread = false
}

extension StageDeclaration {
  /// Of a stage of which no more than the name can be read.
  init(faulty entry: PipelineNode.Entry) {
    self.init(
      name: entry.name, position: entry.position,
      work: .operation(name: entry.value, parameters: []), fanOut: .none, inputs: [], publish: nil,
      resources: [], isFaulty: true, isUnread: true)
  }
}

struct CommandDeclaration: Sendable {
  let script: PipelineNode
  let shell: PipelineNode?
  let outputs: [PipelineNode.Entry]
  let environment: [PipelineNode.Entry]
  let passed: [String]
  /// Name -> the command that prints its version.
  let tools: [(name: String, version: PipelineNode?)]
  let python: PythonDeclaration?
  let image: ImageDeclaration?
  let sandbox: Bool
  let network: Bool
  let refusesUndeclared: Bool
  /// `in.NAME` or `previous.NAME`.
  let stdin: String?
  /// `codes:`, `timeout:`, `grace:` and `retries:`, as far as they are given.
  let ending: [(field: StageField, value: PipelineNode)]
  /// The outputs of which each member is kept as soon as it is finished.
  let growing: [String]
  /// Those of them whose members others may read before the command has ended.
  let eager: [String]
  /// Whether an attempt finds in its folder what an earlier one had kept.
  let resumes: Bool
}
