extension CommandRun {
  /// The command with `${in.NAME}` and `${out.NAME}` replaced by paths, quoted for the shell where they need it.
  func expanded() -> String {
    var text = command.template
    for input in action.inputs {
      let paths = input.members.map { quoted($0.place) }.joined(separator: " ")
      text = text.replacing("${in.\(input.name)}", with: paths)
    }
    for output in action.instance.outputs {
      text = text.replacing("${out.\(output.name)}", with: quoted(output.file))
    }
    return text
  }

  private func quoted(_ path: String) -> String {
    let plain = path.utf8.allSatisfy {
      switch $0 {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "-"):
        true
      default: false
      }
    }
    return plain ? path : "'" + path.replacing("'", with: "'\\''") + "'"
  }
}
