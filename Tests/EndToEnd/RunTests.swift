import Foundation
import JSON
import Support
import Testing

@Suite struct RunTests {
  let pipeline = WordPipeline()
  var folder: TemporaryFolder { pipeline.folder }

  @Test func `'brake' alone runs the pipeline and says where the published file is`() throws {
    let run = try folder.brake()
    #expect(run.status == 0, "\(run.err)")
    #expect(run.outLines.first?.hasPrefix("2 planned: 2 ran, 0 hit, 0 failed, ") == true)
    #expect(run.outLines.last == "number: results/number.txt")
    #expect(folder.text("results/number.txt")?.trimmingCharacters(in: .whitespacesAndNewlines) == "6")
    #expect(pipeline.ran() == ["shout", "count"])
  }

  @Test func `A second run executes nothing`() throws {
    _ = try folder.brake()
    _ = pipeline.ran()
    let again = try folder.brake()
    #expect(again.out.hasPrefix("2 planned: 0 ran, 2 hit, 0 failed, "))
    #expect(again.err.isEmpty)
    #expect(pipeline.ran() == [])
  }

  @Test func `A run that is remembered says what it would have said`() throws {
    func settled(_ arguments: String) throws -> [String] {
      try (0..<3).map { _ in
        usleep(40_000)
        let run = try folder.shell("$BRAKE run \(arguments)")
        #expect(run.status == 0)
        let time = /[0-9.]+ m?s\b|"seconds":[0-9.e-]+/
        return run.out.replacing(time, with: "TIME") + run.err.replacing(time, with: "TIME")
      }
    }
    _ = try folder.brake()
    for arguments in ["", "count", "--json", "--json shout count prefix=x"] {
      _ = try settled(arguments)
      let remembered = try settled(arguments)
      _ = try folder.shell("rm cache/index/run-*")
      #expect(try settled(arguments) == remembered)
    }
    #expect(try folder.brake("run", "-q").status == 0)
    #expect(try folder.brake("run", "-n").out == "nothing to do: all of 2 are up to date\n")
    _ = pipeline.ran()
    #expect(try folder.brake("run", "-B").out.hasPrefix("2 planned: 2 ran"))
    #expect(pipeline.ran() == ["shout", "count"])
  }

  @Test func `A command can make temporary files, wherever the store is`() throws {
    let folder = TemporaryFolder()
    folder.write(
      "stages: { s: { run: 'mktemp > ${out.o}', out: { o: o.txt }, publish: true } }", to: "brake.yaml")
    for store in [["--store", "below/store"], []] {
      let run = try BrakeProcess(["run"] + store, in: folder).wait()
      #expect(run.status == 0, "\(run.err)")
      #expect(folder.text("results/o.txt")?.hasPrefix("/") == true)
    }
  }

  @Test func `A touched file runs nothing`() throws {
    _ = try folder.brake()
    _ = pipeline.ran()
    _ = try folder.shell("touch -d '2 hours' words.txt")
    #expect(try folder.brake().status == 0)
    #expect(pipeline.ran() == [])
  }

  @Test func `A change that yields the same bytes stops there`() throws {
    _ = try folder.brake()
    _ = pipeline.ran()
    folder.write("HELLO\n", to: "words.txt")
    #expect(try folder.brake().out.hasPrefix("2 planned: 1 ran, 1 hit"))
    #expect(pipeline.ran() == ["shout"])
  }

  @Test func `Undoing an edit runs nothing`() throws {
    _ = try folder.brake()
    folder.write("hello, world\n", to: "words.txt")
    _ = try folder.brake()
    #expect(folder.text("results/number.txt")?.contains("13") == true)
    _ = pipeline.ran()
    folder.write("hello\n", to: "words.txt")
    #expect(try folder.brake().status == 0)
    #expect(pipeline.ran() == [])
    #expect(folder.text("results/number.txt")?.contains("6") == true)
  }

  @Test func `Deleted published files come back without running anything`() throws {
    _ = try folder.brake()
    _ = pipeline.ran()
    try FileManager.default.removeItem(atPath: folder["results"])
    #expect(try folder.brake("-q").status == 1)
    #expect(try folder.brake().status == 0)
    #expect(pipeline.ran() == [])
    #expect(folder.exists("results/number.txt"))
  }

  @Test func `A target runs what it needs and no more`() throws {
    #expect(try folder.brake("shout").out.hasPrefix("1 planned: 1 ran"))
    #expect(pipeline.ran() == ["shout"])
    #expect(try folder.brake("run", "c*").status == 0)
    #expect(pipeline.ran() == ["count"])
  }

  @Test func `A parameter of the command line is an input like any other`() throws {
    _ = try folder.brake()
    _ = pipeline.ran()
    #expect(try folder.brake("prefix=loudly").status == 0)
    #expect(pipeline.ran() == ["shout"], "the same bytes come out, so that the rest need not run")
    #expect(try folder.brake("log", "shout", "prefix=loudly").out == "shouting loudly\n")
    #expect(try folder.brake().out.hasPrefix("2 planned: 0 ran"))
  }

  @Test func `-n says what would run and why, and runs nothing`() throws {
    #expect(try folder.brake("-n").out.contains("nothing of its kind has run before"))
    _ = try folder.brake()
    _ = pipeline.ran()
    #expect(try folder.brake("-n").out == "nothing to do: all of 2 are up to date\n")
    folder.write("bye\n", to: "words.txt")
    let dry = try folder.brake("-n")
    #expect(dry.status == 0)
    #expect(dry.outLines.count == 2)
    #expect(dry.outLines.first?.hasPrefix("shout  input text (words.txt): ") == true)
    #expect(dry.outLines.last?.hasPrefix("count  waits for shout") == true)
    #expect(pipeline.ran() == [])
  }

  @Test func `-q is silent and exits 1 when anything is out of date`() throws {
    let before = try folder.brake("-q")
    #expect(before.status == 1)
    #expect(before.out + before.err == "")
    _ = try folder.brake()
    #expect(try folder.brake("-q").status == 0)
    #expect(try folder.brake("-q", "no-such-target").status == 2)
  }

  @Test func `-B runs everything again`() throws {
    _ = try folder.brake()
    _ = pipeline.ran()
    #expect(try folder.brake("-B").out.hasPrefix("2 planned: 2 ran, 0 hit"))
    #expect(pipeline.ran() == ["shout", "count"])
  }

  @Test func `-j stages run at once`() throws {
    let folder = TemporaryFolder()
    // Each waits for the other's sign of life; alone, they would wait for ever.
    let meet = { (me: String, other: String) in
      "touch \(folder.path)/\(me); until [ -e \(folder.path)/\(other) ]; do sleep 0.01; done; echo \(me) > ${out.o}"
    }
    folder.write(
      """
      stages:
        a: { run: "\(meet("a", "b"))", out: { o: a.txt } }
        b: { run: "\(meet("b", "a"))", out: { o: b.txt } }
      """, to: "brake.yaml")
    #expect(try folder.brake("-j2").out.hasPrefix("2 planned: 2 ran"))
  }

  @Test func `--json ends with one object that names every output`() throws {
    let run = try folder.brake("run", "--json", "shout", "count")
    #expect(run.outLines.count == 1)
    let object = try JSON(parsing: run.out)
    #expect(object["planned"] == 2)
    #expect(object["ran"] == 2)
    #expect(object["hit"] == 0)
    #expect(object["failed"] == 0)
    #expect(object["skipped"] == 0)
    #expect(try #require(object["seconds"]?.double) > 0)
    let digest = try #require(object["outputs"]?["count"]?["number"]?.string)
    #expect(try folder.brake("cat", digest).out == folder.text("results/number.txt"))
    #expect(object["outputs"]?["shout"]?["loud"] != nil)
    #expect(run.err.contains("2 planned: 2 ran"))
  }

  @Test func `A fan-out runs an instance for each value, and a glob picks some`() throws {
    folder.write(
      """
      stages:
        square:
          for: { n: 1..3, side: [left, right] }
          run: echo $((${n} * ${n})) ${side} > ${out.o}
          out: { o: square.txt }
      """, to: "brake.yaml")
    #expect(try folder.brake("square[2,*]").out.hasPrefix("2 planned: 2 ran"))
    #expect(try folder.brake().out.hasPrefix("6 planned: 4 ran, 2 hit"))
  }

  @Test func `-C works from elsewhere, and paths are printed as seen from there`() throws {
    let elsewhere = TemporaryFolder()
    let run = try elsewhere.brake("-C", folder.path)
    #expect(run.status == 0)
    #expect(run.outLines.last == "number: \(folder.path)/results/number.txt")
    #expect(folder.exists("cache/format"))
    #expect(!elsewhere.exists("cache"))
  }

  @Test func `The store is where --store or else BRAKE_STORE says`() throws {
    #expect(try folder.brake("--store", "a b/one").status == 0)
    #expect(try folder.brake(environment: ["BRAKE_STORE": folder["two"]]).out.hasPrefix("2 planned: 2 ran"))
    #expect(folder.exists("a b/one/format"))
    #expect(folder.exists("two/format"))
    #expect(!folder.exists("cache"))
  }

  @Test func `why names the input that changed and what it was compared with`() throws {
    _ = try folder.brake()
    folder.write("bye\n", to: "words.txt")
    let why = try folder.brake("why", "shout")
    #expect(why.out.contains("shout: must run"))
    #expect(why.out.contains("compared with shout, action "))
    #expect(why.out.contains("input text (words.txt)"))
    let json = try JSON(parsing: try folder.brake("why", "shout", "--json").out)
    let difference = json.array?.first?["differences"]?.array?.first
    #expect(difference?["before"]?.string != difference?["now"]?.string)
  }

  @Test func `status says which stages are up to date`() throws {
    _ = try folder.brake()
    folder.write("bye\n", to: "words.txt")
    let status = try JSON(parsing: try folder.brake("status", "--json").out)
    #expect(status.array?.map { $0["state"]?.string } == ["must run", "waiting"])
    #expect(try folder.brake("status").out.hasSuffix("2 stages, 0 up to date\n"))
  }

  @Test func `log shows on a hit what the stage printed when it ran`() throws {
    _ = try folder.brake()
    _ = try folder.brake()
    #expect(try folder.brake("log", "shout").out == "shouting \n")
    let silent = try folder.brake("log", "shout", "prefix=never")
    #expect(silent.out == "")
    #expect(silent.err == "shout has not run\n")
  }

  @Test func `graph draws stages, files and what flows between them`() throws {
    let json = try JSON(parsing: try folder.brake("graph", "--format", "json").out)
    #expect(json["nodes"]?.array?.compactMap { $0["name"]?.string } == ["shout", "./words.txt", "count"])
    #expect(json["edges"]?.array?.last == ["from": "shout", "to": "count", "output": "loud"])
    #expect(try folder.brake("graph").out.hasPrefix("flowchart LR\n"))
    #expect(try folder.brake("graph", "--format", "dot", "shout").out.hasPrefix("digraph pipeline {"))
  }

  @Test func `How many threads a stage uses is passed on where it says so, before what its cores say`() throws
  {
    folder.write(
      """
      stages:
        passed:
          cores: 3
          pass-env: [OMP_NUM_THREADS]
          run: 'echo $OMP_NUM_THREADS > ${out.o}'
          out: { o: passed.txt }
          publish: passed.txt
        silent: { run: 'echo "$${OMP_NUM_THREADS-unset}" > ${out.o}', out: { o: silent.txt }, publish: silent.txt }
      """, to: "threads.yaml")
    let run = try folder.brake("run", "-f", "threads.yaml", environment: ["OMP_NUM_THREADS": "7"])
    #expect(run.status == 0, "\(run.err)")
    #expect(folder.text("passed.txt") == "7\n")
    #expect(folder.text("silent.txt") == "unset\n")
  }
}
