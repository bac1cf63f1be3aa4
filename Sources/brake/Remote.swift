import ArgumentParser
import Artefacts
import Glibc
import JSON
import Remotes
import System

extension Brake {
  struct Remote: ParsableCommand {
    static let help = """
      Another place is a folder (/path), a store on a machine that has brake and is reached by ssh (ssh://host/path; \
      sftp://host/path where there is no brake), a web server (https://host/path; to write, one with WebDAV), or a \
      bucket (s3://bucket/path). Passwords stand in ~/.netrc, keys of S3 in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or in ~/.aws/credentials, never in addresses.
      """

    static let configuration = CommandConfiguration(
      commandName: "remote",
      abstract: "Give names to other places that keep artefacts.",
      discussion:
        "\(help) Where a command is told of no other place, it takes the only one, or the one called origin.",
      subcommands: [Add.self, All.self, Remove.self], defaultSubcommand: All.self)

    struct Add: ParsableCommand {
      static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Give a place a name, or give the name to another place.")
      @OptionGroup var workspace: Workspace
      @Argument(help: "The name.") var name: String
      @Argument(help: "The address.") var address: String

      func run() throws {
        try workspace.enter()
        let address = try RemoteAddress(address)
        try RemoteNames(of: workspace.open(creating: true)).set(name, to: address)
        try Output.print("\(name)  \(address)")
      }
    }

    struct All: ParsableCommand {
      static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the places that have names.")
      @OptionGroup var workspace: Workspace
      @Flag(help: "Print an array of objects.") var json = false

      func run() throws {
        try workspace.enter()
        let all = try RemoteNames(of: workspace.open()).all()
        if json {
          return try Output.print(
            .array(all.map { ["name": .string($0.name), "address": .string($0.address.description)] }))
        }
        var table = Table(.left, .left)
        for each in all { table.add(each.name, each.address.description) }
        if !table.isEmpty { try Output.print(table.text()) }
      }
    }

    struct Remove: ParsableCommand {
      static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Forget the name of a place.",
        discussion: "What it keeps stays there.")
      @OptionGroup var workspace: Workspace
      @Argument(help: "The name.") var name: String

      func run() throws {
        try workspace.enter()
        try RemoteNames(of: workspace.open()).remove(name)
      }
    }
  }

  struct ServeStore: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "serve-store",
      abstract: "Serve a store to a brake on another machine.",
      discussion: """
        'brake push' and 'brake pull' start this over ssh. With --read-only as the forced command of a key, its owner can \
        fetch and change nothing.
        """)
    @OptionGroup var workspace: Workspace
    @Flag(help: "Talk over the standard input and output.") var stdio = false
    @Flag(help: "Let nothing be written.") var readOnly = false

    func validate() throws {
      if !stdio { throw ValidationError("--stdio is the only way in which a store is served") }
    }

    func run() async throws {
      try workspace.enter()
      let store = try workspace.open(creating: !readOnly)
      let server = PipeServer(store, isReadOnly: readOnly, input: STDIN_FILENO, output: STDOUT_FILENO)
      // What is said here is shown to the user of the other end, who is told there what has happened.
      do { try await server.run() } catch is PipeServer.Abandoned { throw ExitCode(2) }
    }
  }
}
