import Foundation
import JSON
import Support
import Synchronization
import System
import Testing

@testable import Artefacts

/// The code of the leases, driven call by call through random interleavings of four processes that want the same action done,
/// of which some are stopped, continued and killed in between. (`LeaseModelTests` tries all interleavings of a model.)
@Suite struct LeaseInterleavingTests {
  /// What the processes have done, and who is at it.
  private struct Journal {
    var computations = 0
    /// Those that compute now, and have not been stopped since they got the right.
    var undisturbed: Set<Int> = []
    /// Those that have, or had, the right and are not done with it.
    var holders: Set<Int> = []
    /// Those of them that were stopped since they got it: others may have taken it from them meanwhile, as from the dead.
    var disturbed: Set<Int> = []
    var faults: [String] = []
  }

  private final class Shared: Sendable {
    let journal = Mutex(Journal())
  }

  /// A generator of random numbers, the same on every machine.
  private struct Numbers {
    var state: UInt64
    mutating func next(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
  }

  @Test func `However they are interleaved and killed, one computes at a time, and the action gets done`()
    throws
  {
    for seed in 1...120 as ClosedRange<UInt64> {
      try drive(seed)
    }
  }

  private func drive(_ seed: UInt64) throws {
    let folder = TemporaryFolder()
    let root = folder["store"]
    try Store(at: root).make()
    var random = Numbers(state: seed &* 0x9e37_79b9_7f4a_7c15)
    let count = 4
    let stepper = Stepper(count: count)
    let shared = Shared()
    for process in 0..<count {
      stepper.start(process) { try LeaseInterleavingTests.work(process, root, stepper, shared) }
    }
    stepper.settle()
    var harm = random.next(5)
    var steps = 0
    while !stepper.unended.isEmpty, steps < 20_000 {
      steps += 1
      let running = stepper.running
      let stopped = stepper.unended.filter { stepper.life(of: $0) == .stopped }
      if let one = stopped.first, running.isEmpty || random.next(12) == 0 {
        stepper.set(one, .running)
        continue
      }
      guard var process = running.isEmpty ? nil : running[random.next(running.count)] else { break }
      if harm > 0, random.next(6) == 0 {
        harm -= 1
        // Mostly the one whose end the others wait for.
        let computing = shared.journal.withLock { $0.undisturbed.first }
        if let computing, random.next(3) > 0 { process = computing }
        let isKilled = random.next(2) == 0 && stepper.unended.count > 1
        shared.journal.withLock { journal in
          journal.undisturbed.remove(process)
          if journal.holders.contains(process) { journal.disturbed.insert(process) }
          if isKilled { journal.holders.remove(process) }
        }
        stepper.set(process, isKilled ? .killed : .stopped)
        if isKilled { while stepper.life(of: process) != .ended { usleep(20) } }
        continue
      }
      // Mostly many steps of one, since much has to happen between two steps of another for a fault to show.
      let burst = random.next(3) == 0 ? 1 : 1 + random.next(40)
      for _ in 0..<burst where stepper.life(of: process) == .running { stepper.advance(process) }
    }
    #expect(stepper.unended.isEmpty, "seed \(seed): no end")
    for process in stepper.unended { stepper.set(process, .killed) }
    let journal = shared.journal.withLock { $0 }
    #expect(journal.faults.isEmpty, "seed \(seed): \(journal.faults)")
    #expect(journal.computations >= 1, "seed \(seed)")
    let store = try Store(at: root)
    #expect(
      try store.record(LeaseInterleavingTests.record(0).key) != nil, "seed \(seed): nothing is recorded")
    // What killed ones left goes with the next one that takes a right: as soon as their locks have gone, which a thread that
    // writes signs of life, or a child of another test that has not yet become another program, may hold a moment longer.
    let key = LeaseInterleavingTests.record(0).key
    var lease: Lease?
    for _ in 0..<1000 where lease == nil {
      lease = try Leases(of: store).take(key)
      if lease == nil { usleep(10_000) }
    }
    try #require(lease, "seed \(seed)").release()
    let left = (try? FileManager.default.contentsOfDirectory(atPath: root + "/leases")) ?? []
    #expect(left.isEmpty, "seed \(seed): \(left)")
  }

  /// What a brake does: looks, takes the right, looks again, computes, records and lets go; or waits for another one.
  private static func work(_ process: Int, _ root: String, _ stepper: Stepper, _ shared: Shared) throws {
    let store = try Store(at: root, files: SteppedFileSystem(stepper, process: process))
    let leases = Leases(of: store)
    let key = record(0).key
    while true {
      if try store.record(key) != nil { return }
      if let lease = try leases.take(key) {
        shared.journal.withLock { _ = $0.holders.insert(process) }
        defer { shared.journal.withLock { _ = $0.holders.remove(process) } }
        if try store.record(key) != nil { return lease.release() }
        shared.journal.withLock { journal in
          // What a killed one still does reaches nobody.
          guard stepper.life(of: process) != .killed else { return }
          journal.computations += 1
          if !journal.disturbed.contains(process) { journal.undisturbed.insert(process) }
          if journal.undisturbed.count > 1 { journal.faults.append("\(journal.undisturbed) compute at once") }
        }
        for part in 1...4 {
          lease.tell(["text": .string("part \(part)")])
          // It takes its time.
          for _ in 0..<60 { _ = try store.files.status(root) }
        }
        let publication = store.publication()
        try publication.add(record: record(process), isReplacing: false)
        try publication.commit()
        shared.journal.withLock { _ = $0.undisturbed.remove(process) }
        lease.release()
        return
      }
      var watch = leases.watch(key)
      // Time passes for an observer while the owner is stopped: a living one would show signs of life.
      var time = 0
      while !watch.isFree(at: .seconds(time)) {
        let holders = shared.journal.withLock { $0.holders }
        if holders.allSatisfy({ stepper.life(of: $0) != .running }) { time += 1 }
      }
    }
  }

  private static func record(_ process: Int) -> Record {
    Record(manifest: ["action": 1], outputs: [], log: nil, stage: "stage \(process)", sources: [:])
  }
}
