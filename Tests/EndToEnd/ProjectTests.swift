import Foundation
import JSON
import Support
import Testing

@Suite struct ProjectTests {
  @Test func `A new project runs, and is up to date then`() throws {
    let folder = TemporaryFolder()
    let made = try folder.brake("init", "study")
    #expect(made.status == 0, "\(made.err)")
    #expect(made.out.contains("study/brake.yaml\n") && made.out.contains("next: brake -C 'study'"))
    let run = try folder.brake("-C", "study")
    #expect(run.status == 0, "\(run.err)")
    #expect(folder.text("study/results/table.txt")?.contains("144M") == true)
    #expect(try folder.brake("-C", "study", "-q").status == 0)
    let lint = try folder.brake("-C", "study", "lint", "--strict")
    #expect(lint.status == 0 && lint.out == "no errors, no warnings\n", "\(lint.out)")
  }

  @Test func `Nothing is replaced by a new project`() throws {
    let folder = TemporaryFolder()
    folder.write("mine", to: "summarise.sh")
    let refused = try folder.brake("init")
    #expect(refused.status == 2 && refused.err.contains("'summarise.sh' is there already"), "\(refused.err)")
    #expect(!folder.exists("brake.yaml") && folder.text("summarise.sh") == "mine")
    #expect(try folder.brake("init", "a/b").status == 2)
  }

  @Test func `Lint says everything, and exits by the worst of it`() throws {
    let folder = TemporaryFolder()
    folder.write("stages: { a: { rum: x }, b: { op: nothing } }", to: "bad.yaml")
    folder.write("params: { p: 1 }\nstages: { a: { run: x } }", to: "warned.yaml")
    let bad = try folder.brake("lint", "bad.yaml", "warned.yaml")
    #expect(bad.status == 2)
    #expect(
      bad.out.contains("bad.yaml:1:16: error: the stage 'a' has no 'rum:'\n  hint: did you mean 'run'?"))
    #expect(bad.out.contains("bad.yaml:1:35: error: there is no operation 'nothing'"))
    #expect(bad.out.hasSuffix("2 errors, 1 warning\n"))
    let warned = try folder.brake("lint", "-f", "warned.yaml", "--json")
    #expect(warned.status == 0)
    let finding = try #require(try JSON(parsing: Array(warned.out.utf8)).array?.first)
    #expect(finding["severity"] == "warning" && finding["line"] == 1 && finding["column"] == 11)
    #expect(try folder.brake("lint", "warned.yaml", "--strict").status == 1)
    #expect(try folder.brake("lint", "nowhere.yaml").status == 2)
  }

  @Test func `The pipelines of the project have no errors, and the schema is JSON`() throws {
    let folder = TemporaryFolder()
    let schema = try JSON(parsing: Array(try folder.brake("schema").out.utf8))
    #expect(schema["$schema"] == "https://json-schema.org/draft/2020-12/schema")
    let place = BrakeProcess.packageRoot + "/pipelines"
    for name in try FileManager.default.contentsOfDirectory(atPath: place) where name.hasSuffix(".yaml") {
      let lint = try folder.brake("lint", "--strict", "\(place)/\(name)")
      #expect(lint.status == 0, "\(lint.out)")
    }
  }

  @Test func `A file that is included is part of what a run with nothing to do goes by`() throws {
    let folder = TemporaryFolder()
    folder.write(
      "params: { word: none }\nstages: { a: { run: \"echo ${word} > ${out.o}\", out: { o: o }, publish: o.txt } }",
      to: "lib/word.yaml")
    folder.write(
      "include: [{ file: lib/word.yaml, prefix: p-, with: { word: first } }]\ndefault: [p-a]",
      to: "brake.yaml")
    for _ in 0..<3 {
      #expect(try folder.brake().status == 0)
      #expect(folder.text("o.txt") == "first\n")
      usleep(20_000)
    }
    folder.write(
      "params: { word: none }\nstages: { a: { run: \"echo ${word} 2 > ${out.o}\", out: { o: o }, publish: o.txt } }",
      to: "lib/word.yaml")
    #expect(try folder.brake("-q").status == 1)
    #expect(try folder.brake().status == 0)
    #expect(folder.text("o.txt") == "first 2\n")
    folder.write("stages: { a: { rum: x } }", to: "lib/word.yaml")
    let broken = try folder.brake()
    #expect(broken.status == 2 && broken.err.hasPrefix("lib/word.yaml:1:16: error:"), "\(broken.err)")
  }
}
