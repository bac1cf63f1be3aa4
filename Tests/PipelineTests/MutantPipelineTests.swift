import Foundation
import Pipeline
import PlanSupport
import Support
import Testing

/// Spoilt pipeline files are refused with a position, or mean something. Never a crash.
@Suite struct MutantPipelineTests {
  @Test func `Pipeline files`() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "pipelines").path
    var files = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".yaml") }
      .sorted().map { [UInt8](try #require(FileManager.default.contents(atPath: folder + "/" + $0))) }
    files.append(
      Array(
        """
        params: { sizes: [1, 2], text: a }
        stages:
          a: { for: { size: "${sizes}" }, run: "cp ${in.x} ${out.o}", in: { x: "${text}" }, out: { o: o.txt } }
          b: { run: "cat ${in.all} > ${out.o}", in: { all: "a[*]" }, out: { o: o.txt }, publish: results/ }
        default: [b]
        """.utf8))
    Mutator.run("pipeline files", on: files, tries: 2000) { mutant in
      _ = try PipelineFile(text: String(decoding: mutant, as: UTF8.self), path: "p.yaml")
      return true
    }
  }

  @Test func `What the language has, planned and linted`() {
    let text = """
      params: { sizes: { s: { steps: [1, 2] }, l: { steps: [4] } }, data: x, most: 2 }
      include: [{ file: i.yaml, prefix: p-, with: { word: "${data}" } }]
      stages:
        train: { for: { size: "${sizes}", step: "${size.steps}" }, op: lm.train, with: { steps: "${step}" }, memory: 2G }
        pairs: { for: { t: { pairs: [1, 2, 4], factor: 2 } }, run: "echo ${t} ${t.to} > ${out.o}", out: { o: "${t}.txt" } }
        zip:
          for: { zip: { a: [x, y], b: [1, 2] }, c: [1, 2] }
          where: ${b} <= ${most} and not (${a} in [x, 'z'] or ${c} == 1)
          unless: "${a} != 'y'"
          run: echo ${a} ${c}; cat ${in.all} ${in.one} > ${out.o}
          in: { all: [train.losses, "pairs[${b}]", p-word], one: "pairs[1]" }
          out: { o: o.txt }
          publish: "results/${a}/"
      default: [zip]
      """
    let included =
      "params: { word: none }\nstages: { word: { run: \"echo ${word} > ${out.o}\", out: { o: o } } }"
    #expect(PipelineLint(registry: registry).findings(text: text, path: "p.yaml") { _ in included }.isEmpty)
    Mutator.run("pipelines", on: [Array(text.utf8), Array(included.utf8)], tries: 1000) { mutant in
      let mutant = String(decoding: mutant, as: UTF8.self)
      let lint = PipelineLint(registry: registry)
      let errors = lint.findings(text: mutant, path: "p.yaml") { _ in
        mutant.count % 2 == 0 ? included : mutant
      }
      return errors.isEmpty
    }
  }
}
