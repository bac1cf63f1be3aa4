extension CommandRun {
  /// The command with the paths of its inputs and outputs in it. They start with `./`, so that none is taken for an option.
  func expanded() throws -> String {
    let inputs = action.inputs.map { ("in.\($0.name)", $0.members.map { "./" + $0.place }) }
    let outputs = action.instance.outputs.map { ("out.\($0.name)", [CommandRun.path(of: $0)]) }
    let paths = Dictionary(uniqueKeysWithValues: inputs + outputs)
    return try command.template.command { paths[$0] ?? [] }
  }

  /// Of an output with members, the folder's.
  private static func path(of output: OutputDeclaration) -> String {
    if output.place == "." { return "./" }
    return "./" + output.place + (output.keyed ? "/" : "")
  }
}
