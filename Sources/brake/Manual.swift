import ArgumentParser

extension Brake {
  struct Manual: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "manual",
      abstract: "Print the manual page: the help of all subcommands.",
      discussion: """
        It is written in the language of man. To read it: brake manual | man -l -

        To install it: brake manual > ~/.local/share/man/man1/brake.1
        """)

    func run() throws { try Output.print(ManualPage(of: Brake.self).source, terminator: "") }
  }
}
