import Actions
import ArgumentParser
import JSON
import Pipeline
import Runs

extension Brake {
  struct Lint: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "lint",
      abstract: "Say all that is wrong with pipeline files.",
      discussion: """
        Prints every error at once, and, where there is none, what is probably not meant: parameters, variables, stages and \
        outputs that nothing uses, commands whose results cannot stay the same. Nothing is run, and no store is needed. What \
        depends on a parameter without a value is looked at if it is given as NAME=VALUE.

        Exit status: 0, 1 (--strict: only warnings), 2 (an error).
        """)

    @OptionGroup var pipeline: PipelineOptions
    @Flag(help: "Exit 1 if there are warnings and no errors.") var strict = false
    @Flag(help: "Print an array of objects.") var json = false

    @Argument(
      help: ArgumentHelp(
        "Pipeline files (otherwise that of -f, or the default), and parameters as NAME=VALUE.",
        valueName: "file|name=value"),
      completion: .file(extensions: ["yaml", "yml"]))
    var arguments: [String] = []

    func run() throws {
      try pipeline.workspace.enter()
      var paths = Targets.targets(in: arguments)
      if paths.isEmpty { paths = [try pipeline.path()] }
      let lint = PipelineLint(registry: .builtIn)
      var findings: [PipelineLint.Finding] = []
      for path in paths {
        findings += lint.findings(
          text: try PipelineOptions.read(path), path: path, overrides: Targets.overrides(in: arguments),
          read: PipelineOptions.read)
      }
      let errors = findings.count { $0.severity == .error }
      let warnings = findings.count - errors
      if json {
        try Output.print(.array(findings.map(\.json)))
      } else {
        let counts = [(errors, "error"), (warnings, "warning")].filter { $0.0 > 0 }
          .map { "\($0) \($1)\($0 == 1 ? "" : "s")" }
        try Output.print(
          (findings.map(\.text) + [counts.isEmpty ? "no errors, no warnings" : counts.joined(separator: ", ")])
            .joined(separator: "\n"))
      }
      if errors > 0 { throw ExitCode(2) }
      if warnings > 0 && strict { throw ExitCode(1) }
    }
  }
}

extension PipelineLint.Finding {
  fileprivate var text: String {
    let place = position.map { "\($0): " } ?? ""
    let facts = facts.map { "\n  \($0.label)  \($0.value)" }.joined()
    return place + "\(severity.rawValue): \(headline)" + facts + (hint.map { "\n  hint: \($0)" } ?? "")
  }

  fileprivate var json: JSON {
    [
      "severity": .string(severity.rawValue), "message": .string(headline),
      "file": position.map { .string($0.file) } ?? .null,
      "line": position.map { .integer(Int64($0.line)) } ?? .null,
      "column": position.map { .integer(Int64($0.column)) } ?? .null,
      "facts": .object(
        Dictionary(facts.map { ($0.label, .string($0.value)) }, uniquingKeysWith: { first, _ in first })),
      "hint": hint.map { .string($0) } ?? .null,
    ]
  }
}
