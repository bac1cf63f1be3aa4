import Actions
import Artefacts
import Foundation
import JSON
import PlanSupport
import Support
import Testing

@testable import Pipeline
@testable import Runs

@Suite struct CommandShellTests {
  private func summary(_ run: String, _ rest: String = "") async throws -> RunSummary {
    let workspace = try Workspace(
      "stages:\n  s:\n    run: |\n      \(run)\n      echo kept > ${out.o}\n    out: { o: o.txt }\n    \(rest)"
    )
    return try await workspace.run()
  }

  @Test(arguments: [
    "false", "false; true", "false | cat", "true | false | cat", "x=$(false; echo y)", "(false; true)",
    "f() { false; true; }; f", "echo ${UNSET_VARIABLE}x".replacing("${", with: "$${"), "cat nothing > copy",
    "if true; then false; fi", "for i in 1 2; do false; done",
  ]) func `Whatever part of a command fails, the stage fails`(line: String) async throws {
    let summary = try await summary(line)
    #expect(summary.failures.first?.headline == "the command failed")
  }

  @Test(arguments: [
    "false || true", "if false; then echo no; fi", "! true", "false && echo no", "while false; do :; done",
    "x=$(false) || x=default",
  ]) func `What stands in a condition may fail`(line: String) async throws {
    #expect(try await summary(line).failed == 0)
  }

  @Test func `A reader that stops early is explained`() async throws {
    let failure = try #require(try await summary("yes | head -n 1 > /dev/null").failures.first)
    #expect(failure.facts.contains { $0 == ("exit", "141") })
    #expect(failure.hint?.contains("whose reader had stopped") == true)
  }

  @Test func `A stage can name another shell, as a text or as a list`() async throws {
    for shell in ["sh -u", "[sh, -c]", "[env, -u, X, sh, -c]"] {
      #expect(try await summary("false; test -z \"$${BASH-}\"", "shell: \(shell)").failed == 0, "\(shell)")
    }
    #expect(try await summary("false", "shell: sh -eu").failed == 1)
  }

  @Test(arguments: [
    ("{}", "takes a text or a list, not a mapping"), ("''", "names no program"), ("", "not nothing"),
    ("./sh", "neither the name of a program nor an absolute path"), ("[[sh]]", "takes texts, not a list"),
    ("\"${nothing}\"", "unknown name ${nothing}"),
  ]) func `What is no shell is refused`(shell: String, message: String) {
    let error = planError("stages:\n  s: { shell: \(shell), run: x }")
    #expect(error.contains("p.yaml:2:") && error.contains(message), "\(error)")
  }

  @Test func `A shell that is not installed is an error that says so`() async throws {
    let failure = try #require(try await summary("true", "shell: no-such-shell -x").failures.first)
    #expect(failure.headline == "the shell 'no-such-shell' is not installed")
  }

  @Test func `The shell is part of the key`() async throws {
    func pipeline(_ shell: String) -> String {
      "stages: { s: { run: 'echo x > ${out.o}', out: { o: o.txt }\(shell) } }"
    }
    let workspace = try Workspace(pipeline(""))
    try await workspace.run()
    let record = try #require(try workspace.store.records { _ in }.first)
    #expect(record.manifest["shell"]?.array?.first == "bash")
    workspace.folder.write(pipeline(", shell: sh -eu"), to: "brake.yaml")
    #expect(try await workspace.run().ran == 1)
    workspace.folder.write(pipeline(""), to: "brake.yaml")
    #expect(try await workspace.run().ran == 0)
  }

  @Test func `What is handed through is no part of the key, neither its name nor its value`() async throws {
    func pipeline(_ rest: String) -> String {
      "stages: { s: { run: 'echo x > ${out.o}', out: { o: o.txt }\(rest) } }"
    }
    let workspace = try Workspace(pipeline(""))
    #expect(try await workspace.run().ran == 1)
    for rest in [", pass-env: [HOSTNAME]", ", pass-env: [BRAKE_TEST_UNSET, HOSTNAME]", ", pass-env: []"] {
      workspace.folder.write(pipeline(rest), to: "brake.yaml")
      #expect(try await workspace.run().ran == 0, "\(rest)")
    }
  }
}
