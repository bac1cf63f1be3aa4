import ArgumentParser
import JSON

/// Options that stand before the subcommand. ArgumentParser looks for the subcommand in the first place only, and would
/// take `brake -f x log` for a run of the target `log`.
struct LeadingOptions {
  /// A subcommand with the names of its options, dashes included.
  struct Command {
    let name: String
    let flags: Set<String>
    /// Options that take a value.
    let valued: Set<String>
    /// Its own subcommands. Their options are among the names above.
    var subcommands: [Command] = []
    /// Whether it only tells of other commands, and does nothing with options of theirs.
    var isHelp = false
  }

  let commands: [Command]

  /// The arguments with the options behind the subcommand: `-f x log` becomes `log -f x`, and `-C d remote add` becomes
  /// `remote add -C d`. They stay as they are if the subcommand does not have all these options: `-j4 fit` runs the stage
  /// `fit`.
  func moved(_ arguments: [String]) -> [String] {
    for command in commands {
      guard let count = command.leading(arguments), arguments[count] == command.name else { continue }
      let options = command.isHelp ? [] : arguments[..<count]
      let rest = Array(options + arguments[(count + 1)...])
      return [command.name] + LeadingOptions(commands: command.subcommands).moved(rest)
    }
    return arguments
  }
}

extension LeadingOptions.Command {
  /// How many arguments before the first word are options of this command, and values of these. Nil if there are others,
  /// or no word comes.
  fileprivate func leading(_ arguments: [String]) -> Int? {
    var index = 0
    while index < arguments.count {
      let argument = arguments[index]
      if argument == "-" || !argument.hasPrefix("-") { return index }
      guard argument != "--", let taken = taken(by: argument) else { return nil }
      index += taken
    }
    return nil
  }

  /// One argument, or two if the value of an option comes behind it; nil for what is no option of this command.
  private func taken(by argument: String) -> Int? {
    if argument.hasPrefix("--") {
      let name = String(argument.prefix { $0 != "=" })
      if valued.contains(name) { return name == argument ? 2 : 1 }
      return name == argument && flags.contains(name) ? 1 : nil
    }
    var letters = argument.dropFirst()
    let isFirst = { letters.count == argument.count - 1 }
    while let letter = letters.first {
      let name = "-\(letter)"
      if valued.contains(name) {
        // Of several letters only the first can have its value joined to it.
        return letters.count == 1 ? 2 : isFirst() ? 1 : nil
      }
      guard flags.contains(name) else { return nil }
      letters = letters.dropFirst()
    }
    return 1
  }
}

extension LeadingOptions {
  /// The subcommands of brake that are named among the arguments, with their options; none where nothing can move.
  init(for arguments: [String]) {
    let all = Brake.configuration.subcommands
    guard let first = arguments.first else {
      commands = []
      return
    }
    guard first.hasPrefix("-") else {
      let groups = all.filter { $0._commandName == first && !$0.configuration.subcommands.isEmpty }
      commands = groups.compactMap(Self.command)
      return
    }
    let words = Set(arguments.dropFirst())
    let named = all.filter { words.contains($0._commandName) }.compactMap(Self.command)
    guard words.contains("help"), let run = Self.command(Brake.Run.self) else {
      commands = named
      return
    }
    let told = named + [run]
    commands =
      named + [
        Command(
          name: "help", flags: told.reduce(into: []) { $0.formUnion($1.flags) },
          valued: told.reduce(into: []) { $0.formUnion($1.valued) }, isHelp: true)
      ]
  }

  private static func command(_ type: any ParsableCommand.Type) -> Command? {
    (try? JSON(parsing: type._dumpHelp())["command"]).flatMap(command)
  }

  /// - Parameter help: what ArgumentParser tells of a command.
  private static func command(_ help: JSON) -> Command? {
    guard let name = help["commandName"]?.string else { return nil }
    let options = help["arguments"]?.array ?? []
    func names(_ kind: String) -> Set<String> {
      Set(options.filter { $0["kind"]?.string == kind }.flatMap { $0["names"]?.array ?? [] }.map(Self.name))
    }
    let subcommands = (help["subcommands"]?.array ?? []).compactMap(command)
    return Command(
      name: name, flags: subcommands.reduce(into: names("flag")) { $0.formUnion($1.flags) },
      valued: subcommands.reduce(into: names("option")) { $0.formUnion($1.valued) },
      subcommands: subcommands)
  }

  private static func name(_ json: JSON) -> String {
    (json["kind"]?.string == "long" ? "--" : "-") + (json["name"]?.string ?? "")
  }
}
