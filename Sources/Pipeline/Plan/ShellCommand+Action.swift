package import Actions
import Artefacts

extension ShellCommand {
  /// The command with the paths of its inputs and outputs in it. They start with `./`, so that none is taken for an option.
  ///
  /// - Parameters:
  ///   - python: its Python environment.
  ///   - image: its container image.
  package func action(
    inputs: [ActionInput], outputs: [OutputDeclaration], python: PythonFolder? = nil,
    image: CommandImage? = nil
  ) throws(PipelineError) -> ActionCommand {
    var paths: [String: [String]] = [:]
    for input in inputs {
      paths[ShellCommand.path(ofInput: input.name)] = input.members.map { "./" + $0.place }
    }
    let read = inputs.first { ShellCommand.path(ofInput: $0.name) == stdin }
    if let read, read.isCollection || read.members.contains(where: { $0.artefact.kind == .tree }) {
      throw PipelineError(
        "the standard input is one file, and '\(read.name)' is \(read.isCollection ? "several" : "a folder")",
        hint: "the command can read it from ${\(ShellCommand.path(ofInput: read.name))}")
    }
    for output in outputs { paths["out.\(output.name)"] = [ShellCommand.path(of: output)] }
    return ActionCommand(
      text: try template.command { paths[$0] ?? [] }, shell: shell, environment: environment, passed: passed,
      python: python, image: image,
      sandbox: sandbox, network: network, refusesUndeclared: refusesUndeclared,
      stdin: read?.members.first?.place, ending: ending, growing: growing, resumes: resumes)
  }

  /// What a command calls the path of an input. No input of a stage's own has a dot in its name.
  fileprivate static func path(ofInput name: String) -> String {
    name.hasPrefix(Expression.previous) ? name : "in.\(name)"
  }

  /// Of an output with members, the folder's.
  private static func path(of output: OutputDeclaration) -> String {
    if output.place == "." { return "./" }
    return "./" + output.place + (output.keyed ? "/" : "")
  }
}

extension StageInstance.Input {
  /// What a command calls its path.
  var path: String { ShellCommand.path(ofInput: name) }
}
