import ArgumentParser
import JSON

/// The manual page of a command and its subcommands, made of the texts that `--help` prints.
struct ManualPage {
  private(set) var source = ""

  init(of root: any ParsableCommand.Type) throws {
    let command = try JSON(parsing: root._dumpHelp())["command"] ?? .null
    let name = root._commandName
    let configuration = root.configuration
    let title = [name.uppercased(), "1", "", "\(name) \(configuration.version)", "User commands"]
    source = ".TH " + title.map { "\"\(Roff.escaped($0))\"" }.joined(separator: " ") + "\n"
    // Flush left, no word divided: what is copied from it can be typed.
    line(".ad l")
    line(".nh")

    section("Name")
    line("\(name) \\- " + Roff.escaped(String(configuration.abstract.prefix(while: { $0 != "." }))))
    section("Synopsis")
    line("\(Roff.bold(name)) \(Roff.italic("subcommand")) [\(Roff.italic("argument"))] ...")
    section("Description")
    prose(configuration.discussion)
    for argument in ManualPage.arguments(of: command) { describe(argument) }

    let groups =
      [("", configuration.ungroupedSubcommands)]
      + configuration.groupedSubcommands.map { ($0.name + " ", $0.subcommands) }
    let helps = command["subcommands"]?.array ?? []
    for (kind, subcommands) in groups where !subcommands.isEmpty {
      section("\(kind)subcommands")
      for subcommand in subcommands {
        if let help = helps.first(where: { $0["commandName"]?.string == subcommand._commandName }) {
          describe(help, under: name)
        }
      }
    }
  }

  private static func arguments(of command: JSON) -> [JSON] {
    (command["arguments"]?.array ?? []).filter { $0["shouldDisplay"]?.bool == true }
  }

  private mutating func section(_ title: String) { line(".SH \"\(Roff.escaped(title.uppercased()))\"") }

  private mutating func describe(_ command: JSON, under parent: String) {
    guard command["shouldDisplay"]?.bool != false, let own = command["commandName"]?.string else { return }
    let name = "\(parent) \(own)"
    // Every subcommand has the root's, which are described there.
    let arguments = ManualPage.arguments(of: command).filter { argument in
      !["--help", "--version"].contains { ManualPage.names(of: argument).contains($0) }
    }
    line(".SS \"\(Roff.escaped(name))\"")
    line(([Roff.bold(name)] + arguments.map(ManualPage.usage)).joined(separator: " "))
    line(".PP")
    prose(command["abstract"]?.string ?? "")
    line(".PP")
    prose(command["discussion"]?.string ?? "")
    for argument in arguments { describe(argument) }
    for subcommand in command["subcommands"]?.array ?? [] { describe(subcommand, under: name) }
  }

  private mutating func describe(_ argument: JSON) {
    let names = ManualPage.names(of: argument).map(Roff.bold).joined(separator: ", ")
    let value = ManualPage.value(of: argument).map(Roff.italic)
    line(".TP")
    line([names, value ?? ""].filter { !$0.isEmpty }.joined(separator: " "))
    var text = argument["abstract"]?.string ?? ""
    if let values = argument["allValues"]?.array, !values.isEmpty {
      text += " (values: " + values.compactMap(\.string).joined(separator: ", ") + ")"
    }
    if let usual = argument["defaultValue"]?.string { text += " (default: \(usual))" }
    prose(text)
  }

  /// An argument in the synopsis: `[--jobs n]`.
  private static func usage(_ argument: JSON) -> String {
    let names = names(of: argument)
    var parts: [String] = []
    if let name = names.first(where: { $0.hasPrefix("--") }) ?? names.first { parts.append(Roff.bold(name)) }
    if let value = value(of: argument) { parts.append(Roff.italic(value)) }
    var text = parts.joined(separator: " ")
    if argument["isOptional"]?.bool == true { text = "[\(text)]" }
    return argument["isRepeating"]?.bool == true ? text + " ..." : text
  }

  private static func names(of argument: JSON) -> [String] {
    (argument["names"]?.array ?? []).map {
      ($0["kind"]?.string == "long" ? "--" : "-") + ($0["name"]?.string ?? "")
    }
  }

  private static func value(of argument: JSON) -> String? {
    argument["kind"]?.string == "flag" ? nil : argument["valueName"]?.string
  }

  // MARK: Text

  /// Paragraphs; those of which every line is indented are kept as they are.
  private mutating func prose(_ text: String) {
    for (number, paragraph) in text.split(separator: "\n\n").enumerated() {
      if number > 0 { line(".PP") }
      let lines = paragraph.split(separator: "\n")
      let isExample = lines.allSatisfy { $0.hasPrefix("  ") }
      if isExample { line(".nf") }
      for text in lines { line(Roff.escaped(String(text))) }
      if isExample { line(".fi") }
    }
  }

  private mutating func line(_ text: String) { source += text + "\n" }
}

/// The language of manual pages.
private enum Roff {
  /// Text that means itself, wherever it stands: hyphens stay hyphens, quotes stay straight, and no line is a request.
  static func escaped(_ text: String) -> String {
    var escaped = text.hasPrefix(".") ? "\\&" : ""
    for character in text {
      switch character {
      case "\\": escaped += "\\e"
      case "-": escaped += "\\-"
      case "'": escaped += "\\(aq"
      case "\"": escaped += "\\(dq"
      case "`": escaped += "\\(ga"
      case "^": escaped += "\\(ha"
      case "~": escaped += "\\(ti"
      default: escaped.append(character)
      }
    }
    return escaped
  }

  static func bold(_ text: String) -> String { "\\fB\(escaped(text))\\fP" }
  static func italic(_ text: String) -> String { "\\fI\(escaped(text))\\fP" }
}
