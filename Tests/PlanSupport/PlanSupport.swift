package import Actions
package import JSON
package import Pipeline

/// An operation that only declares: planning runs nothing.
package struct DeclaredOperation: Actions.Operation {
  package let name: String
  package var revision: Int { 1 }
  package var summary: String { "For tests." }
  package var inputs: [InputDeclaration]
  package var parameters: [any ParameterDeclaration]
  package var outputs: [OutputDeclaration]
  package var knownKeys: @Sendable (ParameterValues) -> [String]?

  package init(
    name: String, inputs: [InputDeclaration] = [], parameters: [any ParameterDeclaration] = [],
    outputs: [OutputDeclaration] = [],
    knownKeys: @escaping @Sendable (ParameterValues) -> [String]? = { _ in nil }
  ) {
    self.name = name
    self.inputs = inputs
    self.parameters = parameters
    self.outputs = outputs
    self.knownKeys = knownKeys
  }

  package func keys(of output: String, _ parameters: ParameterValues) -> [String]? { knownKeys(parameters) }
  package func run(_ context: OperationContext) async throws {}
}

package let skip = Parameter("skip", default: 10, in: 0..., help: "Steps to leave out.")
package let label = Parameter("label", default: "", help: "A name.")

/// A small world: import (keyed), train (keys from parameters), fit, compare (many), report (two outputs).
package let registry = OperationRegistry([
  DeclaredOperation(
    name: "curve.import", inputs: [InputDeclaration("file", help: "a file")],
    outputs: [OutputDeclaration("curves", file: ".json", keyed: true, help: "")]),
  DeclaredOperation(
    name: "lm.train", inputs: [InputDeclaration("tokens", .optional, help: "tokens")],
    parameters: [Parameter("steps", default: 3, in: 0...100, help: "Steps.")],
    outputs: [
      OutputDeclaration("losses", file: "losses.csv", help: ""),
      OutputDeclaration("checkpoints", file: ".safetensors", keyed: true, help: ""),
    ],
    knownKeys: { values in (1...(values.values["steps"]?.integer ?? 1)).map(String.init) }),
  DeclaredOperation(
    name: "curve.fit", inputs: [InputDeclaration("curve", help: "a curve")], parameters: [skip, label],
    outputs: [OutputDeclaration("fit", file: "fit.json", help: "")]),
  DeclaredOperation(
    name: "curve.compare", inputs: [InputDeclaration("fits", .many, help: "fits")],
    outputs: [OutputDeclaration("table", file: "table.csv", help: "")]),
])

package func plan(
  _ text: String, _ overrides: [(name: String, value: String)] = [], keys: [KeyedOutput: [String]] = [:]
) throws -> Plan {
  let file = try PipelineFile(text: text, path: "p.yaml")
  return try Planner(registry: registry).plan(file, overrides: overrides, keys: keys)
}

/// The error that planning ends with, as it is printed.
package func planError(
  _ text: String, _ overrides: [(name: String, value: String)] = [], keys: [KeyedOutput: [String]] = [:]
) -> String {
  do {
    _ = try plan(text, overrides, keys: keys)
    return "no error"
  } catch {
    return String(describing: error)
  }
}

extension Plan {
  package subscript(_ name: String) -> StageInstance? { instances.first { $0.name == name } }

  package func source(_ instance: String, _ input: String) -> InputSource? {
    self[instance]?.inputs.first { $0.name == input }?.source
  }

  package func command(_ instance: String) -> ShellCommand? {
    if case .command(let command) = self[instance]?.work { command } else { nil }
  }

  package func parameters(_ instance: String) -> [String: JSON]? {
    if case .operation(_, let values) = self[instance]?.work { values.values } else { nil }
  }

  package var names: [String] { instances.map(\.name) }
}
