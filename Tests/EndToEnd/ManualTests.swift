import ArgumentParser
import Foundation
import Support
import Testing

@testable import brake

@Suite struct ManualTests {
  let folder = TemporaryFolder()

  @Test func `The manual page has every subcommand with every option`() throws {
    let plain = try ManualPage(of: Brake.self).source
      .replacing("\\-", with: "-").replacing("\\(aq", with: "'").replacing(/\\f[BIP]/, with: "")
    func check(_ command: any ParsableCommand.Type, _ name: String) {
      let sections = plain.split(separator: ".SS \"\(name)\"\n")
      #expect(sections.count == 2, "\(name)")
      let section = sections.last?.split(separator: "\n.SS ").first ?? ""
      let help = command.helpMessage(columns: 100_000)
      let options = help.split(separator: "\n").filter { $0.hasPrefix("  -") }
        .map { $0.split(separator: "  ")[0] }.filter { !$0.contains("--help") && !$0.contains("--version") }
      for option in options {
        let shown = option.replacing(/[<>]/, with: "")
        #expect(section.contains("\n.TP\n\(shown)\n"), "\(name): \(option)")
      }
      #expect(section.contains(command.configuration.abstract))
      for subcommand in command.configuration.subcommands {
        check(subcommand, "\(name) \(subcommand._commandName)")
      }
    }
    for command in Brake.configuration.subcommands { check(command, "brake \(command._commandName)") }
  }

  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/groff")))
  func `The manual page is set without a warning`() throws {
    folder.write(try ManualPage(of: Brake.self).source, to: "brake.1")
    let run = try folder.shell("groff -man -K utf8 -T utf8 -P -cbu -ww brake.1")
    #expect(run.status == 0 && run.err.isEmpty, "\(run.err)")
    #expect(run.out.contains("brake run [-C folder]"))
    #expect(run.out.contains("'fit[14M]' for all"))
  }

  /// Without a name of its own, a type is asked for its name each time that subcommands are searched, which takes longer
  /// than all else at the start.
  @Test func `Every subcommand says its name`() {
    func check(_ command: any ParsableCommand.Type) {
      #expect(command.configuration.commandName != nil, "\(command)")
      for subcommand in command.configuration.subcommands { check(subcommand) }
    }
    check(Brake.self)
  }
}
