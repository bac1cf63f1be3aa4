import Artefacts
import Foundation
import JSON
import PlanSupport
import Support
import Testing

@testable import Actions
@testable import Pipeline
@testable import Runs

@Suite struct MemberFilesTests {
  private func key(_ file: String, _ name: String, isFolder: Bool = false) -> String? {
    MemberFiles(file).key(of: name, isFolder: isFolder)
  }

  @Test func `A key is the stem in a folder, and what stands for the star of a pattern`() {
    #expect(key("plots/", "a.csv") == "a")
    #expect(key("plots/", "a.tar.gz") == "a.tar")
    #expect(key("plots/", "README") == "README")
    #expect(key("plots/", ".hidden") == ".hidden")
    #expect(key("plots/", "step-0.5", isFolder: true) == "step-0.5")
    #expect(key("ckpt/*.pt", "256.pt") == "256")
    #expect(key("ckpt/step-*.pt", "step-256.pt") == "256")
    #expect(key("ckpt/step-*", "step-256.pt") == "256.pt")
    for name in ["256.safetensors", ".pt", "x.pt.bak", ".hidden.pt"] {
      #expect(key("ckpt/*.pt", name) == nil)
    }
    #expect(key("a/ab*ba", "aba") == nil)
    #expect(key("./*.png", "a.png") == "a")
  }

  private func output(_ file: String) -> OutputDeclaration {
    OutputDeclaration(file, file: file, keyed: file.hasSuffix("/") || file.contains("*"), help: "")
  }

  @Test(arguments: [
    ("a", "a", true), ("a/", "a/b", true), ("a/", "a/*.pt", true), ("a", "a/*.pt", true),
    ("a/*.pt", "a/*.csv", false),
    ("a/*.pt", "a/*.pt", true), ("a/*.pt", "a/log", false), ("a/*.pt", "a/x.pt", true),
    ("a/*", "a/b/*.pt", true),
    ("a/*.pt", "a/b/*.pt", false), ("./*.pt", "x.pt", true), ("./*.pt", "a/x.pt", false),
    ("a/", "ab/", false),
    ("./*", "a/", true),
  ]) func `Outputs overlap where one file could belong to both`(first: String, second: String, overlap: Bool)
  {
    #expect(output(first).overlaps(output(second)) == overlap)
    #expect(output(second).overlaps(output(first)) == overlap)
  }

  @Test func `A pattern is an output with members`() throws {
    let plan = try plan(
      "stages: { s: { run: x, out: { a: 'ckpt/*.pt', b: '*.png', c: ckpt/log.txt }, publish: true } }")
    let outputs = try #require(plan["s"]?.outputs)
    #expect(outputs.map(\.file) == ["ckpt/*.pt", "./*.png", "ckpt/log.txt"])
    #expect(outputs.map(\.keyed) == [true, true, false])
    #expect(plan["s"]?.publish.map(\.path) == ["results/ckpt", "results/b", "results/log.txt"])
  }

  @Test(arguments: [
    ("a/*/b", "it has one '*', in its last part"), ("a/*-*.pt", "it has one '*', in its last part"),
    ("*/", "it has one '*', in its last part"),
    ("a/${k}.pt", "the '*' of a pattern must be written in out: itself"),
    ("../*.pt", "leads outside"),
  ]) func `What is no pattern is refused`(file: String, message: String) {
    let error = planError("stages: { s: { for: { k: ['x*'] }, run: x, out: { a: '\(file)' } } }")
    #expect(error.contains("p.yaml:1:") && error.contains(message), "\(error)")
  }

  @Test func `A member keeps the name of its file wherever it is written`() async throws {
    let workspace = try Workspace(
      """
      stages:
        make:
          for: { n: [1, 2] }
          run: mkdir ckpt; for i in 8 16; do echo ${n}-$i > ckpt/$i.pt; done; echo log > ckpt/log; rm ckpt/log
          out: { ckpt: ckpt/*.pt }
          publish: results/
        list: { run: "echo ${in.all} > ${out.o}", in: { all: "make[1].ckpt" }, out: { o: o.txt } }
        lists: { run: "echo ${in.all} > ${out.o}", in: { all: make.ckpt }, out: { o: o.txt } }
        some: { run: "echo ${in.all} > ${out.o}", in: { all: ["make[1].ckpt[8]", "make[2].ckpt[8]"] }, out: { o: o.txt } }
        each:
          for: { k: "make[2].ckpt" }
          run: echo ${k} ${in.one} $(cat ${in.one}) > ${out.o}
          in: { one: "make[2].ckpt[${k}]" }
          out: { o: o.txt }
        parts: { op: text.split, in: { text: keys.txt } }
        part: { run: "echo ${in.p} ${in.ps} > ${out.o}", in: { p: "parts.parts[a]", ps: parts.parts }, out: { o: o.txt } }
      """, files: ["keys.txt": "a 1\nb 2\n"])
    let summary = try await workspace.run()
    #expect(summary.failed == 0, "\(summary.failures)")
    #expect(try workspace.output("list", "o", of: summary) == "./in/all/16.pt ./in/all/8.pt\n")
    #expect(
      try workspace.output("lists", "o", of: summary)
        == "./in/all/1/16.pt ./in/all/1/8.pt ./in/all/2/16.pt ./in/all/2/8.pt\n")
    #expect(try workspace.output("some", "o", of: summary) == "./in/all/1/8.pt ./in/all/2/8.pt\n")
    #expect(try workspace.output("each[16]", "o", of: summary) == "16 ./in/one/16.pt 2-16\n")
    #expect(
      try workspace.output("part", "o", of: summary) == "./in/p/a.txt ./in/ps/a.txt ./in/ps/b.txt\n")
    #expect(workspace.text("results/2/ckpt/8.pt") == "2-8\n")
    #expect(try await workspace.run().ran == 0)
  }

  @Test func `Two members with one key are an error that names both, and a pattern tells them apart`()
    async throws
  {
    func pipeline(_ out: String) -> String {
      """
      stages:
        make: { run: "mkdir p; echo one > p/a.csv; echo two > p/a.json", out: { \(out) }, publish: results/ }
      """
    }
    let workspace = try Workspace(pipeline("p: p/"))
    let failure = try #require(try await workspace.run().failures.first)
    #expect(failure.headline == "two members of the output 'p' have the key 'a'")
    #expect(failure.facts.contains { $0 == ("files", "p/a.csv and p/a.json") })
    for (out, first, second) in [("p: 'p/*'", "p", "p"), ("c: p/*.csv, j: p/*.json", "c", "j")] {
      workspace.folder.write(pipeline(out), to: "brake.yaml")
      let summary = try await workspace.run()
      #expect(summary.failed == 0, "\(summary.failures)")
      #expect(workspace.text("results/\(first)/a.csv") == "one\n")
      #expect(workspace.text("results/\(second)/a.json") == "two\n")
    }
    workspace.folder.write(pipeline("a: p/a*, c: p/*.csv"), to: "brake.yaml")
    let both = try #require(try await workspace.run().failures.first)
    #expect(both.headline == "'p/a.csv' belongs to two outputs, 'a' and 'c'")
    workspace.folder.write(pipeline("c: p/*.pt"), to: "brake.yaml")
    #expect(try await workspace.run().failures.first?.headline.contains("was not") == true)
  }
}
