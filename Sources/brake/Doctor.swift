import ArgumentParser
import Artefacts
import JSON
import Runners
import System

extension Brake {
  struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "doctor", abstract: "Find out what keeps stages from running elsewhere.",
      subcommands: [Slurm.self])

    struct Slurm: AsyncParsableCommand {
      static let configuration = CommandConfiguration(
        commandName: "slurm",
        abstract: "Find out whether stages can run as jobs of a Slurm cluster.",
        discussion: """
          Asks Slurm for its partitions, submits a job that does nothing but to read and write in the store, with what brake's \
          configuration adds to sbatch, waits for it, and compares versions. Also names the jobs that no brake waits for.

          Exit status: 0 if all is well, 2 if something is not.
          """)

      @OptionGroup var workspace: Workspace
      @Option(
        help: ArgumentHelp("How long to wait for the job, in seconds (default: 300).", valueName: "seconds"))
      var timeout = 300
      @Flag(help: "Print an array of objects.") var json = false

      func validate() throws {
        guard 1...86400 ~= timeout else {
          throw ValidationError("--timeout takes a number of seconds from 1 to 86400, not \(timeout)")
        }
      }

      func run() async throws {
        try workspace.enter()
        let store = try workspace.open(creating: true)
        try store.make()
        guard let root = try LocalFileSystem().realPath(".") else {
          throw Failure(.notFound, "this folder is gone")
        }
        let check = SlurmCheck(store: store, root: root, settings: try RunnerOption.settings())
        let (patience, asJSON) = (Duration.seconds(timeout), json)
        do {
          let isGood = try await Interruption.cancelling {
            var findings: [JSON] = []
            var last = ""
            let isGood = try await check.run(
              within: patience,
              tell: { finding in
                findings.append(Slurm.json(finding))
                if !asJSON { try Output.print(Slurm.text(finding)) }
              },
              report: { text in
                if text != last { Output.note(text) }
                last = text
              })
            if asJSON { try Output.print(.array(findings)) }
            return isGood
          }
          if !isGood { throw ExitCode(2) }
        } catch let interruption as Interruption {
          Output.note("\(interruption); the job is cancelled")
          throw ExitCode(128 + interruption.signal)
        }
      }

      private static func text(_ finding: SlurmCheck.Finding) -> String {
        let topic = finding.topic.padding(to: 12)
        let below = finding.facts.map { "\($0.label): \($0.value)" } + [finding.hint].compactMap(\.self)
        let lines = below.map { "\n     \("".padding(to: 12))\($0)" }
        return "\(finding.isGood ? "ok  " : "BAD ") \(topic)\(finding.text)\(lines.joined())"
      }

      private static func json(_ finding: SlurmCheck.Finding) -> JSON {
        [
          "topic": .string(finding.topic), "text": .string(finding.text), "good": .bool(finding.isGood),
          "facts": .array(finding.facts.map { [.string($0.label), .string($0.value)] }),
          "hint": finding.hint.map { .string($0) } ?? .null,
        ]
      }
    }
  }
}

extension String {
  fileprivate func padding(to width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - count))
  }
}
