public import JSON

/// An operation that plans itself as a chain of actions, called links: each takes up what the one before it left. A
/// longer chain, or one that differs in its last links, shares the first links with another; an interrupted one goes on
/// with the link that was not finished; and other stages can use what a link left before the chain is at its end.
///
/// Of a stage `train[47k]` with the links 1, 2 and 4 a plan has the instances `train[47k]@1`, `train[47k]@2` and
/// `train[47k]@4`, and `train[47k]` itself, the end of the chain. Every link makes one member, under the link's key, of
/// every keyed output of the operation. The end makes the outputs that are not keyed.
public protocol ChainOperation: Operation {
  /// The links in order; at least one, with different keys. A link's parameters hold only what that link depends on:
  /// they are its part of the key.
  func links(_ parameters: ParameterValues) throws(ParameterError) -> [ChainLink]

  /// The parameters of a link.
  var linkParameters: [any ParameterDeclaration] { get }

  /// The keyed outputs whose member of the link before a link reads, as the optional input `previous.NAME`.
  var carried: [String] { get }

  /// The keyed outputs of which the end reads all members, as the `many` input NAME. It reads nothing else.
  var gathered: [String] { get }

  /// Runs one link. The context has the operation's inputs and those carried over, and the link's parameters; every keyed
  /// output is written as one that is not keyed.
  func runLink(_ context: OperationContext) async throws
  // `run(_:)` runs the end.
}

/// A link of a chain.
public struct ChainLink: Sendable {
  /// The key of its members in the keyed outputs.
  public let key: String
  public let parameters: [String: JSON]

  public init(key: String, parameters: [String: JSON]) {
    self.key = key
    self.parameters = parameters
  }
}

extension ChainOperation {
  public func keys(of output: String, _ parameters: ParameterValues) -> [String]? {
    try? links(parameters).map(\.key)
  }

  public func validate(_ parameters: ParameterValues) throws(ParameterError) {
    for link in try links(parameters) {
      _ = try ParameterValues(link.parameters, declarations: linkParameters)
    }
  }
}

/// One link as an operation of its own.
package struct LinkOperation: Operation {
  package let chain: any ChainOperation

  package init(chain: any ChainOperation) { self.chain = chain }

  package var name: String { chain.name }
  package var revision: Int { chain.revision }
  package var summary: String { chain.summary }
  package var tools: [String] { chain.tools }
  package var parameters: [any ParameterDeclaration] { chain.linkParameters }

  package var inputs: [InputDeclaration] {
    chain.inputs
      + chain.carried.map { InputDeclaration("previous.\($0)", .optional, help: "of the link before") }
  }

  package var outputs: [OutputDeclaration] {
    chain.outputs.filter(\.keyed).map { OutputDeclaration($0.name, file: $0.name + $0.file, help: $0.help) }
  }

  package func run(_ context: OperationContext) async throws { try await chain.runLink(context) }
}

/// The end of a chain as an operation of its own.
package struct EndOperation: Operation {
  package let chain: any ChainOperation

  package init(chain: any ChainOperation) { self.chain = chain }

  package var name: String { chain.name + ".end" }
  package var revision: Int { chain.revision }
  package var summary: String { chain.summary }
  package var parameters: [any ParameterDeclaration] { [] }
  package var inputs: [InputDeclaration] {
    chain.gathered.map { InputDeclaration($0, .many, help: "of all links") }
  }
  package var outputs: [OutputDeclaration] { chain.outputs.filter { !$0.keyed } }

  package func run(_ context: OperationContext) async throws { try await chain.run(context) }
}
