import Artefacts
import Foundation
import JSON
import PlanSupport
import Signing
import Support
import System
import Testing

@testable import Actions
@testable import Pipeline
@testable import Runs

/// Whose records count, for people who share a store or read another's.
@Suite struct TrustTests {
  private let workspace: Workspace
  private let people = TemporaryFolder()

  init() throws {
    workspace = try Workspace(
      """
      stages:
        a: { op: text.repeat, in: { text: w.txt } }
        b: { op: text.repeat, in: { text: a } }
        c: { run: "cat ${in.t} > ${out.o}", in: { t: b }, out: { o: o.txt } }
      """, files: ["w.txt": "w"])
  }

  private func trust(
    of person: String, _ groups: Trust.Group..., allowed: String? = nil
  ) throws -> Trust {
    let secret: UserSecret = try #require(UserSecret(at: people["\(person)/secret"]))
    return try Trust(Set(groups), check: SignatureCheck(allowed: allowed), secret: secret)
  }

  private func engine(
    _ trust: Trust, store: String = "cache", sources: [any ArtefactSource] = []
  ) throws -> Engine {
    let text = String(decoding: workspace.folder.read("brake.yaml")!, as: UTF8.self)
    return Engine(
      source: PipelineSource(try PipelineFile(text: text, path: "brake.yaml")), overrides: [],
      root: workspace.folder.path, store: try Store(at: workspace.folder[store]),
      registry: workspace.registry, sources: sources, trust: trust)
  }

  private func ran(_ engine: Engine) async throws -> Int {
    let summary = try await engine.run(targets: [])
    #expect(summary.failed == 0)
    return summary.ran
  }

  /// Has the record of a stage say that it made something else.
  private func tamper(_ stage: String, in store: Store? = nil) throws -> Record {
    let store = store ?? workspace.store
    let record = try #require(try store.records { _ in }.first { $0.stage == stage })
    let publication = store.publication()
    let other = try publication.add(bytes: Array("not what it made".utf8))
    let tampered = Record(
      manifest: record.manifest, outputs: [.init(name: record.outputs[0].name, artefact: other)], log: nil,
      stage: stage, sources: record.sources)
    try publication.add(record: tampered)
    try publication.commit()
    return tampered
  }

  @Test func `What somebody else has computed is computed again by who trusts nobody else, and both keep it`()
    async throws
  {
    let (ada, bob) = (try trust(of: "ada", .me), try trust(of: "bob", .me))
    #expect(try await ran(engine(ada)) == 3)
    #expect(try await ran(engine(ada)) == 0)
    #expect(try await ran(engine(trust(of: "bob", .any))) == 0)
    let status = try await engine(bob).status(targets: [])
    #expect(status.first?.state == .mustRun)
    let why = try await engine(bob).why(targets: [])
    #expect(why.first?.verdict == "must run, although it is recorded: you have not computed it")
    #expect(try await ran(engine(bob)) == 3)
    #expect(try await ran(engine(bob)) == 0)
  }

  @Test func `A record that was tampered with is nobody's, and is replaced by what the stage makes`()
    async throws
  {
    let ada = try trust(of: "ada", .me)
    _ = try await ran(engine(ada))
    let before = try #require(try workspace.store.records { _ in }.first { $0.stage == "a" })
    let tampered = try tamper("a")
    // Who believes everybody believes this, too.
    #expect(try ada.standing(of: tampered, in: workspace.store) == .notSigned)
    #expect(try await ran(engine(ada)) == 1)
    #expect(try workspace.store.record(before.key)?.outputs == before.outputs)
  }

  @Test func `Beside a record that was tampered with nothing of the old one's counts`() async throws {
    let ada = try trust(of: "ada", .me)
    _ = try await ran(engine(ada))
    let record = try tamper("b")
    // What was noted of the right record stands there still.
    #expect(Makings(store: workspace.store).of(record.key) != nil)
    #expect(try engine(ada).trust.refusal(of: record, in: workspace.store) == "you have not computed it")
  }

  @Test(.enabled(if: SSHKeys.isInstalled, "ssh-keygen is not installed"))
  func `What an allowed signer has signed counts, until it is tampered with`() async throws {
    let keys = SSHKeys(in: people)
    let key = try keys.make("ada")
    _ = try keys.make("eve")
    _ = try await ran(engine(trust(of: "ada", .me)))
    func bob(_ allowed: [String]) throws -> Engine {
      try engine(trust(of: "bob", .me, .signed, allowed: keys.allow(allowed)))
    }
    #expect(try await bob(["ada"]).why(targets: []).first?.verdict.hasSuffix(": it is not signed") == true)
    try RecordSigner(key: key).sign(workspace.store.records { _ in }, in: workspace.store)
    #expect(try await bob(["eve"]).status(targets: []).first?.state == .mustRun)
    #expect(try await ran(bob(["ada"])) == 0)
    _ = try tamper("a")
    #expect(try await bob(["ada"]).status(targets: []).first?.state == .mustRun)
    #expect(try await ran(bob(["ada"])) == 1)
  }

  @Test(.enabled(if: SSHKeys.isInstalled, "ssh-keygen is not installed"))
  func `Of another place only what is signed is taken, and it is noted where it came from`() async throws {
    let keys = SSHKeys(in: people)
    let key = try keys.make("ada")
    _ = try await ran(engine(trust(of: "ada", .me)))
    let there = NamedStore(store: workspace.store)
    let first = try workspace.store.records { _ in }.filter { $0.stage == "a" }
    try RecordSigner(key: key).sign(first, in: workspace.store)
    let allowed = try keys.allow(["ada"])
    let bob = try trust(of: "bob", .me, .signed, allowed: allowed)
    #expect(try await ran(engine(bob, store: "other", sources: [there])) == 2)
    let other = try Store(at: workspace.folder["other"])
    #expect(try other.toldRecords().map(\.stage) == ["a"])
    #expect(other.originOfTold(first[0].key) == "the lab")
    #expect(try bob.standing(of: first[0], in: other) == .signed(by: "ada@example.org"))
    // Who trusts only herself takes nothing.
    #expect(try await ran(engine(trust(of: "eve", .me), store: "third", sources: [there])) == 3)
    // Who trusts anybody takes all.
    #expect(try await ran(engine(trust(of: "eve", .any), store: "fourth", sources: [there])) == 0)
  }

  @Test func `An audit finds what is not as it is recorded, and takes the rest for its own`() async throws {
    _ = try await ran(engine(trust(of: "ada", .me)))
    _ = try tamper("b")
    let bob = try engine(trust(of: "bob", .any))
    func audit(_ count: Int, seed: UInt64 = 1, commands: Bool = false) async throws -> Audit<Bool> {
      try await bob.audit(
        targets: [], count: count, seed: seed, runsCommands: commands, compare: { $0.isSame },
        isSame: { $0 })
    }
    let one = try await audit(1)
    #expect(one.entries.count == 1 && one.commands == one.foreign - 2)
    let all = try await audit(9)
    let outcomes = all.entries.reduce(into: [String: Bool]()) {
      if case .done(let isSame) = $1.outcome { $0[$1.instance] = isSame }
    }
    // Of these one may have been drawn before, and be bob's since.
    #expect(outcomes["b"] == false)
    #expect(outcomes["a"] != false)
    let a = try #require(try workspace.store.records { _ in }.first { $0.stage == "a" })
    #expect(try bob.trust.standing(of: a, in: workspace.store) == .own)
    #expect(try await audit(9).entries.map(\.instance) == ["b"])
  }

  @Test func `An audit of commands asks for versions that are remembered, and no other audit does`()
    async throws
  {
    let pipeline =
      "stages: { c: { run: 'echo 1 > ${out.o}', tools: { sh: 'touch asked; echo 1' }, out: { o: o.txt } } }"
    func wasAsked() -> Bool {
      defer { try? FileManager.default.removeItem(atPath: workspace.folder["asked"]) }
      return workspace.text("asked") != nil
    }
    func audit(_ runsCommands: Bool) async throws -> Audit<Bool> {
      try await engine(trust(of: "bob", .any)).audit(
        targets: [], count: 9, seed: 1, runsCommands: runsCommands, compare: { $0.isSame }, isSame: { $0 })
    }
    workspace.folder.write(pipeline, to: "brake.yaml")
    #expect(try await ran(engine(trust(of: "ada", .me))) == 1)
    #expect(wasAsked())
    #expect(try await audit(false).commands == 1)
    #expect(!wasAsked())
    let found = try await audit(true)
    #expect(found.foreign == 1 && found.entries.count == 1)
    #expect(wasAsked())
    // What an action is of which a version cannot be had, nobody knows.
    workspace.folder.write(pipeline.replacing("echo 1' }", with: "exit 1' }"), to: "brake.yaml")
    #expect(try await audit(true).foreign == 0)
  }

  @Test func `The same seed draws the same`() async throws {
    _ = try await ran(engine(trust(of: "ada", .me)))
    func drawn(_ seed: UInt64, by person: String) async throws -> [String] {
      try await engine(trust(of: person, .any)).audit(
        targets: [], count: 1, seed: seed, runsCommands: false, compare: { _ in false }, isSame: { $0 }
      ).entries.map(\.instance)
    }
    var seen: Set<String> = []
    for seed in 0..<20 as Range<UInt64> {
      let once = try await drawn(seed, by: "bob")
      #expect(try await drawn(seed, by: "eve") == once)
      seen.formUnion(once)
    }
    #expect(seen == ["a", "b"])
  }

  @Test func `What other places say is audited, with what the store lacks left out`() async throws {
    _ = try await ran(engine(trust(of: "ada", .me)))
    let other = try Store(at: workspace.folder["other"])
    for record in try workspace.store.records(damaged: { _ in }) {
      try other.add(toldBy: record, from: "the lab")
    }
    let audit = try await engine(trust(of: "bob", .any), store: "other").audit(
      targets: [], count: 9, seed: 1, runsCommands: false, compare: { $0.isSame }, isSame: { $0 })
    #expect(audit.entries.map(\.instance) == ["a", "b"])
    #expect(audit.entries.allSatisfy { $0.place == "the lab" && $0.standing == .notSigned })
    if case .done(let isSame) = audit.entries[0].outcome { #expect(isSame) } else { Issue.record("a") }
    // Nobody has said how long it took: that is known now.
    #expect((Makings(store: other).of(audit.entries[0].key)?.seconds ?? 0) > 0)
    if case .leftOut(let reason) = audit.entries[1].outcome {
      #expect(reason.hasSuffix("is not in the store"))
    } else {
      Issue.record("b")
    }
  }

  @Test func `For what is left out of an audit another one is drawn`() async throws {
    _ = try await ran(engine(trust(of: "ada", .me)))
    let other = try Store(at: workspace.folder["other"])
    for record in try workspace.store.records(damaged: { _ in }) {
      try other.add(toldBy: record, from: "the lab")
    }
    let bob = try engine(trust(of: "bob", .any), store: "other")
    var seen: Set<[String]> = []
    for seed in 0..<12 as Range<UInt64> {
      let audit = try await bob.audit(
        targets: [], count: 1, seed: seed, runsCommands: false, compare: { _ in false }, isSame: { $0 })
      let done = audit.entries.filter { if case .done = $0.outcome { true } else { false } }
      #expect(done.map(\.instance) == ["a"])
      seen.insert(audit.entries.map(\.instance))
    }
    #expect(seen == [["a"], ["a", "b"]])
  }

  @Test func `Without a place for a secret nobody is taken for oneself`() throws {
    #expect(throws: Failure.self) {
      try Trust([.me], check: SignatureCheck(allowed: nil), secret: nil)
    }
  }
}

/// A store as another place.
struct NamedStore: ObjectSource, RecordSource {
  let store: Store
  var place: String? { "the lab" }

  func present(among digests: [Digest]) async throws -> Set<Digest> {
    try await store.present(among: digests)
  }
  func read(_ digest: Digest, _ body: (UnsafeRawBufferPointer) throws -> Void) async throws {
    try await store.read(digest, body)
  }
  func records(for keys: [Digest]) async throws -> [Digest: Record] { try await store.records(for: keys) }
  func signatures(for keys: [Digest]) async throws -> [Digest: RecordSignatures] {
    try await store.signatures(for: keys)
  }
}
