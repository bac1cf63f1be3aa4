import Actions
import ArgumentParser
import JSON
import Runs

extension Brake {
  struct Operations: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "operations",
      abstract: "Describe the built-in operations: inputs, parameters, outputs.")

    @Flag(help: "Print an array of objects.") var json = false

    @Argument(
      help: "Only this operation.",
      completion: .list(OperationRegistry.builtIn.operations.map(\.name)))
    var name: String?

    func run() throws {
      let all = OperationRegistry.builtIn
      var chosen = all.operations
      if let name {
        guard let operation = all[name] else {
          throw PipelineError(
            "there is no operation '\(name)'", hint: "there are \(chosen.map(\.name).joined(separator: ", "))"
          )
        }
        chosen = [operation]
      }
      if json { return try Output.print(.array(chosen.map(describe))) }
      try Output.print(chosen.map(text).joined(separator: "\n\n"))
    }

    private func text(_ operation: any Actions.Operation) -> String {
      var lines = ["\(operation.name)  (revision \(operation.revision))", "  \(operation.summary)"]
      var table = Table(.left, .left, .left)
      for input in operation.inputs { table.add(input.name, input.cardinality.text, input.help) }
      add("inputs", &table, to: &lines)
      for parameter in operation.parameters {
        let value = parameter.defaultValue.map { $0.string ?? $0.canonical } ?? "required"
        let unit = parameter.unit.map { " \($0)" } ?? ""
        table.add(parameter.name, value + unit, "\(parameter.type); \(parameter.help)")
      }
      add("parameters", &table, to: &lines)
      for output in operation.outputs {
        table.add(output.name, output.keyed ? "KEY\(output.file)" : output.file, output.help)
      }
      add("outputs", &table, to: &lines)
      if !operation.tools.isEmpty { lines.append("  programs: " + operation.tools.joined(separator: ", ")) }
      return lines.joined(separator: "\n")
    }

    private func add(_ title: String, _ table: inout Table, to lines: inout [String]) {
      if !table.isEmpty { lines += ["  \(title)", table.text(indent: "    ")] }
      table = Table(.left, .left, .left)
    }

    private func describe(_ operation: any Actions.Operation) -> JSON {
      [
        "name": .string(operation.name), "revision": .integer(Int64(operation.revision)),
        "summary": .string(operation.summary),
        "inputs": .array(
          operation.inputs.map {
            ["name": .string($0.name), "cardinality": .string($0.cardinality.text), "help": .string($0.help)]
          }),
        "parameters": .array(
          operation.parameters.map {
            [
              "name": .string($0.name), "type": .string($0.type), "default": $0.defaultValue ?? .null,
              "required": .bool($0.defaultValue == nil), "unit": $0.unit.map(JSON.string) ?? .null,
              "help": .string($0.help),
            ]
          }),
        "outputs": .array(
          operation.outputs.map {
            [
              "name": .string($0.name), "file": .string($0.file), "keyed": .bool($0.keyed),
              "help": .string($0.help),
            ]
          }),
        "programs": .array(operation.tools.map(JSON.string)),
      ]
    }
  }
}

extension InputDeclaration.Cardinality {
  fileprivate var text: String {
    switch self {
    case .one: "one"
    case .optional: "optional"
    case .many: "many"
    }
  }
}
