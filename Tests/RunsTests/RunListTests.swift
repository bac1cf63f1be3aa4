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
