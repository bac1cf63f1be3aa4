/// A kind of work that brake can do itself. Operations know nothing of pipelines: they read inputs, write outputs, and
/// are pure functions of inputs and parameters.
public protocol Operation: Sendable {
  /// As pipeline files name it: `curve.fit`.
  var name: String { get }
  /// Raised whenever the same inputs and parameters give other bytes than before. Part of every key.
  var revision: Int { get }
  /// One sentence, for `brake operations`.
  var summary: String { get }
  var inputs: [InputDeclaration] { get }
  var parameters: [any ParameterDeclaration] { get }
  var outputs: [OutputDeclaration] { get }
  /// Programs it calls; their identities are part of the key.
  var tools: [String] { get }
  /// What else of the system its outputs depend on, with a name each that no other has. Looked for once in a run.
  var systemFiles: [SystemFile] { get }

  /// Whether it says which stages behind its inputs ran without a sandbox, and which went on from what an earlier attempt had saved.
  /// They are part of the key then, if there are any.
  var tellsHowStagesRan: Bool { get }

  /// What one cannot say in declarations, such as two parameters that exclude each other. Called while planning.
  func validate(_ parameters: ParameterValues) throws(ParameterError)

  /// Keys of a keyed output that follow from the parameters alone; nil if they are known only after it has run.
  func keys(of output: String, _ parameters: ParameterValues) -> [String]?

  func run(_ context: OperationContext) async throws
}

extension Operation {
  public var tools: [String] { [] }
  public var systemFiles: [SystemFile] { [] }
  public var tellsHowStagesRan: Bool { false }
  public func validate(_ parameters: ParameterValues) throws(ParameterError) {}
  public func keys(of output: String, _ parameters: ParameterValues) -> [String]? { nil }
}

public struct InputDeclaration: Sendable {
  public enum Cardinality: Sendable {
    case one, optional
    /// Any number of artefacts, each with a key: the instances of a stage, or a keyed output.
    case many
  }

  public let name: String
  public let cardinality: Cardinality
  /// One sentence: what it holds, in which format.
  public let help: String

  public init(_ name: String, _ cardinality: Cardinality = .one, help: String) {
    self.name = name
    self.cardinality = cardinality
    self.help = help
  }
}

public struct OutputDeclaration: Sendable {
  public let name: String
  /// The file name it gets outside the store: `fit.json`. Of a keyed output, each artefact's: `KEY.json` for `.json`.
  public let file: String
  /// Many artefacts, each with a key, instead of one.
  public let keyed: Bool
  public let help: String

  public init(_ name: String, file: String, keyed: Bool = false, help: String) {
    self.name = name
    self.file = file
    self.keyed = keyed
    self.help = help
  }
}
