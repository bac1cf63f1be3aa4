import ArgumentParser
import Artefacts

extension Brake {
  struct Cat: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Write an artefact's bytes to the standard output.",
      discussion: """
        Of a tree: its manifest, a JSON object. The bytes are verified while they pass; if they are damaged the exit \
        status is 2.
        """)

    @OptionGroup var workspace: Workspace
    @Argument(help: "A digest, eight or more digits of one, or a reference.") var digest: String

    func run() throws {
      try workspace.enter()
      let store = try workspace.open()
      try store.stream(workspace.resolve(digest, in: store)) { try Output.write($0) }
    }
  }
}
