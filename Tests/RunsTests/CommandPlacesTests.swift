import Artefacts
import Foundation
import JSON
import PlanSupport
import Support
import Testing

@testable import Actions
@testable import Pipeline
@testable import Runs

@Suite struct CommandPlacesTests {
  private func isExecutable(_ path: String) -> Bool { FileManager.default.isExecutableFile(atPath: path) }

  @Test func `A program that a stage makes can be executed by the next one, and published`() async throws {
    let workspace = try Workspace(
      """
      stages:
        make: { run: "printf '#!/bin/sh\\necho ran\\n' > ${out.p}; chmod +x ${out.p}", out: { p: prog }, publish: results/ }
        use: { run: "${in.p} > ${out.o}", in: { p: make }, out: { o: o.txt } }
      """)
    let summary = try await workspace.run()
    #expect(summary.failed == 0, "\(summary.failures)")
    #expect(try workspace.output("use", "o", of: summary) == "ran\n")
    #expect(isExecutable(workspace.folder["results/prog"]))
    #expect(try await workspace.run().ran == 0)
  }

  @Test func `Whether a source can be executed is part of the key`() async throws {
    let workspace = try Workspace(
      "stages: { s: { run: 'test -x ${in.s} && echo yes > ${out.o} || echo no > ${out.o}', in: { s: ./s.sh }, out: { o: o } } }",
      files: ["s.sh": "true"])
    func run() async throws -> (String, Int) {
      let summary = try await workspace.run()
      return (try workspace.output("s", "o", of: summary), summary.ran)
    }
    func mode(_ mode: Int) throws {
      try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: workspace.folder["s.sh"])
    }
    try mode(0o644)
    let plain = try await run()
    // Root can execute nothing that nobody can.
    #expect(plain == ("no\n", 1))
    try mode(0o755)
    #expect(try await run() == ("yes\n", 1))
    try mode(0o644)
    #expect(try await run() == ("no\n", 0))
  }

  private func failure(_ inputs: String, out: String = "o: o.txt", files: [String]) async throws
    -> PipelineError?
  {
    let workspace = try Workspace(
      "stages:\n  p: { run: 'echo p > o.txt', out: { o: o.txt } }\n  s: { run: 'echo > o.txt', in: { \(inputs) }, out: { \(out) } }\n"
    )
    for file in files { workspace.folder.write(file, to: "ws/" + file) }
    let text = String(decoding: workspace.folder.read("brake.yaml")!, as: UTF8.self)
    let engine = Engine(
      source: PipelineSource(try PipelineFile(text: text, path: "brake.yaml")), overrides: [],
      root: workspace.folder["ws"],
      store: workspace.store, registry: workspace.registry)
    return try await engine.run(targets: ["s"]).failures.first
  }

  @Test func `Two inputs at one place are refused with both named`() async throws {
    let files = ["in/data/x.txt", "../ext/x.txt", "in/y.txt", "d/e/f.txt"]
    let place = "two inputs would stand at one place in the command's folder"
    let error = try await failure("a: in/data/x.txt, data: ../ext/x.txt", files: files)
    #expect(error?.headline == place)
    #expect(error?.facts.contains { $0 == ("input a", "in/data/x.txt") } == true)
    #expect(error?.facts.contains { $0 == ("input data", "../ext/x.txt") } == true)
    #expect(try await failure("a: in/y.txt, y: p", files: files)?.headline == place)
    #expect(try await failure("a: in/y.txt, b: ./in/y.txt, c: in/../in/y.txt", files: files) == nil)
    #expect(try await failure("a: ../ext/x.txt, b: ../ext/x.txt", files: files) == nil)
  }

  @Test func `An input inside another, or where an output is to be, is refused`() async throws {
    let files = ["d/e/f.txt", "o.txt", "q/a.txt", "in/z/a.txt"]
    let inside = try await failure("a: d, b: d/e/f.txt", files: files)
    #expect(inside?.headline == "the input 'b' would stand inside the input 'a'")
    #expect(inside?.hint?.contains("${in.a}/e/f.txt") == true)
    #expect(try await failure("b: d/e/f.txt, a: d", files: files)?.headline == inside?.headline)
    #expect(try await failure("a: o.txt", files: files)?.headline == "'o.txt' is both an input and an output")
    let overlap = "the input 'a' and the output 'o' overlap"
    #expect(try await failure("a: q/a.txt", out: "o: q/", files: files)?.headline == overlap)
    #expect(try await failure("a: q", out: "o: q/*.pt", files: files)?.headline.contains("is both") == true)
    #expect(try await failure("a: d", out: "o: d/e/g", files: files)?.headline == overlap)
    #expect(try await failure("a: q/a.txt", out: "o: q/a*", files: files)?.headline == overlap)
  }

  @Test func `Names that differ only in their normal form are refused`() async throws {
    let files = ["caf\u{E9}.txt", "cafe\u{301}.txt"]
    let error = try await failure(#"a: "caf\u00e9.txt", b: "cafe\u0301.txt""#, files: files)
    #expect(error?.headline.contains("differ only in Unicode's normal form") == true)
    #expect(error?.facts.contains { $0 == ("input a", #"caf\u{00E9}.txt"#) } == true)
    #expect(error?.facts.contains { $0 == ("input b", #"cafe\u{0301}.txt"#) } == true)
  }

  @Test func `Members whose names differ only in their normal form are refused`() async throws {
    let workspace = try Workspace(
      "stages: { s: { run: \"mkdir p; touch p/caf\u{E9}.csv p/cafe\u{301}.csv\", out: { p: p/ } } }")
    let failure = try #require(try await workspace.run().failures.first)
    #expect(failure.headline.contains("two members of the output 'p' have the key"))
  }
}
