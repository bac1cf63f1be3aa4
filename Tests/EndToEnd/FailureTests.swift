import Foundation
import JSON
import Support
import Testing

/// What the user sees when something is wrong: a sentence, where it stands, and what to do; never a crash.
@Suite struct FailureTests {
  let folder = TemporaryFolder()

  private func run(_ pipeline: String, _ arguments: String...) throws -> Finished {
    folder.write(pipeline, to: "brake.yaml")
    return try BrakeProcess(arguments, in: folder).wait()
  }

  @Test func `A cycle is named`() throws {
    let run = try run(
      """
      stages:
        a: { run: "cp ${in.x} ${out.o}", in: { x: b }, out: { o: a.txt } }
        b: { run: "cp ${in.x} ${out.o}", in: { x: a }, out: { o: b.txt } }
      """)
    #expect(run.status == 2)
    #expect(run.err.hasPrefix("brake.yaml:"))
    #expect(run.err.contains("stages depend on each other: a -> b -> a"))
  }

  @Test func `An unknown operation is named with its place and what there is`() throws {
    let run = try run("stages:\n  a:\n    op: curve.fitt\n    in: { curve: x.json }\n")
    #expect(run.status == 2)
    #expect(run.err.hasPrefix("brake.yaml:3:9: error: "))
    #expect(run.err.contains("curve.fitt"))
    #expect(run.err.contains("did you mean 'curve.fit'?"))
  }

  @Test func `A misspelt parameter is named with the one that was probably meant`() throws {
    let run = try run(
      "params: { corpus: a.txt }\nstages: { a: { run: \"echo ${corpus}\" } }\n", "corpsu=b.txt")
    #expect(run.status == 2)
    #expect(run.err.contains("there is no parameter 'corpsu'"))
    #expect(run.err.contains("did you mean 'corpus'?"))
  }

  @Test func `A misspelt parameter of an operation is named with its place`() throws {
    let run = try run(
      "stages:\n  a:\n    op: curve.fit\n    in: { curve: x.json }\n    with:\n      skpi: 3\n")
    #expect(run.status == 2)
    #expect(run.err.hasPrefix("brake.yaml:6:7: error: "))
    #expect(run.err.contains("did you mean 'skip'?"))
  }

  @Test func `A missing file is named with the stage that wants it`() throws {
    let run = try run(
      "stages:\n  a: { run: \"cp ${in.x} ${out.o}\", in: { x: nowhere.txt }, out: { o: a.txt } }\n")
    #expect(run.status == 2)
    #expect(run.err.contains("nowhere.txt"))
    #expect(run.err.contains("stage"))
    let dry = try folder.brake("-n")
    #expect(dry.status == 2)
    #expect(dry.out.contains("nowhere.txt"))
    let question = try folder.brake("-q")
    #expect(question.status == 2)
    #expect(question.err.contains("nowhere.txt"))
  }

  @Test func `A training that diverges says where, and keeps the checkpoint before`() throws {
    folder.write(String(repeating: "the quick brown fox jumps over the lazy dog\n", count: 50), to: "a.txt")
    let failed = try run(
      """
      stages:
        tokens: { op: text.tokenise, in: { text: a.txt }, with: { validation: 0 } }
        train:
          op: lm.train
          in: { train: tokens.train }
          with:
            { steps: 8, checkpoints: [1], width: 8, layers: 1, heads: 2, inner: 12, context: 8, batch: 2,
              optimiser: sgd, clip: 0, learning_rate: 1e6, warmup: 100, start_factor: 0 }
        sample: { op: lm.generate, in: { checkpoint: "train.checkpoints[1]" }, with: { length: 9 } }
      """, "train")
    #expect(failed.status == 2)
    for part in ["diverged at step ", "learning rate ", "gradient norm ", "lower learning_rate", "train@8"] {
      #expect(failed.err.contains(part))
    }
    let sample = try folder.brake("run", "--json", "sample")
    #expect(sample.status == 0)
    #expect(try JSON(parsing: sample.out)["hit"] == 2, "the tokens, and the link to the checkpoint")
  }

  @Test func `A failing stage gives its exit status, stops its dependants, and -k goes on elsewhere`() throws
  {
    let pipeline = """
      stages:
        bad: { run: "echo the reason; exit 3", out: { o: o.txt } }
        after: { run: "cp ${in.x} ${out.o}", in: { x: bad }, out: { o: after.txt } }
        other: { run: "sleep 0.2; echo fine > ${out.o}", out: { o: other.txt } }
      """
    let failed = try run(pipeline, "run", "--json", "-j1", "after", "other")
    #expect(failed.status == 2)
    let object = try JSON(parsing: failed.out)
    #expect(object["failed"] == 1)
    #expect(object["skipped"] == 2)
    #expect(failed.err.contains("exit") && failed.err.contains("3") && failed.err.contains("bad"))
    #expect(try folder.brake("log", "bad").out == "the reason\n")

    let kept = try run(pipeline, "run", "--json", "-k", "after", "other")
    #expect(kept.status == 2)
    let rest = try JSON(parsing: kept.out)
    #expect(rest["ran"] == 1)
    #expect(rest["failed"] == 1)
    #expect(rest["skipped"] == 1)
  }

  @Test func `A stage killed by a signal is told apart from one that fails`() throws {
    let run = try run("stages: { a: { run: \"kill -KILL $$\", out: { o: o.txt } } }\n")
    #expect(run.status == 2)
    #expect(run.err.contains("killed by a signal"))
    #expect(run.err.contains("9"))
  }

  @Test func `An output that a stage does not write is an error`() throws {
    let run = try run("stages: { a: { run: \"true\", out: { table: table.csv } } }\n")
    #expect(run.status == 2)
    #expect(run.err.contains("table.csv"))
  }

  @Test func `A damaged object is put aside, and what made it runs again`() throws {
    let pipeline = WordPipeline()
    let folder = pipeline.folder
    let outputs = try JSON(parsing: try folder.brake("run", "--json", "shout").out)["outputs"]
    _ = try folder.brake()
    _ = pipeline.ran()
    let digest = try #require(outputs?["shout"]?["loud"]?.string)
    let hex = digest.dropFirst(7)
    let object = "cache/objects/\(hex.prefix(2))/\(hex.dropFirst(2))"
    _ = try folder.shell(
      "chmod u+w \(object); printf X | dd of=\(object) bs=1 seek=30 conv=notrunc status=none")

    let verification = try folder.brake("verify")
    #expect(verification.status == 2)
    #expect(verification.err.contains(hex))
    #expect(!folder.exists(object))
    #expect(try folder.brake("cat", digest).status == 2)
    #expect(try folder.brake().status == 0)
    #expect(pipeline.ran() == ["shout"])
    #expect(try folder.brake("verify").status == 0)
    #expect(try folder.brake("cat", digest).out == "HELLO\n")
  }

  @Test func `A truncated record is put aside, and its action runs again`() throws {
    let pipeline = WordPipeline()
    let folder = pipeline.folder
    _ = try folder.brake()
    _ = pipeline.ran()
    _ = try folder.shell("for f in cache/actions/*/*; do chmod u+w $f; truncate -s -5 $f; done")
    #expect(try folder.brake("verify").status == 2)
    #expect(try folder.brake().status == 0)
    #expect(pipeline.ran() == ["shout", "count"])
    #expect(try folder.brake("verify").status == 0)
  }

  @Test(.enabled(if: FailureTests.canMount, "takes a mount of its own: user namespaces are off"))
  func `A full disk is reported, and the store stays whole`() throws {
    let run = try folder.shell(
      """
      unshare -rm sh -c '
        mkdir disk && mount -t tmpfs -o size=1m none disk
        head -c 3000000 /dev/urandom > big; echo small > small
        "$BRAKE" put big --store disk/store; echo "status $?"
        "$BRAKE" put small --store disk/store; echo "status $?"
        "$BRAKE" verify --store disk/store; echo "status $?"'
      """)
    #expect(run.err.contains("No space left on device"))
    let statuses = run.outLines.filter { $0.hasPrefix("status ") }
    #expect(statuses == ["status 2", "status 0", "status 0"], "\(run.out)\(run.err)")
  }

  private static let canMount: Bool = {
    let probe = try? TemporaryFolder().shell("mkdir d && unshare -rm mount -t tmpfs none d")
    return probe?.status == 0
  }()

  @Test func `Mistakes in the command line exit with 2`() throws {
    for arguments in [["--no-such-option"], ["-j", "0"], ["show"], ["ls", "--store"], ["-n", "-q"]] {
      let run = try BrakeProcess(arguments, in: folder).wait()
      #expect(run.status == 2, "\(arguments)")
      #expect(run.err.hasPrefix("error: "), "\(run.err)")
      #expect(run.out.isEmpty)
    }
  }

  @Test func `Without a pipeline brake says how to name one, and makes no store`() throws {
    let run = try folder.brake()
    #expect(run.status == 2)
    #expect(run.err.contains("-f FILE"))
    #expect(!folder.exists("cache"))
    #expect(try folder.brake("ls").status == 2)
    #expect(try folder.brake("ls", "--store", "typo").status == 2)
    #expect(!folder.exists("cache") && !folder.exists("typo"))
  }

  @Test func `A pipeline that is no text is refused`() throws {
    folder.write([0xFF, 0xFE, 0x00, 0x80], to: "brake.yaml")
    #expect(try folder.brake().status == 2)
    folder.write(String(repeating: "[", count: 100_000), to: "brake.yaml")
    let deep = try folder.brake()
    #expect(deep.status == 2, "\(deep.err.prefix(200))")
    #expect(try folder.brake("-f", "/").status == 2)
  }
}
