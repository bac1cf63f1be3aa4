import Foundation
import JSON
import Support
import System
import Testing

@testable import Artefacts
@testable import Pipeline
@testable import Runs

/// What is taken out of a store, and what becomes of it.
@Suite struct KeepingTests {
  private static let pipeline = """
    params: { n: 1, m: 0 }
    stages:
      make:
        run: "echo x >> @HERE/made; seq ${n} 3000 > ${out.big}; mkdir -p d; echo ${n} > d/one; mv d ${out.d}"
        out: { big: big.txt, d: folder }
        sandbox: false
      use:
        run: "echo ${m} > ${out.o}; wc -l < ${in.big} >> ${out.o}; cat ${in.d}/one >> ${out.o}"
        in: { big: make.big, d: make.d }
        out: { o: o.txt }
        sandbox: false
    """

  private let workspace: Workspace

  init() throws { workspace = try Workspace(KeepingTests.pipeline) }

  private var made: Int { workspace.text("made")?.count { $0 == "\n" } ?? 0 }

  /// Everything at once, whatever its age.
  @discardableResult private func collect(
    runs: Int = 10, budget: Int? = nil, isTrial: Bool = false, of other: Workspace? = nil
  ) async throws -> StoreKeeper.Outcome {
    var rules = KeepingRules()
    rules.grace = .zero
    rules.runs = runs
    return try await StoreKeeper(Store(at: (other ?? workspace).folder["cache"]), rules).collect(
      budget: budget, isTrial: isTrial)
  }

  /// What a run made of this many lines and another parameter.
  private func big(_ n: Int) -> Digest {
    Digest(of: Array((n...3000).map { "\($0)\n" }.joined().utf8))
  }

  @Test func `What the last runs needed stays, and what earlier ones made goes`() async throws {
    for n in 1...3 { try await workspace.run([], [("n", "\(n)")]) }
    let trial = try await collect(runs: 2, isTrial: true)
    #expect(try workspace.store.contains(big(1)))
    let outcome = try await collect(runs: 2)
    #expect(trial.aside.objects == outcome.aside.objects && trial.aside.bytes == outcome.aside.bytes)
    // Two files, a folder with one, and what counts them.
    #expect(outcome.aside.records == 2 && outcome.removed.objects == 4)
    #expect(try (1...3).map { try workspace.store.contains(big($0)) } == [false, true, true])
    for n in 2...3 { #expect(try await workspace.run([], [("n", "\(n)")]).hit == 2) }
    #expect(try await workspace.run([], [("n", "1")]).ran == 2)
    #expect(try workspace.store.records { _ in }.allSatisfy { try workspace.store.losses(of: $0).isEmpty })
  }

  @Test func `What others are differences from stays as long as they do`() async throws {
    let header = Array(#"{"a":{"dtype":"I32","shape":[20000],"data_offsets":[0,80000]}}  "#.utf8)
    func content(_ number: Int) -> [UInt8] {
      let words = [UInt32(header.count), 0]
      let values = (0..<20_000).map { UInt32($0) &* 2_654_435_761 &+ UInt32(number * ($0 % 3)) }
      func bytes(_ words: [UInt32]) -> [UInt8] {
        words.flatMap { word in withUnsafeBytes(of: word.littleEndian) { Array($0) } }
      }
      return bytes(words) + header + bytes(values)
    }
    let root = workspace.folder["cache"]
    let digests = (0..<3).map { Digest(of: content($0)) }
    func there() throws -> [Bool] { try digests.map { try Store(at: root).contains($0) } }
    do {
      let store = try Store(at: root)
      let publication = store.publication()
      for number in 0..<3 { _ = try publication.add(bytes: content(number)) }
      try publication.commit()
      let repacking = try Repacking(of: store)
      for (earlier, later) in zip(digests, digests.dropFirst()) {
        let change = try repacking.pack(Succession(earlier: earlier, later: later), limit: 4)
        #expect(change?.base == earlier)
      }
      try store.setReference("last", to: digests[2])
    }
    for _ in 0..<2 {
      try await collect()
      #expect(try there() == [true, true, true])
    }
    #expect(try Store(at: root).bytes(of: digests[2]) == content(2))
    let error = await #expect(throws: Failure.self) {
      try await StoreKeeper(Store(at: root)).remove([digests[0]])
    }
    #expect(error?.code == .refused)
    // Set aside by somebody who does not know of it.
    #expect(try Sweep(of: Store(at: root)).setAside([digests[0]]) == [digests[0]])
    #expect(try Store(at: root).bytes(of: digests[2]) == content(2))
    try Store(at: root).removeReference("last")
    for left in [2, 1, 0] {
      try await collect()
      #expect(try there().count { $0 } == left)
    }
  }

  @Test func `Both bases of predicted weights stay as long as these do`() async throws {
    var training = RandomTraining([9000])
    let earlier = training.checkpoint
    training.update()
    let contents = [earlier, training.checkpoint, training.states]
    let digests = contents.map(Digest.init(of:))
    let root = workspace.folder["cache"]
    do {
      let store = try Store(at: root)
      let publication = store.publication()
      for content in contents { _ = try publication.add(bytes: content) }
      try publication.commit()
      let succession = Succession(earlier: digests[0], later: digests[1], states: [digests[2]])
      #expect(try Repacking(of: store).pack(succession, limit: 2)?.states == digests[2])
      try store.setReference("last", to: digests[1])
    }
    for _ in 0..<2 {
      try await collect()
      #expect(try digests.allSatisfy { try Store(at: root).contains($0) })
    }
    for digest in [digests[0], digests[2]] {
      let error = await #expect(throws: Failure.self) {
        try await StoreKeeper(Store(at: root)).remove([digest])
      }
      #expect(error?.code == .refused)
    }
    // Set aside by somebody who does not know of it, the weights too: what they stand on comes back with them.
    for digest in [digests[2], digests[0], digests[1]] {
      #expect(try Sweep(of: Store(at: root)).setAside([digest]) == [digest])
    }
    #expect(try digests.allSatisfy { try !Store(at: root).contains($0) })
    #expect(try Store(at: root).bytes(of: digests[1]) == contents[1])
    #expect(try digests.allSatisfy { try Store(at: root).contains($0) })
    try Store(at: root).removeReference("last")
    var left: [Int] = []
    for _ in 0..<2 {
      try await collect()
      left.append(try digests.count { try Store(at: root).contains($0) })
    }
    #expect(left == [2, 0])
  }

  @Test func `What is new is left, and what is set aside comes back to whoever reads it`() async throws {
    try await workspace.run()
    let publication = workspace.store.publication()
    let digest = try publication.add(bytes: Array(repeating: 7, count: 100_000)).digest
    try publication.commit()
    // Another process: this one still relies on it.
    let young = try await StoreKeeper(Store(at: workspace.folder["cache"])).collect()
    #expect(young.aside.isNothing && young.removed.isNothing)

    #expect(try Aside(of: workspace.store).add(.object, digest))
    #expect(try !workspace.store.contains(digest))
    #expect(try workspace.store.bytes(of: digest).count == 100_000)
    #expect(try workspace.store.contains(digest))
    #expect(try Aside(of: workspace.store).add(.object, digest))
    #expect(try workspace.store.isWhole(Artefact(digest: digest, kind: .blob, size: 100_000)))
  }

  @Test func `What a process relies on stays as long as that process`() async throws {
    try await workspace.run()
    let bytes = [UInt8](repeating: 9, count: 50_000)
    var other: Store? = try Store(at: workspace.folder["cache"])
    var publication: Publication? = other!.publication()
    let digest = try publication!.add(bytes: bytes).digest
    try publication!.commit()
    try await collect()
    #expect(try Store(at: workspace.folder["cache"]).contains(digest))
    // Found there by one that will name it.
    let third = try Store(at: workspace.folder["cache"])
    _ = try third.publication().add(bytes: bytes)
    (publication, other) = (nil, nil)
    try await collect()
    #expect(try third.contains(digest))
  }

  @Test
  func `An output that was removed is made again when a stage reads it that has to run, and not before`()
    async throws
  {
    try await workspace.run()
    #expect(made == 1)
    let before = try workspace.store.objects()
    // Nobody promises that a stage without a sandbox makes the same again.
    #expect(try await collect(budget: 1).evicted.isEmpty)
    _ = try await StoreKeeper(workspace.store).remove([big(1)])
    try await collect()
    #expect(try !Store(at: workspace.folder["cache"]).contains(big(1)))

    let states = try await workspace.engine().status(targets: []).map(\.state)
    #expect(states == [.removed, .upToDate])
    #expect(try await workspace.run().hit == 2)
    #expect(try await workspace.run([], options: RunOptions()).hit == 2)
    #expect(made == 1)
    #expect(try workspace.store.wasRemoved([Artefact(digest: big(1), kind: .blob, size: 1)]))

    let events = Events()
    let summary = try await workspace.run([], [("m", "5")], events: events)
    #expect(made == 2 && events.ran == ["make", "use"])
    #expect(try workspace.output("use", "o", of: summary) == "5\n3000\n1\n")
    #expect(try Set(before).isSubset(of: workspace.store.objects()))
  }

  @Test func `An output that nothing reads is made again at once`() async throws {
    let summary = try await workspace.run()
    let digest = try #require(Digest(summary.outputs["use"]?["o"]?.string ?? ""))
    _ = try await StoreKeeper(workspace.store).remove([digest])
    try await collect()
    #expect(try await workspace.engine().status(targets: []).map(\.state) == [.upToDate, .removed])
    let events = Events()
    try await workspace.run(events: events)
    #expect(events.ran == ["use"] && made == 1)
  }

  @Test func `All that was set aside is there again for a run, records and segments too`() async throws {
    try await workspace.run()
    let store = workspace.store
    let before = try Set(store.objects())
    let swept = try Sweep(of: store).setAside(
      allBut: NeededContents(), writtenBefore: .max, isTrial: false)
    #expect(swept.amount.records == 2)
    #expect(try Store(at: workspace.folder["cache"]).objects().isEmpty)
    #expect(try await workspace.run().hit == 2)
    #expect(made == 1)
    #expect(try before == Set(workspace.store.objects()))
  }

  @Test func `What was removed out of a folder stays so, and a loss is called a loss`() async throws {
    try await workspace.run()
    let one = Digest(of: Array("1\n".utf8))
    _ = try await StoreKeeper(workspace.store).remove([one])
    for _ in 0..<2 {
      try await collect()
      let store = try Store(at: workspace.folder["cache"])
      #expect(try !store.contains(one) && store.removedObjects() == [one])
      for record in try store.records(damaged: { _ in }) {
        #expect(try store.losses(of: record).allSatisfy { $0.object == one })
      }
    }
    // Made again it is no longer removed, though it be lost then.
    try await workspace.run([], [("m", "7")])
    let store = try Store(at: workspace.folder["cache"])
    #expect(try store.contains(one) && store.removedObjects().isEmpty)
    try FileManager.default.removeItem(atPath: store.objectPath(big(1)))
    try await workspace.run([], [("n", "2"), ("m", "8")])
    try await collect(runs: 1)
    #expect(try !Store(at: workspace.folder["cache"]).removedObjects().contains(big(1)))
  }

  @Test func `A damaged list of what a run needed is not taken for a whole one`() async throws {
    try await workspace.run()
    let runs = workspace.folder["cache/runs"]
    let list = try #require(FileManager.default.subpaths(atPath: runs)?.first { $0.contains("/") })
    let bytes = try #require(FileManager.default.contents(atPath: "\(runs)/\(list)"))
    try bytes.dropLast(70).write(to: URL(fileURLWithPath: "\(runs)/\(list)"))
    let error = await #expect(throws: Failure.self) { try await collect() }
    #expect(error?.headline.contains(list) == true)
    #expect(try workspace.store.contains(big(1)))
  }

  @Test func `Names and pins keep, and say so to who removes`() async throws {
    try await workspace.run()
    try await workspace.run([], [("n", "2")])
    // As another process does, which ends then.
    try Store(at: workspace.folder["cache"]).setReference("best", to: big(1))
    for isNamed in [true, false] {
      try await collect(runs: 1)
      #expect(try workspace.store.contains(big(1)))
      // How it was made is known, and what else that made has gone.
      let lineage = try Lineage(of: big(1), in: workspace.store)
      #expect(lineage.makers[big(1)]?.record.stage == "make")
      #expect(try !workspace.store.contains(Digest(of: Array("1\n".utf8))))
      #expect(throws: Failure.self) { try workspace.store.resolve(Digest(of: Array("1\n".utf8)).hex) }
      await #expect(throws: Failure.self) { try await StoreKeeper(workspace.store).remove([big(1)]) }
      if isNamed {
        try Store(at: workspace.folder["cache"]).pin(big(1))
        try workspace.store.removeReference("best")
      }
    }
    #expect(try workspace.store.pins() == [big(1)] && workspace.store.unpin(big(1)))
    try await collect(runs: 1)
    #expect(try !workspace.store.contains(big(1)))
  }

  @Test func `A store in which nobody has noted a run keeps all records`() async throws {
    try await workspace.run()
    try FileManager.default.removeItem(atPath: workspace.folder["cache/runs"])
    #expect(try await collect().aside.isNothing)
    #expect(try await workspace.run().hit == 2)
  }

  @Test func `What is written out for commands goes unless it is in use`() async throws {
    let store = workspace.store
    let inputs = RestoredInputs(of: store, budget: 1 << 30)
    func borrow(_ text: String) throws -> RestoredInput? {
      let publication = store.publication()
      let artefact = try publication.add(bytes: Array(text.utf8))
      try publication.commit()
      return try inputs.borrow(artefact, executable: false) {
        try store.restore(artefact.digest, to: $0, executable: false)
      }
    }
    // Where the file system has no locks, there is nothing to remove.
    guard let used = try borrow("used") else { return }
    _ = try borrow("unused")
    let usage = try await StoreUsage(of: store, by: .reason)
    #expect(try #require(usage.besides.first { $0.folder == "index/restored" }).bytes >= 10)
    let folder = workspace.folder["cache/index/restored"]
    func count() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: folder).count }
    // A child that another test starts holds copies of all locks until it executes its program.
    func removed(_ body: () async throws -> StoreKeeper.Outcome) async throws -> Int {
      for _ in 0..<500 {
        let bytes = try await body().writtenOut
        if bytes > 0 { return bytes }
        try await Task.sleep(for: .milliseconds(10))
      }
      return 0
    }
    let expected = try await removed { try await collect(isTrial: true) }
    #expect(expected == 6)
    #expect(try count() == 2)
    let unlimited = try await StoreKeeper(store).collect()
    #expect(unlimited.writtenOut == 0)
    let bounded = try await removed { try await StoreKeeper(store).collect(budget: 5) }
    #expect(bounded == 6)
    let rest = try await collect()
    #expect(rest.writtenOut == 0)
    #expect(try count() == 1)
    withExtendedLifetime(used) {}
  }

  @Test func `What a run has made is noted also where that is more than 16 MiB`() throws {
    try workspace.store.make()
    var summary = RunSummary()
    let digest = JSON.string(Digest(of: []).description)
    let long = String(repeating: "x", count: 100_000)
    for number in 0..<180 { summary.outputs["\(number)\(long)"] = ["out": digest] }
    let journal = RunJournal(store: workspace.store)
    journal.add(try workspace.engine(), targets: [], path: "brake.yaml", summary: summary, outcome: "done")
    let run = try journal.run("last")
    #expect(RunComparison.made(by: run).count == 180)
  }

  @Test func `Of runs it is said what each has alone, and what they share is counted once in all`()
    async throws
  {
    let engine = try workspace.engine()
    for m in 0..<2 {
      let summary = try await workspace.run([], [("m", "\(m)")])
      RunJournal(store: workspace.store).add(
        engine, targets: [], path: "brake.yaml", summary: summary, outcome: "done")
      // Notes are called after the millisecond.
      try await Task.sleep(for: .milliseconds(5))
    }
    // Of this one nobody has made a note.
    try await workspace.run([], [("n", "2")])
    let usage = try await StoreUsage(of: workspace.store, by: .run)
    let names = RunJournal.shortNames(of: RunJournal(store: workspace.store).runs())
    #expect(names.count == 2)
    let noted = names.compactMap { name in usage.rows.first { $0.name == name } }
    let other = try #require(
      usage.rows.first { $0.name.contains("brake.yaml in /") && $0.name.contains(", ended, ") })
    #expect(usage.rows.count == 3 && noted.count == 2)
    // What 'make' made of n=1 both have: a file, and a folder with one. What 'use' made each has alone.
    #expect(noted.allSatisfy { $0.objects == other.objects })
    let big = try workspace.store.size(ofFile: big(1))
    for row in noted { #expect(row.shared >= big && 0 < row.alone && row.alone < row.stored) }
    #expect(noted[0].shared == noted[1].shared && other.alone == other.stored - other.shared)
    #expect(usage.total.alone == usage.rows.reduce(0) { $0 + $1.alone })
    #expect(usage.total.shared < usage.rows.reduce(0) { $0 + $1.shared })
    #expect(usage.total.objects == (try workspace.store.objects().count))
    #expect(usage.total.stored == usage.total.alone + usage.total.shared)
  }

  @Test func `A run that was killed has said what it made`() async throws {
    try await workspace.run()
    let lists = RunLists(of: workspace.store)
    func reopened() throws -> RunLists.List {
      let list = try #require(try lists.pipelines().first?.lists.first)
      try FileManager.default.moveItem(
        atPath: list.path, toPath: parentFolder(of: list.path) + "/\(ProcessFolder.randomName()).open")
      return try #require(try lists.pipelines().first?.lists.first)
    }
    #expect(try reopened().isOpen)
    #expect(try await collect().aside.isNothing)
    #expect(try lists.pipelines().first?.lists.map(\.isOpen) == [false])
    // What a crash has cut off is no line.
    let open = try reopened()
    let bytes = try #require(try workspace.store.files.contents(of: open.path, limit: 1 << 20))
    try Data(bytes.dropLast(30)).write(to: URL(fileURLWithPath: open.path))
    #expect(try lists.keys(of: open).count == 1)
  }

  @Test func `A run that failed takes no place of one that did not`() async throws {
    try await workspace.run()
    let text = String(decoding: workspace.folder.read("brake.yaml")!, as: UTF8.self)
    workspace.folder.write(text.replacingOccurrences(of: "wc -l <", with: "false;"), to: "brake.yaml")
    #expect(try await workspace.run([], [("n", "2"), ("m", "9")]).failed == 1)
    #expect(try await collect(runs: 1).removed.isNothing)
    #expect(try workspace.store.contains(big(1)) && workspace.store.contains(big(2)))
  }

  @Test func `Nothing is collected while a record or a folder cannot be read`() async throws {
    try await workspace.run()
    try await workspace.run([], [("n", "2")])
    let record = try #require(try workspace.store.records { _ in }.first { $0.stage == "use" })
    let hex = record.key.hex
    let path = workspace.folder["cache/actions/\(hex.prefix(2))/\(hex.dropFirst(2))"]
    try FileManager.default.removeItem(atPath: path)
    try Data("{}".utf8).write(to: URL(fileURLWithPath: path))
    await #expect(throws: Failure.self) { try await collect(runs: 1) }
    #expect(try workspace.store.contains(big(1)))
    // It is in quarantine now.
    try await collect(runs: 1)
    let tree = try #require(
      try workspace.store.records { _ in }.flatMap(\.outputs).first { $0.name == "d" }?.artefact)
    try FileManager.default.removeItem(atPath: workspace.object(tree.digest))
    await #expect(throws: Failure.self) { try await collect(runs: 1) }
  }

  @Test func `Segments of which little is needed are written anew`() async throws {
    let many = try Workspace(
      """
      params: { n: 1 }
      stages:
        many: { for: { i: 1..100 }, op: text.repeat, in: { text: "${n}.txt" }, with: { times: 1, separator: "${i}" } }
        all: { for: { i: 1..100 }, op: text.repeat, in: { text: "many[${i}]" }, with: { times: 2, separator: "${n} ${i}" } }
      """, files: ["1.txt": "a", "2.txt": "b"])
    try await many.run()
    try await many.run([], [("n", "2")])
    try await many.run([], [("n", "2")])
    func segments() throws -> Int {
      try FileManager.default.contentsOfDirectory(atPath: many.folder["cache/segments"]).count
    }
    #expect(try segments() >= 2)
    let before = try many.store.objects().count
    var rules = KeepingRules()
    rules.grace = .zero
    rules.runs = 1
    let outcome = try await StoreKeeper(Store(at: many.folder["cache"]), rules).collect()
    #expect(outcome.aside.records == 200 && outcome.removed.bytes > 0)
    let after = try Store(at: many.folder["cache"])
    #expect(try after.objects().count < before)
    #expect(try after.records { _ in }.count == 200)
    for object in try after.objects() { try after.verify(object) }
    #expect(try await many.run([], [("n", "2")]).hit == 200)
    #expect(try await many.run().ran > 0)
  }

  @Test func `What a record names that stays in its segment is known to be removed, not lost`() async throws {
    let out = "echo ${n} > ${out.o}; mkdir -p d; echo d${n} > d/one; mv d ${out.d}"
    let mixed = try Workspace(
      """
      params: { n: 1 }
      stages:
        alone: { run: "\(out)", out: { o: o.txt, d: folder }, sandbox: false }
        many: { for: { i: 1..100 }, op: text.repeat, in: { text: "1.txt" }, with: { times: 1, separator: "${i}" } }
        among: { run: "cat ${in.all} > many; \(out)", in: { all: many }, out: { o: o.txt, d: folder }, sandbox: false }
      """, files: ["1.txt": "a"])
    // What the first one makes has files of its own, and the third one makes the same.
    try await mixed.run(["alone"])
    try await mixed.run()
    try await mixed.run([], [("n", "2")])
    var rules = KeepingRules()
    (rules.grace, rules.runs) = (.zero, 1)
    let root = mixed.folder["cache"]
    func losses() throws -> Set<Digest> {
      let store = try Store(at: root)
      return Set(try store.records { _ in }.flatMap { try store.losses(of: $0) }.map(\.object))
    }
    for _ in 0..<2 {
      _ = try await StoreKeeper(Store(at: root), rules).collect()
      #expect(try losses() == Set(["1\n", "d1\n"].map { Digest(of: Array($0.utf8)) }))
      #expect(try losses().isSubset(of: Store(at: root).removedObjects()))
    }
    #expect(try await mixed.run().failed == 0)
    #expect(try losses().isEmpty)
  }

  @Test(arguments: [Fault.stop, .error(ENOSPC), .error(EIO)])
  func `A collection that ends at any call has lost nothing, and the next one goes on`(fault: Fault)
    async throws
  {
    try await workspace.run()
    try await workspace.run([], [("n", "2")])
    try workspace.store.setReference("old", to: Digest(of: Array("1\n".utf8)))
    var rules = KeepingRules()
    (rules.grace, rules.runs) = (.zero, 1)
    let all = try Store(at: workspace.folder["cache"]).objects()
    var (calls, failed, failures) = (0, true, 0)
    while failed {
      calls += 1 + calls / 20
      let copy = workspace.folder["copy-\(calls)"]
      // With the times of the files, by which runs are put in order.
      let copying = try Process.run(
        URL(fileURLWithPath: "/bin/cp"), arguments: ["-a", workspace.folder["cache"], copy])
      copying.waitUntilExit()
      // Of processes that may still live, what they rely on.
      try? FileManager.default.removeItem(atPath: copy + "/tmp")
      let failing = CrashingFileSystem(failingAt: calls, fault)
      do {
        _ = try await StoreKeeper(Store(at: copy, files: failing), rules).collect(budget: 1)
      } catch {
        failures += 1
      }
      failed = failing.wasReached
      let store = try Store(at: copy)
      for record in try store.records(damaged: { Issue.record("\($0), call \(calls)") }) {
        // What is not there was removed on purpose, or is aside.
        for loss in try store.losses(of: record) {
          let isAside = try Aside(of: store).has(.object, loss.object)
          #expect(try isAside || store.removedObjects().contains(loss.object), "call \(calls)")
        }
      }
      #expect(try store.contains(Digest(of: Array("1\n".utf8))), "call \(calls)")
      _ = try await StoreKeeper(store, rules).collect()
      let left = try Store(at: copy).objects()
      #expect(Set(left).isSubset(of: all) && !left.contains(big(1)), "call \(calls)")
      #expect(try left.contains(big(2)) || store.removedObjects().contains(big(2)), "call \(calls)")
      for object in left { try store.verify(object) }
      try FileManager.default.removeItem(atPath: copy)
    }
    print("faults: collection, \(fault.testDescription): \(calls) calls, \(failures) failures")
    #expect(failures > 5)
  }

  @Test func `What costs least to make again goes first, and what it was made of counts`() {
    func digest(_ text: String) -> Digest { Digest(of: Array(text.utf8)) }
    // b reads a; c stands alone.
    let graph = RecordGraph(nodes: [
      digest("A"): .init(stage: "a", outputs: [digest("a")], inputs: []),
      digest("B"): .init(stage: "b", outputs: [digest("b")], inputs: [digest("a")]),
      digest("C"): .init(stage: "c", outputs: [digest("c")], inputs: []),
      digest("D"): .init(stage: "d", outputs: [digest("d")], inputs: []),
    ])
    let seconds: [Digest: Double] = [digest("A"): 10, digest("B"): 11, digest("C"): 15]
    var eviction = Eviction(graph, seconds: { seconds[$0] }, gone: [])
    let candidates = ["A", "B", "C", "D"].map { name in
      (key: digest(name), objects: [digest(name.lowercased())], bytes: 100)
    }
    let choices = eviction.choose(candidates, toFree: 1000)
    // Once a has gone, b costs 21.
    #expect(choices.map(\.stage) == ["a", "c", "b"])
    #expect(choices.map(\.seconds) == [10, 15, 21])
    // What several have read is made once.
    let chain = RecordGraph(
      nodes: Dictionary(
        uniqueKeysWithValues: (0..<40).map { link in
          (
            digest("L\(link)"),
            RecordGraph.Node(
              stage: "l", outputs: [digest("w\(link)"), digest("s\(link)")],
              inputs: link == 0 ? [] : [digest("w\(link - 1)"), digest("s\(link - 1)")])
          )
        }))
    var links = Eviction(chain, seconds: { _ in 1 }, gone: [])
    let all = links.choose(
      (0..<40).map { (key: digest("L\($0)"), objects: [digest("w\($0)")], bytes: 100) }, toFree: 100_000)
    #expect(all.count == 40 && (all.map(\.seconds).max() ?? 0) <= 40)
    var small = Eviction(graph, seconds: { seconds[$0] }, gone: [])
    #expect(small.choose(candidates, toFree: 100).map(\.stage) == ["a"])
  }
}

extension KeepingTests {
  @Test func `What was put stays, though a stage copies it`() async throws {
    let bytes = [UInt8](repeating: UInt8(ascii: "a"), count: 50_000)
    let put = Digest(of: bytes)
    let other = try Workspace(
      """
      stages:
        copy: { op: text.repeat, in: { text: "\(put)" }, with: { times: 1 } }
        read: { op: text.repeat, in: { text: copy }, with: { times: 2 } }
        use: { op: text.repeat, in: { text: "\(put)" }, with: { times: 3 } }
      """)
    do {
      // As another process does, which ends then.
      let store = try Store(at: other.folder["cache"])
      let publication = store.publication()
      _ = try publication.add(bytes: bytes)
      try publication.commit()
    }
    #expect(try await other.run(["read"]).ran == 2)
    // Times of a few milliseconds tell the newest.
    try await Task.sleep(for: .milliseconds(20))
    #expect(try await other.run(["use"]).ran == 1)
    // It cannot be made again, however little time it took to copy it.
    #expect(try await collect(budget: 1, of: other).evicted.isEmpty)
    #expect(try Store(at: other.folder["cache"]).contains(put))
    try await collect(runs: 1, of: other)
    #expect(try Store(at: other.folder["cache"]).contains(put))
    #expect(try await other.run().failed == 0)
  }

  @Test func `What an output shares with a folder that was put stays when the output is removed`()
    async throws
  {
    let other = try Workspace("stages: {}")
    let root = other.folder["cache"]
    let x = Digest(of: Array("x\n".utf8))
    var put: Digest?
    do {
      let store = try Store(at: root)
      let publication = store.publication()
      let members = try ["x", "y"].map { name in
        (name: name, artefact: try publication.add(bytes: Array("\(name)\n".utf8)))
      }
      put = try publication.add(folder: members).digest
      try publication.commit()
    }
    let folder = try #require(put)
    other.folder.write(
      """
      stages:
        copy:
          run: "mkdir -p d; cp ${in.b}/x d/x; echo more > d/z; mv d ${out.d}"
          in: { b: "\(folder)" }
          out: { d: folder }
          sandbox: false
      """, to: "brake.yaml")
    let summary = try await other.run()
    let output = try #require(Digest(summary.outputs["copy"]?["d"]?.string ?? ""))
    _ = try await StoreKeeper(Store(at: root)).remove([output], isForGood: true)
    let store = try Store(at: root)
    #expect(try !store.contains(output) && !store.contains(Digest(of: Array("more\n".utf8))))
    #expect(try store.contains(folder) && store.contains(x))
  }

  @Test func `What is made only of itself is a source, and what is also copied is none`() {
    func digest(_ text: String) -> Digest { Digest(of: Array(text.utf8)) }
    func node(_ output: String, of inputs: String...) -> RecordGraph.Node {
      .init(stage: output, outputs: [digest(output)], inputs: inputs.map(digest))
    }
    let graph = RecordGraph(nodes: [
      digest("copy x"): node("x", of: "x"),
      digest("count x"): node("w", of: "x"),
      digest("copy w"): node("w", of: "w"),
      digest("pack y"): node("z", of: "y"),
      digest("unpack z"): node("y", of: "z"),
      digest("count y"): node("v", of: "y", "w"),
      digest("make m"): node("m"),
      digest("copy m"): node("m", of: "m"),
    ])
    let ways = ["x", "w", "y", "z", "v", "m", "s"].map { graph.ways[digest($0)] }
    // Which of those that are packed and unpacked was there first, nobody knows.
    #expect(ways == [nil, digest("count x"), nil, nil, digest("count y"), digest("make m"), nil])
  }

  @Test func `What is chosen is what looking at all of it each time would choose`() {
    var generator = SplitMix(state: 4)
    for _ in 0..<40 {
      // Actions that read what earlier ones made.
      let count = 60
      var nodes: [Digest: RecordGraph.Node] = [:]
      var seconds: [Digest: Double] = [:]
      func name(_ number: Int, _ kind: String) -> Digest { Digest(of: Array("\(kind)\(number)".utf8)) }
      var candidates: [(key: Digest, objects: [Digest], bytes: Int)] = []
      for number in 0..<count {
        let inputs = (0..<2).compactMap { _ in
          number == 0 ? nil : name(.random(in: 0..<number, using: &generator), "o")
        }
        nodes[name(number, "k")] = .init(stage: "\(number)", outputs: [name(number, "o")], inputs: inputs)
        // No two prices are the same, so that there is one order.
        seconds[name(number, "k")] = Double.random(in: 1..<100, using: &generator)
        let bytes = Int.random(in: 1..<1000, using: &generator)
        candidates.append((name(number, "k"), [name(number, "o")], bytes))
      }
      let graph = RecordGraph(nodes: nodes)
      var eviction = Eviction(graph, seconds: { seconds[$0] }, gone: [])
      let found = eviction.choose(candidates, toFree: .max)

      var gone: Set<Digest> = []
      func cost(_ key: Digest) -> Double {
        var needed: Set<Digest> = [key]
        var open = [key]
        while let next = open.popLast() {
          for input in nodes[next]!.inputs where gone.contains(input) {
            let maker = graph.makers[input]![0]
            if needed.insert(maker).inserted { open.append(maker) }
          }
        }
        return needed.reduce(0) { $0 + seconds[$1]! }
      }
      var expected: [String] = []
      while !candidates.isEmpty {
        let next = candidates.indices.min { one, other in
          cost(candidates[one].key) / Double(candidates[one].bytes)
            < cost(candidates[other].key) / Double(candidates[other].bytes)
        }!
        let candidate = candidates.remove(at: next)
        expected.append(nodes[candidate.key]!.stage)
        gone.formUnion(candidate.objects)
      }
      #expect(found.map(\.stage) == expected)
    }
  }

  @Test func `Very many are chosen from, and chains of them`() {
    let count = 20_000
    let names = (0..<count).map { number in
      (key: Digest(of: Array("k\(number)".utf8)), output: Digest(of: Array("o\(number)".utf8)))
    }
    // Chains of ten, of which every link is a little dearer than the one before it.
    let nodes = Dictionary(
      uniqueKeysWithValues: names.enumerated().map { number, name in
        (
          name.key,
          RecordGraph.Node(
            stage: "\(number)", outputs: [name.output],
            inputs: number % 10 == 0 ? [] : [names[number - 1].output])
        )
      })
    var eviction = Eviction(RecordGraph(nodes: nodes), seconds: { _ in 1 }, gone: [])
    let choices = eviction.choose(
      names.enumerated().map { (key: $1.key, objects: [$1.output], bytes: 1000 - $0 / 100) }, toFree: .max)
    #expect(Set(choices.map(\.key)).count == count)
    #expect(choices.allSatisfy { 1...10 ~= $0.seconds })
  }
}

/// Numbers that look random, the same in every run.
private struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var word = (state ^ state >> 30) &* 0xbf58_476d_1ce4_e5b9
    word = (word ^ word >> 27) &* 0x94d0_49bb_1331_11eb
    return word ^ word >> 31
  }
}

extension Store {
  /// Bytes of the file of an object that has one.
  fileprivate func size(ofFile digest: Digest) throws -> Int {
    var found = 0
    try forEachStoredAlone { if $0 == digest { found = $1 } }
    return found
  }
}

extension RecordGraph.Node {
  fileprivate init(stage: String, outputs: [Digest], inputs: [Digest]) {
    self.init(
      stage: stage, outputs: outputs.map { Artefact(digest: $0, kind: .blob, size: 1) }, log: nil,
      inputs: inputs,
      isDoubtful: false, kind: "command")
  }
}
