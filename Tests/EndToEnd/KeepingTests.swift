import Foundation
import JSON
import Support
import Testing

/// What a user does to a store that has grown too large.
@Suite struct KeepingTests {
  private let folder = TemporaryFolder()

  private static let pipeline = """
    params: { n: 1 }
    stages:
      make:
        run: "seq ${n} 20000 > ${out.big}; mkdir -p d; for i in 1 2 3; do echo $i ${n} > d/$i.txt; done"
        out: { big: big.txt, parts: d/*.txt }
      many:
        for: { i: 1..20 }
        run: "head -n ${i} ${in.data} > ${out.o}; echo ${n} >> ${out.o}"
        in: { data: make.big }
        out: { o: o.txt }
      sum: { run: "cat ${in.all} ${in.d} | cksum > ${out.n}", in: { all: many, d: make.parts }, out: { n: n.txt } }
    """

  init() { folder.write(KeepingTests.pipeline, to: "brake.yaml") }

  private func json(_ arguments: String..., status: Int32 = 0) throws -> JSON {
    let run = try BrakeProcess(arguments + ["--json"], in: folder).wait()
    #expect(run.status == status, "\(arguments): \(run.err)")
    return try JSON(parsing: Array(run.out.utf8))
  }

  @Test func `What was is listed, set aside, brought back and removed`() throws {
    for n in 1...3 { #expect(try folder.brake("n=\(n)").status == 0) }
    #expect(try folder.brake("verify").status == 0)
    let usage = try json("du", "--by", "stage")
    #expect(usage["rows"]?.array?.compactMap { $0["name"]?.string }.sorted() == ["make", "many", "sum"])
    // A line for each run, called as 'brake runs' does; the last one made the same again.
    #expect(try folder.brake("n=3", "-B").status == 0)
    let runs = try JSON(parsing: Array(folder.brake("runs", "--json").out.utf8)).array ?? []
    let byRun = try json("du", "--by", "run")
    let names = try #require(byRun["rows"]?.array?.compactMap { $0["name"]?.string })
    #expect(names.count == 3 && names.count { $0.hasSuffix(" and 1 like it") } == 1)
    for name in names {
      let identifier = name.prefix { $0 != " " }
      #expect(runs.contains { $0["id"]?.string?.hasPrefix(identifier) == true }, "\(name)")
    }
    #expect(try folder.brake("du", "--by", "run").out.contains("shared"))

    let old = try #require(try json("show", "make.big", "n=1")["digest"]?.string)
    #expect(try folder.brake("pin", "make.parts", "n=2").outLines.count == 3)
    #expect(try folder.brake("pin").outLines.count == 3)
    #expect(try folder.brake("unpin", "make.parts", "n=2").outLines.count == 3)
    #expect(try folder.brake("unpin", "make.parts", "n=2").status == 2)
    folder.write("x", to: "x")
    _ = try folder.brake("put", "x")
    #expect(try folder.brake("ls", "--unused").outLines.count == 1)

    // The default leaves what is new.
    #expect(try json("gc")["set_aside"]?["objects"] == 0)
    let trial = try json("gc", "--now", "--runs", "1", "-n")
    #expect(trial["dry_run"] == true && (trial["set_aside"]?["objects"]?.integer ?? 0) > 10)
    #expect(try folder.brake("cat", old).status == 0)
    let done = try json("gc", "--now", "--runs", "1")
    #expect(done["set_aside"] == trial["set_aside"] && done["waiting"]?["objects"] == 0)
    #expect(try folder.brake("cat", old).status == 2)
    #expect(try folder.brake("verify").status == 0)
    #expect(try folder.brake("n=3").out.contains("0 ran, 22 hit"))
    #expect(try folder.brake("n=1").out.contains("22 ran"))
  }

  @Test func `A budget removes what is cheap to make again, which is made when it is read`() throws {
    #expect(try folder.brake().status == 0)
    let sum = try folder.brake("cat", "sum").out
    let outcome = try json("gc", "--budget", "1K", "--now")
    #expect(outcome["evicted"]?.array?.contains { $0["stage"] == "make" } == true)
    let verified = try json("verify")
    #expect((verified["removed"]?.integer ?? 0) > 0 && verified["lost"]?.array?.isEmpty == true)
    let missing = try folder.brake("cat", "make.big")
    #expect(missing.status == 2 && missing.err.contains("removed to save room"))
    #expect(try folder.brake("status").out.contains("removed"))
    // The last one, which nothing reads, has stayed: nothing runs.
    #expect(try folder.brake().out.contains("0 ran, 22 hit"))
    #expect(try folder.brake("cat", "sum").out == sum)
    // Another stage reads what was removed.
    _ = try folder.shell("sed -i 's/cksum/sort | cksum/' brake.yaml")
    #expect(try folder.brake().status == 0)
    #expect(try folder.brake("cat", "make.big").out.hasPrefix("1\n2\n"))
  }

  @Test func `What was removed is known by its record, and the command that makes it again is named`() throws
  {
    #expect(try folder.brake().status == 0)
    let digest = try #require(try json("show", "make.big")["digest"]?.string)
    _ = try json("gc", "--budget", "1K", "--now")
    let again = "brake run 'make'"
    for arguments in [["get", "make.big"], ["cat", digest], ["cat", String(digest.prefix(20))]] {
      let missing = try BrakeProcess(arguments, in: folder).wait()
      #expect(missing.status == 2 && missing.err.contains("removed to save room"), "\(missing.err)")
      #expect(missing.err.contains(again), "\(missing.err)")
    }
    for name in ["make.big", digest] {
      #expect(try folder.brake("provenance", name).out.contains("make.big by run"))
      let shown = try folder.brake("show", name).out
      #expect(shown.contains("not here") && shown.contains(again), "\(shown)")
      #expect(try json("show", name)["stored_bytes"] == .null)
    }
    let pushed = try folder.brake("push", "--to", folder["lab"])
    #expect(
      pushed.status == 0 && pushed.out.contains("are recorded and not kept here"),
      "\(pushed.out)\(pushed.err)")
    let before = try #require(try json("push", "--to", folder["lab"])["omitted"]?.integer)
    #expect(try folder.brake("run", "make").out.contains("1 ran"))
    #expect(try folder.brake("cat", digest).out.hasPrefix("1\n2\n"))
    let after = try #require(try json("push", "--to", folder["lab"])["omitted"]?.integer)
    #expect(after < before)
  }

  @Test func `A budget that only new things keep from being met says what frees them`() throws {
    _ = try folder.shell("head -c 300000 /dev/urandom > x")
    _ = try folder.brake("put", "x")
    for budget in ["100k", "100KB"] {
      let words = try folder.brake("gc", "--budget", budget).out
      #expect(words.contains(/over the budget by .*: 300 kB .* newer than 1d, .*--now/), "\(words)")
    }
    #expect(try !folder.brake("gc", "--budget", "100k", "--now").out.contains("over the budget"))
  }

  @Test func `What goes for the sake of a budget is counted, and the way back is told`() throws {
    #expect(try folder.brake().status == 0)
    func evicted(_ outcome: JSON) -> Int {
      (outcome["evicted"]?.array ?? []).reduce(0) { $0 + ($1["objects"]?.integer ?? 0) }
    }
    let trial = try json("gc", "--budget", "1K", "--now", "-n")
    #expect(evicted(trial) > 0)
    #expect(trial["set_aside"]?["objects"]?.integer == evicted(trial))
    #expect(trial["removed"] == trial["set_aside"])
    let waiting = try json("gc", "--budget", "1K")
    #expect(waiting["set_aside"] == trial["set_aside"] && waiting["waiting"] == waiting["set_aside"])
    #expect(waiting["removed"]?["objects"] == 0)

    #expect(try folder.brake("make").out.contains("1 ran"))
    #expect(try folder.brake("cat", "make.big").status == 0)
    let words = try folder.brake("gc", "--budget", "1K", "--now").out
    #expect(words.contains("set aside although needed: make (") && words.contains("brake run"))
    #expect(!words.contains("set aside: 0 objects") && !words.contains("removed:   0 objects"))
  }

  @Test func `What others may write to is only looked at`() throws {
    _ = try folder.shell("mkdir cache; chmod 2775 cache; echo x > x")
    _ = try folder.brake("put", "x")
    let outcome = try folder.brake("gc", "--now")
    #expect(outcome.out.contains("would be set aside: 1 object") && outcome.err.contains("--yes"))
    #expect(try folder.brake("ls").outLines.count == 1)
    #expect(try folder.brake("gc", "--now", "--yes").out.contains("removed:   1 object"))
    #expect(try folder.brake("ls").outLines.isEmpty)
  }

  @Test(arguments: [
    ["gc", "--grace", "soon"], ["gc", "--runs", "0"], ["gc", "--budget", "-1G"],
    ["gc", "--budget", "0x10MB"], ["gc", "--budget", "1e3GB"], ["gc", "-n", "--yes"],
  ])
  func `What makes no sense is refused`(arguments: [String]) throws {
    _ = try folder.brake("put", "brake.yaml")
    #expect(try BrakeProcess(arguments, in: folder).wait().status == 2)
  }

  @Test func `What is sent to a place is kept there`() throws {
    #expect(try folder.brake().status == 0)
    #expect(try folder.brake("push", "--to", folder["far"], "sum").status == 0)
    let there = try json("ls", "--store", "far").array?.count ?? 0
    #expect(there > 0)
    #expect(try json("gc", "--now", "--store", "far")["removed"]?["objects"] == 0)
    #expect(try json("ls", "--store", "far").array?.count == there)
    let usage = try json("du", "--remote", folder["far"])
    #expect((usage["all"]?["elsewhere_bytes"]?.integer ?? 0) > 0)
  }

  @Test func `Runs and collections beside each other lose nothing, killed or not`() throws {
    let store = folder["store"]
    for name in ["a", "b"] { folder.write(KeepingTests.pipeline, to: "\(name)/brake.yaml") }
    let end = ContinuousClock.now + .seconds(6)
    var step = 0
    while ContinuousClock.now < end {
      step += 1
      let runs = try ["a", "b"].map {
        try BrakeProcess(["--store", store, "n=\(1 + (step + ($0 == "a" ? 0 : 1)) % 3)"], in: folder, at: $0)
      }
      for round in 0..<4 {
        let budget = round % 2 == 0 ? ["--budget", "1K"] : []
        let collection = try BrakeProcess(
          ["gc", "--store", store, "--now", "--runs", "1"] + budget, in: folder)
        if round == step % 4 { collection.send(SIGKILL) }
        let finished = collection.wait()
        let isSound =
          finished.status == 0 || finished.status == 137 || finished.err.contains("there is no store")
        #expect(isSound, "\(finished.err)")
      }
      if step % 3 == 0 { runs[0].send(SIGKILL) }
      for run in runs {
        let finished = run.wait()
        #expect(finished.status == 0 || finished.status == 137, "\(finished.err)")
      }
    }
    let verified = try folder.brake("verify", "--store", store)
    #expect(verified.status == 0, "\(verified.err)")
    for n in 1...3 { #expect(try folder.brake("--store", store, "n=\(n)").status == 0) }
  }
}
