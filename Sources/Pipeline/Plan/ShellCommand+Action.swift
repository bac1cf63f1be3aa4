package import Actions

extension ShellCommand {
  /// The command with the paths of its inputs and outputs in it. They start with `./`, so that none is taken for an option.
  package func action(
    inputs: [ActionInput], outputs: [OutputDeclaration]
  ) throws(PipelineError) -> ActionCommand {
    var paths: [String: [String]] = [:]
    for input in inputs { paths["in.\(input.name)"] = input.members.map { "./" + $0.place } }
    for output in outputs { paths["out.\(output.name)"] = [ShellCommand.path(of: output)] }
    return ActionCommand(
      text: try template.command { paths[$0] ?? [] }, shell: shell, environment: environment, passed: passed,
      sandbox: sandbox, network: network, refusesUndeclared: refusesUndeclared)
  }

  /// Of an output with members, the folder's.
  private static func path(of output: OutputDeclaration) -> String {
    if output.place == "." { return "./" }
    return "./" + output.place + (output.keyed ? "/" : "")
  }
}
