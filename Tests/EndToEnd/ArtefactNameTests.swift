import Foundation
import JSON
import Support
import Testing

/// Artefacts by the names that people have for them.
@Suite struct ArtefactNameTests {
  let folder = TemporaryFolder()

  init() throws {
    folder.write("a 1\nb 2\n", to: "pairs.txt")
    folder.write(
      """
      params: { word: hello }
      stages:
        say: { for: { n: [1, 2] }, run: "echo ${word} ${n} > ${out.text}", out: { text: said.txt } }
        split:
          run: mkdir -p parts; echo one > parts/a.txt; echo two > parts/b.txt; echo all > sum.txt
          out: { parts: parts/, sum: sum.txt }
          publish: results/
        use: { run: "cat ${in.said} > ${out.o}", in: { said: "say[1]" }, out: { o: o.txt }, publish: { o: used.txt } }
      """, to: "brake.yaml")
    #expect(try folder.brake("run", "say", "split", "use").status == 0)
  }

  private func cat(_ name: String...) throws -> Finished {
    try BrakeProcess(["cat"] + name, in: folder).wait()
  }

  private func key(_ stage: String) throws -> String {
    let status = try JSON(parsing: try folder.brake("status", "--json", stage).out).array ?? []
    return String(
      try #require(status.first { $0["stage"]?.string == stage }?["action"]?.string).dropFirst(7).prefix(12))
  }

  @Test func `A stage's output is named as in the pipeline`() throws {
    #expect(try cat("say[1]").out == "hello 1\n")
    #expect(try cat("say[2].text").out == "hello 2\n")
    #expect(try cat("split.sum").out == "all\n")
    let parts = try folder.brake("show", "split.parts")
    #expect(parts.status == 2)
    #expect(parts.err.contains("'split.parts' names 2 artefacts"))
    #expect(parts.err.contains("split.parts[a"))
    let member = try #require(parts.err.firstMatch(of: /split\.parts\[a[^\]]*\]/)).output
    #expect(try cat(String(member)).out == "one\n")
    #expect(try cat("say[1]", "say[2]").out == "hello 1\nhello 2\n")
  }

  @Test func `A parameter names the variant, and what has not run is said to be so`() throws {
    let missing = try cat("say[1]", "word=bye")
    #expect(missing.status == 2)
    #expect(missing.err.contains("'say[1]' has not run"))
    #expect(missing.err.contains("brake run 'say[1]' word=bye"))
    _ = try folder.brake("run", "say", "word=bye")
    #expect(try cat("say[1]", "word=bye").out == "bye 1\n")
    #expect(try cat("say[1]").out == "hello 1\n")
    #expect(!folder.exists("cache/tmp/say"))
  }

  @Test func `A published path names what was published there, also inside a published folder`() throws {
    #expect(try cat("used.txt").out == "hello 1\n")
    #expect(try cat("./results/../used.txt").out == "hello 1\n")
    #expect(try cat(folder["used.txt"]).out == "hello 1\n")
    let part = try #require(
      try FileManager.default.contentsOfDirectory(atPath: folder["results/parts"]).sorted().first)
    #expect(try cat("results/parts/" + part).out == "one\n")
    folder.write("edited by hand", to: "used.txt")
    #expect(try cat("used.txt").out == "hello 1\n")
    #expect(try folder.brake("verify", "results/parts").out == "2 checked, none damaged\n")
    #expect(try cat("results/parts/nothing").err.contains("publishes nothing at"))
    #expect(try cat("../used.txt").status == 2)
  }

  @Test func `The key of an action names its output, or lists them`() throws {
    #expect(try cat(try key("say[1]")).out == "hello 1\n")
    let split = try key("split")
    let several = try folder.brake("provenance", split)
    #expect(several.status == 2)
    #expect(several.err.contains("\(split).sum"))
    #expect(try cat("\(split).sum").out == "all\n")
    #expect(try folder.brake("verify", split).out == "3 checked, none damaged\n")
  }

  @Test func `References are set, listed, used and taken away`() throws {
    let set = try JSON(parsing: try folder.brake("ref", "best", "say[2]", "--json").out)
    #expect(set["name"] == "best")
    #expect(try cat("@best").out == "hello 2\n")
    #expect(try cat("best").out == "hello 2\n")
    #expect(try folder.brake("ref", "@best", "say[1]").out.contains("(before: "))
    #expect(try folder.brake("ref", "runs/old", "say[2]").status == 0)
    #expect(try folder.brake("refs").outLines.map { $0.prefix { $0 != " " } } == ["@best", "@runs/old"])
    let listed = try JSON(parsing: try folder.brake("refs", "--json").out).array
    #expect(listed?.first?["logical_bytes"] == 8)
    #expect(try folder.brake("unref", "best", "@runs/old").status == 0)
    #expect(try cat("@best").err.contains("there is no reference 'best'"))
    #expect(try folder.brake("unref", "best").status == 2)
    #expect(try folder.brake("refs", "--json").out == "[]\n")
    #expect(try folder.brake("ref", "../escape", "say[1]").status == 2)
  }

  @Test func `A text with two meanings is refused, with both`() throws {
    _ = try folder.brake("ref", "use", "say[2]")
    let both = try cat("use")
    #expect(both.status == 2)
    #expect(both.err.contains("'use' has 2 meanings"))
    #expect(both.err.contains("@use") && both.err.contains("use.o"))
    #expect(try cat("@use").out == "hello 2\n")
    #expect(try cat("use.o").out == "hello 1\n")
    _ = try folder.brake("ref", "use", "use.o")
    #expect(try cat("use").out == "hello 1\n", "two names of the same bytes are no ambiguity")
  }

  @Test func `What is misspelt is named with what was probably meant`() throws {
    for (name, message) in [
      ("say[3]", "there is no instance 'say[3]'"), ("split.summ", "did you mean 'sum'?"),
      ("split.parts[z]", "there is no 'split.parts[z]'"), ("nothing", "there is no artefact 'nothing'"),
      ("0123456789", "nothing in cache has a digest or key"), ("@", "reference"),
      ("", "there is no artefact"),
      ("say[1", "say"), ("say[1].text[x]", "say[1].text[x]"), (".", "there is no artefact"),
      ("/", "there is no"),
    ] {
      let run = try cat(name)
      #expect(run.status == 2, "\(name)")
      #expect(run.err.contains(message), "\(name): \(run.err)")
    }
    #expect(try folder.brake("cat").status == 2)
    #expect(try folder.brake("get", "say[1]", "say[2]").status == 2)
  }

  @Test func `Without a pipeline, or with a broken one, digests and references do`() throws {
    _ = try folder.brake("ref", "best", "say[2]")
    folder.write("stages: [", to: "brake.yaml")
    #expect(try cat("best").out == "hello 2\n")
    #expect(try cat("say[2]").err.contains("brake.yaml"))
    _ = try folder.shell("rm brake.yaml")
    #expect(try cat("best").out == "hello 2\n")
    #expect(try cat("say[2]").err.contains("there is no artefact 'say[2]'"))
    #expect(try folder.brake("-f", "nowhere.yaml", "cat", "say[2]").err.contains("nowhere.yaml"))
  }

  @Test func `Shells are offered stages, parameters and references`() throws {
    _ = try folder.brake("ref", "best", "say[2]")
    let targets = try folder.brake("---completion", "run", "--", "positional@0", "1", "0", "brake", "run", "")
    #expect(targets.outLines.sorted() == ["say", "split", "use", "word="])
    let artefacts = try folder.brake(
      "---completion", "cat", "--", "positional@0", "1", "0", "brake", "cat", "")
    #expect(artefacts.outLines.contains("@best"))
    let none = try folder.brake(
      "---completion", "run", "--", "positional@0", "1", "0", "brake", "run", "-f", "nowhere.yaml", "")
    #expect(none.outLines.isEmpty && none.err.isEmpty)
  }

  @Test func `Of a chain each link is a member of its output`() throws {
    folder.write(String(repeating: "the quick brown fox jumps over the lazy dog\n", count: 50), to: "a.txt")
    folder.write(
      """
      stages:
        tokens: { op: text.tokenise, in: { text: a.txt }, with: { validation: 0 } }
        train:
          for: { seed: [1] }
          op: lm.train
          in: { train: tokens.train }
          with:
            { steps: 2, checkpoints: [1], width: 8, layers: 1, heads: 2, inner: 12, context: 8, batch: 2, seed: 1 }
          publish: { checkpoints: "checkpoints/${seed}" }
      """, to: "brake.yaml")
    #expect(try folder.brake().status == 0)
    func digest(_ name: String) throws -> String? {
      try JSON(parsing: try folder.brake("show", "--json", name).out)["digest"]?.string
    }
    let first = try #require(try digest("train[1].checkpoints[1]"))
    #expect(try digest("train[1]@1.checkpoints") == first)
    #expect(try digest("checkpoints/1/1.safetensors") == first)
    #expect(try digest("train.checkpoints[2]") != first)
    #expect(try cat("train[1].checkpoints[3]").err.contains("there is  1, 2"))
    #expect(try cat("train[1].losses").out.hasPrefix("# {"))
  }
}
