import Artefacts
import Foundation
import Support
import System
import Testing

@testable import Runs

/// The lists of what runs needed, by which a collection knows what to keep.
@Suite struct RunListTests {
  private static let pipeline = """
    params: { n: 1 }
    stages:
      make: { run: "echo ${n} > ${out.o}", out: { o: o.txt }, sandbox: false }
      use: { run: "wc -c < ${in.i} > ${out.o}", in: { i: make }, out: { o: o.txt }, sandbox: false }
    """

  private let workspace: Workspace

  init() throws { workspace = try Workspace(RunListTests.pipeline) }

  private func lists() throws -> [RunLists.List] {
    try RunLists(of: workspace.store).pipelines().flatMap(\.lists)
  }

  /// Of each list how many keys it has, the newest first.
  private func counts() throws -> [Int] {
    try lists().map { try RunLists(of: workspace.store).keys(of: $0).count }
  }

  @Test func `The list of a run that has ended survives a power cut`() async throws {
    // Times of a few milliseconds tell the newest.
    for n in [1, 2, 1] {
      let files = CrashingFileSystem(failingAt: .max, .stop)
      _ = try await workspace.engine([("n", "\(n)")], on: files).run(targets: [])
      files.cutPower()
      #expect(try lists().allSatisfy { !$0.isOpen })
      #expect(try Set(counts()) == [2])
      try await Task.sleep(for: .milliseconds(20))
    }
    #expect(try lists().count == 2)
    let newest = try RunLists(of: workspace.store).keys(of: #require(try lists().first))
    let records = try workspace.store.records { _ in }
    let one = records.first { $0.outputs.contains { $0.artefact.digest == Digest(of: Array("1\n".utf8)) } }
    #expect(newest.contains(try #require(one?.key)), "the run that was repeated is the last one")
  }

  @Test func `A list that is cut off is replaced by that of an equal run`() async throws {
    try await workspace.run()
    let path = try #require(try lists().first).path
    try Data().write(to: URL(fileURLWithPath: path))
    #expect(throws: Failure.self) { try counts() }
    try await workspace.run()
    #expect(try counts() == [2])
  }

  /// Writes a list as of a run that has not come to its end, which needs what the last one needed.
  private func leave(of owner: String?) throws -> String {
    let list = try #require(try lists().first)
    let text = try #require(workspace.folder.read(list.path.replacing(workspace.folder.path + "/", with: "")))
    let said = owner.map { "\"owner\":\"\($0)\"," } ?? ""
    let heading = "{\"folder\":\"\(workspace.folder.path)\",\(said)\"pipeline\":\"brake.yaml\"}"
    let path = "\(parentFolder(of: list.path))/\(ProcessFolder.randomName()).open"
    let keys = DigestList.digests(text)
    try Data(Array((heading + "\n").utf8) + DigestList.bytes(keys)).write(to: URL(fileURLWithPath: path))
    try FileManager.default.removeItem(atPath: list.path)
    return path
  }

  private func isThere(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

  @Test func `The list of a killed run ends with the next collection`() async throws {
    try await workspace.run()
    let (store, now) = (workspace.store, try workspace.store.timeOfFiles())
    let (minute, day): (Int64, Int64) = (60_000_000_000, 86_400_000_000_000)
    func isLeft(after time: Int64) throws -> Bool {
      let list = try #require(try lists().first { $0.isOpen })
      return try RunLists(of: store).isLeft(list, at: now + time, KeepingRules())
    }

    // Of a process that lives here.
    let living = try leave(of: store.processName())
    _ = try await StoreKeeper(store).collect()
    #expect(try isThere(living) && lists().count == 1 && !isLeft(after: 100 * day))
    try FileManager.default.moveItem(atPath: living, toPath: workspace.folder["living"])
    try await workspace.run()

    // Of one on another machine, as long as it shows signs of life, and for a while behind the last one.
    let elsewhere = ProcessFolder.randomName()
    workspace.folder.write("brake 1 remote 1 1\n00000000000000000001\n", to: "cache/tmp/\(elsewhere)/alive")
    let far = try leave(of: elsewhere)
    _ = try await StoreKeeper(store).collect()
    #expect(try isThere(far) && !isLeft(after: day) && isLeft(after: day + 20 * minute))
    try FileManager.default.removeItem(atPath: workspace.folder["cache/tmp/\(elsewhere)"])
    #expect(try isLeft(after: 0))

    // A trial changes nothing.
    _ = try await StoreKeeper(store).collect(isTrial: true)
    #expect(isThere(far))
    _ = try await StoreKeeper(store).collect()
    #expect(!isThere(far))
    #expect(try lists().map(\.isOpen) == [false] && counts() == [2])

    // One that does not say whose it is, as older brakes wrote them.
    let old = try leave(of: nil)
    _ = try await StoreKeeper(store).collect()
    #expect(try isThere(old) && isLeft(after: 31 * day))
  }

  @Test func `What only a killed run needs is kept as what a failed one needs`() async throws {
    try await workspace.run()
    _ = try leave(of: ProcessFolder.randomName())
    var rules = KeepingRules()
    rules.grace = .zero
    let needs = try await StoreNeeds(of: workspace.store, rules, at: workspace.store.timeOfFiles())
    #expect(Set(needs.reasons.values) == [.run])
    _ = try await StoreKeeper(workspace.store, rules).collect()
    #expect(try await workspace.run().hit == 2)
  }

  @Test func `A list that is damaged is named, and moved out of the way`() async throws {
    try await workspace.run()
    let path = try #require(try lists().first).path
    try Data("{}\n".utf8).write(to: URL(fileURLWithPath: path))
    func verify() throws -> [String] {
      var errors: [String] = []
      try RunLists(of: workspace.store).verify { list, check in
        do { try check() } catch { errors.append("\(list): \(error)") }
      }
      return errors
    }
    let errors = try verify()
    #expect(errors.count == 1 && errors[0].contains(path) && errors[0].contains("quarantine/"))
    #expect(try verify().isEmpty)
    #expect(try lists().isEmpty)
  }
}
