import Foundation
import JSON
import Support
import Testing

/// What stages and runs have made elsewhere is fetched by their names.
@Suite struct PullTests {
  private let mine = TemporaryFolder()
  private let yours = TemporaryFolder()
  private let place = TemporaryFolder()

  /// Nobody knows the instances of `each` before `train` has run.
  private static let pipeline = """
    params: { n: 3 }
    stages:
      train:
        run: "echo trains; mkdir d; for i in $(seq ${n}); do seq $i > d/$i.pt; done; echo ${n} > curve"
        out: { checkpoints: d/*.pt, curve: curve }
      each:
        for: { step: train.checkpoints }
        run: 'echo counts; echo "lines $(wc -l < ${in.c})" > ${out.count}; echo "bytes $(wc -c < ${in.c})" > ${out.size}'
        in: { c: "train.checkpoints[${step}]" }
        out: { count: count, size: size }
      last: { run: "cat ${in.all} > ${out.o}", in: { all: each.count }, out: { o: o.txt }, publish: last.txt }
    """

  private static let result = "lines 1\nlines 2\nlines 3\n"

  init() throws {
    for folder in [mine, yours] { folder.write(PullTests.pipeline, to: "brake.yaml") }
    #expect(try mine.brake("run").status == 0)
  }

  private var store: String { place["store"] }

  private func brake(
    _ folder: TemporaryFolder, _ arguments: String..., status: Int32 = 0
  ) throws -> Finished {
    let run = try BrakeProcess(arguments, in: folder).wait()
    #expect(run.status == status, "\(arguments): \(run.out)\(run.err)")
    return run
  }

  @Test
  func
    `A member of a stage comes alone, is recorded, and what it was made from runs again only if it is read`()
    throws
  {
    _ = try brake(mine, "push", "--to", store)
    let pulled = try brake(yours, "pull", "--from", store, "each[2].count")
    #expect(pulled.out.contains("each[2].count") && pulled.out.contains("from \(store), not signed"))
    #expect(try brake(yours, "cat", "each[2].count").out == "lines 2\n")
    for name in ["each[2].size", "train.checkpoints[2]"] {
      let missing = try brake(yours, "cat", name, status: 2).err
      #expect(missing.contains("is in \(store), and not here") && missing.contains("brake pull"))
    }
    // Its record and that of the training, and not those of the others.
    let states = try JSON(parsing: Array(brake(yours, "status", "--json").out.utf8)).array?
      .compactMap { $0["state"]?.string }
    #expect(states == ["removed", "must run", "removed", "must run", "waiting"])
    #expect(try brake(yours, "provenance", "each[2].count").out.contains("echo trains"))
    #expect(try brake(yours, "verify").status == 0)
    // The other instances read what stayed there: so the training runs again, and makes the same.
    let run = try brake(yours, "run")
    #expect(yours.text("last.txt") == PullTests.result && !run.out.contains("0 ran"))
    #expect(try brake(yours, "run").out.contains("0 ran"))
  }

  @Test func `All instances of a stage come, and a run has nothing to do but what is behind them`() throws {
    _ = try brake(mine, "push", "--to", store)
    let pulled = try JSON(parsing: Array(brake(yours, "pull", "--from", store, "each", "--json").out.utf8))
    #expect(
      pulled.array?.compactMap { $0["name"]?.string }
        == (1...3).flatMap { ["each[\($0)].count", "each[\($0)].size"] })
    #expect(pulled.array?.first?["standing"] == ["who": "not signed"])
    #expect(pulled.array?.first?["from"]?.string == store)
    let run = try brake(yours, "run")
    #expect(run.out.contains("1 ran, 4 hit") && yours.text("last.txt") == PullTests.result)
    #expect(try brake(yours, "log", "each[1]").out == "counts\n")
    #expect(try brake(yours, "log", "each[1]").err.contains("each[1]: from \(store), not signed"))
    let shown = try JSON(parsing: Array(brake(yours, "show", "each[1].count", "--json").out.utf8))
    #expect(shown["records"]?.array?.first?["from"]?.string == store)
    #expect(try brake(yours, "show", "each[1].count").out.contains("from \(store), not signed"))
    #expect(try brake(mine, "show", "each[1].count").out.contains("computed here by you"))
  }

  @Test func `With its lineage all comes, and with none only bytes`() throws {
    _ = try brake(mine, "push", "--to", store)
    _ = try brake(yours, "pull", "--from", store, "--lineage", "last")
    #expect(try brake(yours, "cat", "train.checkpoints[3]").out == "1\n2\n3\n")
    #expect(try brake(yours, "run").out.contains("0 ran, 5 hit"))

    let empty = TemporaryFolder()
    empty.write(PullTests.pipeline, to: "brake.yaml")
    let counts = try brake(empty, "pull", "--from", store, "--no-lineage", "each[*].count").out
    #expect(counts.split(separator: "\n").count == 3 && counts.contains("each[3].count"))
    let pulled = try brake(empty, "pull", "--from", store, "--no-lineage", "last")
    #expect(try brake(empty, "cat", String(pulled.out.prefix(71))).out == PullTests.result)
    #expect(try brake(empty, "cat", "last", status: 2).err.contains("has not run"))
  }

  @Test func `What is not there is named, with what to do`() throws {
    _ = try brake(mine, "push", "--to", store, "--no-lineage", "last")
    let none = try brake(yours, "pull", "--from", store, "last", status: 2).err
    #expect(
      none.contains("\(store) has no result of 'train'") && none.contains("brake push 'train'") == false)
    #expect(none.contains("hint:"))
    _ = try brake(mine, "push", "--to", store)
    // Another parameter is another result.
    let other = try brake(yours, "pull", "--from", store, "last", "n=4", status: 2).err
    #expect(other.contains("has no result of 'train'"))
    #expect(try brake(yours, "pull", "--from", store, "lest", status: 2).err.contains("did you mean 'last'"))
    #expect(try brake(yours, "pull", "--from", store, "last.x", status: 2).err.contains("no output 'x'"))
    #expect(try brake(yours, "pull", "--from", store, "each[9]", status: 2).err.contains("each[9]"))
    #expect(
      try brake(yours, "pull", "--from", place["none"], "last", status: 2).err.contains(
        "there is no store at"))
    // What is misspelt is misspelt wherever it is looked for.
    #expect(
      try brake(yours, "pull", "--from", place["none"], "train.x", status: 2).err.contains("no output 'x'"))
    #expect(!yours.exists("cache/actions"))
    // A record that promises what is lost there is not taken.
    _ = try place.shell(
      "cd store && for f in objects/*/*; do chmod u+w $f; printf X | dd of=$f bs=1 seek=30 conv=notrunc; done"
    )
    _ = try brake(yours, "pull", "--from", store, "last", status: 2)
    #expect(!yours.exists("cache/actions"))
  }

  @Test func `One line stands for all that a run has made`() throws {
    let shared = try brake(mine, "share", "--run", "last", "--to", store).out
    let line = String(shared.dropFirst("brake get '".count).dropLast(2))
    #expect(shared == "brake get '\(line)'\n" && line.contains("&lineage="))
    let empty = TemporaryFolder()
    _ = try brake(empty, "get", line, "-o", "run")
    #expect(empty.text("run/last.o") == PullTests.result)
    let told = try JSON(parsing: Array((empty.text("run/run.json") ?? "").utf8))
    #expect(told["parameters"]?["n"] == 3)
    let digest = try #require(
      try JSON(parsing: Array(brake(mine, "show", "last", "--json").out.utf8))["digest"]?.string)
    #expect(try brake(empty, "provenance", digest).out.contains("as others say"))
    // It is known there by its name, too.
    _ = try brake(yours, "pull", "--from", store, "--run", try #require(told["id"]?.string))

    let alone = try JSON(
      parsing: Array(brake(mine, "share", "--run", "last", "--to", store, "--no-lineage", "--json").out.utf8))
    #expect(alone["run"] == told["id"] && alone["line"]?.string?.contains("lineage=") == false)
    let both = try brake(mine, "share", "--run", "last", "last", "--to", store, status: 2).err
    #expect(both.contains("leave out 'last'"))
    _ = try brake(mine, "share", "--run", "none", "--to", store, status: 2)
  }

  @Test func `What the stages before have made goes with a run where that is asked for`() throws {
    _ = try brake(mine, "share", "--run", "last", "--lineage", "--no-lineage", "--to", store, status: 2)
    let shared = try brake(mine, "share", "--run", "last", "--to", store).out
    let line = String(shared.dropFirst("brake get '".count).dropLast(2))
    // What was not sent there is not lost.
    #expect(try brake(mine, "verify", "--store", store).out.contains("removed to save room"))
    let step = "train.checkpoints[2]"
    let digest = try #require(
      try JSON(parsing: Array(brake(mine, "show", step, "--json").out.utf8))["digest"]?.string)
    _ = try brake(yours, "pull", "--from", store, digest, status: 2)
    #expect(try brake(mine, "share", "--run", "last", "--lineage", "--to", store).out == shared)
    _ = try brake(yours, "pull", "--lineage", line)
    #expect(try brake(yours, "cat", digest).out == "1\n2\n")
    let other = place["other"]
    _ = try brake(mine, "push", "--lineage", "--to", other, "last")
    _ = try brake(yours, "pull", "--store", "new", "--from", other, digest)
    // Who has no more than the records says so.
    let third = TemporaryFolder()
    third.write(PullTests.pipeline, to: "brake.yaml")
    _ = try brake(third, "pull", "--from", other, "last")
    let onward = try brake(third, "share", "--lineage", "--to", place["onward"], "last")
    #expect(onward.err.contains("12 artefacts are recorded and not kept here"), "\(onward.err)")
    let told = try brake(third, "share", "--lineage", "--to", place["onward"], "--json", "last").out
    #expect(try JSON(parsing: Array(told.utf8))["omitted"] == 12)
  }

  private func names(in folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder)
  }

  @Test func `A run that has made very much is sent by its name`() throws {
    let (folder, empty) = (TemporaryFolder(), TemporaryFolder())
    folder.write(
      """
      stages:
        many: { run: "mkdir d; for i in $(seq 1000); do echo $i > d/$i.txt; done", out: { parts: d/*.txt } }
      """, to: "brake.yaml")
    _ = try brake(folder, "run")
    let shared = try brake(folder, "share", "--run", "last", "--to", store).out
    _ = try brake(empty, "get", String(shared.dropFirst("brake get '".count).dropLast(2)), "-o", "run")
    #expect(try names(in: empty["run"]).count == 1001 && empty.text("run/many.parts[777]") == "777\n")
    let told = try JSON(parsing: Array((empty.text("run/run.json") ?? "").utf8))
    #expect(told["outputs"]?["many"]?["parts"]?.object?.count == 1000)
    // What is kept of it for all time is small, and what it has made is known of the newest ones.
    for n in 1...11 {
      _ = try folder.shell("sed -i 's/echo [^>]*>/echo $i \(n) >/' brake.yaml")
      _ = try brake(folder, "run")
    }
    let notes = try names(in: folder["cache/index/runs"])
    #expect(notes.count { $0.hasSuffix(".json") } == 12 && notes.count { $0.hasSuffix(".results") } == 10)
    _ = try brake(folder, "push", "--run", "last~9", "--to", store)
    #expect(try brake(folder, "push", "--run", "last~10", "--to", store, status: 2).err.contains("long ago"))
  }

  @Test func `A run is fetched as a folder, with the records behind it`() throws {
    let name = try #require(
      try JSON(parsing: Array(brake(mine, "runs", "--json").out.utf8)).array?.last?["id"]?.string)
    let sent = try brake(mine, "push", "--run", "last", "--to", store).out
    #expect(sent.hasSuffix("\nbrake pull --run \(name)\n"))
    let empty = TemporaryFolder()
    let pulled = try brake(empty, "pull", "--from", store, "--run", name).out
    #expect(pulled.contains("@runs/\(name)"))
    _ = try brake(empty, "get", "@runs/\(name)", "-o", "run")
    #expect(empty.text("run/last.o") == PullTests.result)
    let told = try JSON(parsing: Array((empty.text("run/run.json") ?? "").utf8))
    #expect(told["parameters"]?["n"] == 3 && told["host"] == nil && told["folder"] == nil)
    #expect(told["records"]?.array?.count == 5)
    let last = try brake(mine, "cat", "last")
    #expect(last.status == 0)
    let digest = try #require(
      try JSON(parsing: Array(brake(mine, "show", "last", "--json").out.utf8))["digest"])
    #expect(try brake(empty, "provenance", digest.string!).out.contains("as others say"))
    // What others tell is no result of the pipeline here.
    #expect(try brake(yours, "pull", "--from", store, "--run", name).status == 0)
    #expect(try brake(yours, "run").out.contains("5 ran, 0 hit"))

    #expect(
      try brake(empty, "pull", "--from", store, "--run", "last", status: 2).err.contains(
        "whole name of a run"))
    #expect(
      try brake(empty, "pull", "--from", store, "--run", "20200101T000000.000-1", status: 2).err
        .contains("does not know of the run"))
    #expect(
      try brake(mine, "push", "--run", "1999", "--to", store, status: 2).err.contains("there is no run"))
  }

  @Test func `The name of a run that stands for something else is moved only if that is asked for`() throws {
    let sent = try brake(mine, "push", "--run", "last", "--to", store).out
    let name = try #require(sent.split(separator: "\n").last?.split(separator: " ").last).description
    func stands(in folder: TemporaryFolder, at place: String) throws -> Substring? {
      try brake(folder, "refs", "--store", place).outLines.first { $0.contains("runs/") }
    }
    let first = try stands(in: mine, at: store)
    // Without the records it is another folder.
    let refused = try brake(mine, "push", "--run", "last", "--no-lineage", "--to", store, status: 2).err
    #expect(refused.contains("stands for something else") && refused.contains("--force"))
    _ = try brake(mine, "share", "--run", "last", "--no-lineage", "--to", store)
    #expect(try stands(in: mine, at: store) == first)
    _ = try brake(yours, "pull", "--run", name, "--from", store)
    _ = try brake(mine, "push", "--run", "last", "--no-lineage", "--force", "--to", store)
    #expect(try stands(in: mine, at: store) != first)
    #expect(
      try brake(yours, "pull", "--run", name, "--from", store, status: 2).err.contains("something else here"))
    #expect(try stands(in: yours, at: "cache") == first)
    _ = try brake(yours, "pull", "--run", name, "--force", "--from", store)
    #expect(try stands(in: yours, at: "cache") == stands(in: mine, at: store))
  }

  @Test(arguments: [["pull"], ["pull", "--lineage", "--no-lineage", "last"], ["pull", "--from", "/none"]])
  func `Mistakes are told`(_ arguments: [String]) throws {
    let run = try BrakeProcess(arguments, in: yours).wait()
    #expect(run.status == 2 && run.err.contains("Usage:"), "\(run.err)")
  }
}
