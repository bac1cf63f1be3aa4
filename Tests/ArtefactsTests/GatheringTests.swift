import Foundation
import Support
import System
import Testing

@testable import Artefacts

/// Small results that were stored in files of their own, put together into segments.
@Suite struct GatheringTests {
  private let folder = TemporaryFolder()
  private var store: Store { get throws { try Store(at: folder["store"], files: .withoutSynchronising) } }

  private func files(in path: String) -> Int {
    (FileManager.default.enumerator(atPath: folder["store/" + path])?.allObjects ?? []).count {
      var isFolder: ObjCBool = false
      let path = folder["store/\(path)/\($0)"]
      return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && !isFolder.boolValue
    }
  }

  private var segments: Int {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder["store/segments"])) ?? [])
      .count { $0 != "replaced" }
  }

  /// One by one, as small pipelines store them.
  private func publish(_ numbers: some Sequence<Int>, output: [UInt8]? = nil, isReplacing: Bool = false)
    throws
  {
    for number in numbers { try store.publish([number], output: output, isReplacing: isReplacing) }
  }

  @discardableResult private func gather(isDry: Bool = false) throws -> Repacking.Gathered {
    try Repacking(of: store, isDry: isDry).gather(failed: { Issue.record($0) }, progress: { _, _ in })
  }

  private func check(_ numbers: some Sequence<Int>, in store: Store, _ comment: Comment? = nil) throws {
    for number in numbers {
      let result = SmallResult(number: number)
      #expect(try store.record(result.record.key) == result.record, comment)
      #expect(try store.bytes(of: Digest(of: result.output)) == result.output, comment)
      #expect(try store.losses(of: result.record).isEmpty, comment)
    }
  }

  private func note(_ number: Int) -> String {
    let hex = SmallResult(number: number).record.key.hex
    return "store/index/made/\(hex.prefix(2))/\(hex.dropFirst(2))"
  }

  @Test func `What had files of its own stands in one, with the notes beside records`() throws {
    try publish(0..<40)
    let large = try store.put(Array(repeating: 1, count: 20_000))
    folder.write("{\"seconds\":3}", to: note(7))
    let objects = try Set(store.objects())
    let trial = try gather(isDry: true)
    #expect(segments == 0 && files(in: "objects") == 42 && files(in: "actions") == 40)
    let outcome = try gather()
    // 40 outputs, a log that all share, 40 records and a note.
    #expect(outcome.objects == 41 && outcome.records == 40 && outcome.files == 82 && outcome.segments == 1)
    #expect(
      trial.objects == 41 && trial.files == 82 && trial.after == outcome.after
        && trial.before == outcome.before)
    #expect(segments == 1 && files(in: "objects") == 1 && files(in: "actions") == 0)
    #expect(try store.objects().count == 42 && Set(store.objects()) == objects)
    #expect(try store.bytes(of: large).count == 20_000)
    try check(0..<40, in: store)
    let record = SmallResult(number: 7).record
    #expect(try store.note(ofRecord: record.key) == Array("{\"seconds\":3}".utf8))
    #expect(folder.read(note(7)) == nil)
    #expect(try gather().files == 0 && segments == 1)
    // One that opened the store before finds what was moved.
    let early = try store
    try publish(40..<60)
    try check(40..<60, in: early)
    try gather()
    try check(0..<60, in: early)
  }

  @Test func `Fewer than sixteen stay as they are`() throws {
    try publish(0..<5)
    #expect(try gather().files == 0 && segments == 0)
  }

  @Test func `A record that counts before another in a segment keeps its file`() throws {
    try store.publish(0..<20)
    try store.publish([3], output: Array("other".utf8), isReplacing: true)
    #expect(files(in: "actions") == 1)
    try publish(20..<40)
    let outcome = try gather()
    #expect(outcome.records == 20 && files(in: "actions") == 1)
    let expected = SmallResult(number: 3).record(of: Array("other".utf8))
    #expect(try store.record(expected.key) == expected)
    try check([0, 1, 2] + (4..<40), in: store)
  }

  @Test func `A record that is replaced at this moment is the one that counts`() throws {
    try publish(0..<20)
    let other = SmallResult(number: 5).record(of: Array("other".utf8))
    var hasReplaced = false
    let outcome = try Repacking(of: store).gather(
      failed: { Issue.record($0) },
      progress: { done, total in
        // Most have been read by now, and none has been removed.
        guard done == total - 1, !hasReplaced else { return }
        hasReplaced = true
        try publish([5], output: Array("other".utf8), isReplacing: true)
      })
    #expect(hasReplaced && outcome.records >= 19)
    #expect(try store.record(other.key) == other)
    try check([0, 4, 6, 19], in: store)
  }

  @Test func `What is damaged is told, and the rest is moved`() throws {
    try publish(0..<20)
    let damaged = Digest(of: SmallResult(number: 4).output)
    let path = try store.objectPath(damaged)
    chmod(path, 0o644)
    try Data("no object".utf8).write(to: URL(fileURLWithPath: path))
    var failures: [Failure] = []
    let outcome = try Repacking(of: store).gather(failed: { failures.append($0) }, progress: { _, _ in })
    #expect(failures.map(\.object) == [damaged])
    #expect(outcome.objects == 20 && outcome.records == 20)
    #expect(try !store.contains(damaged))
    try check([3, 5], in: store)
  }

  @Test(arguments: [Fault.error(EIO), .error(ENOSPC), .short, .stop])
  func `No fault while results are put together loses one`(fault: Fault) throws {
    for number in 0..<17 { try Store(at: folder["store"]).publish([number]) }
    folder.write("{}", to: note(2))
    try FileManager.default.moveItem(atPath: folder["store"], toPath: folder["original"])
    var points = 0
    var failed = true
    while failed {
      points += 1 + points / 30
      try? FileManager.default.removeItem(atPath: folder["store"])
      try FileManager.default.copyItem(atPath: folder["original"], toPath: folder["store"])
      let faulty = CrashingFileSystem(failingAt: points, fault)
      do {
        _ = try Repacking(of: Store(at: folder["store"], files: faulty)).gather(
          failed: { #expect($0.code != .damaged, "\($0)") }, progress: { _, _ in })
      } catch let error as Failure {
        #expect(error.code != .damaged, "\(error)")
      }
      failed = faulty.wasReached
      if fault == .stop { faulty.cutPower() }
      #expect(files(in: "quarantine") == 0)
      try check(0..<17, in: store, "\(fault) at call \(points)")
      // The next one goes on.
      try gather()
      // One that could not be read has stayed, and is too few by itself.
      let left = files(in: "actions") + files(in: "objects")
      #expect(left <= (fault == .stop ? 0 : 1), "\(fault) at call \(points)")
      try check(0..<17, in: store, "\(fault) at call \(points)")
    }
    print("faults: gather, \(fault.testDescription): \(points) points")
    #expect(points > 60)
  }
}
