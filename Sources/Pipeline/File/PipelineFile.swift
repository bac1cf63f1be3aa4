public import JSON

/// A pipeline file, read and checked as far as it can be without the operations. `docs/pipelines.md` describes the
/// format.
public struct PipelineFile: Sendable {
  /// As the user named it; in every message.
  public let path: String
  /// The declared parameters with their defaults, in the file's order.
  public var parameters: [(name: String, value: JSON)] {
    parameterEntries.map { ($0.name, $0.value.json) }
  }

  let parameterEntries: [PipelineNode.Entry]
  let stages: [StageDeclaration]
  let defaults: [PipelineNode]

  /// - Parameter path: what messages call the file.
  /// - Throws: the first thing that is wrong, with its position.
  public init(text: String, path: String) throws(PipelineError) {
    let root = try PipelineNode.read(text, file: path)
    let reader = try PipelineReader(root)
    self.path = path
    parameterEntries = reader.parameters
    stages = try reader.stages()
    defaults = try reader.defaults()
  }
}

/// A stage as the file declares it.
struct StageDeclaration: Sendable {
  enum Work: Sendable {
    case operation(name: PipelineNode, parameters: [PipelineNode.Entry])
    case command(CommandDeclaration)
  }

  let name: String
  let position: Position
  let work: Work
  let fanOut: FanOut
  let inputs: [PipelineNode.Entry]
  let publish: PipelineNode?
  let resources: [(field: ResourceField, value: PipelineNode)]
}

struct CommandDeclaration: Sendable {
  let script: PipelineNode
  let shell: PipelineNode?
  let outputs: [PipelineNode.Entry]
  let environment: [PipelineNode.Entry]
  let passed: [String]
  /// Name -> the command that prints its version.
  let tools: [(name: String, version: PipelineNode?)]
  let sandbox: Bool
  let network: Bool
  let refusesUndeclared: Bool
}
