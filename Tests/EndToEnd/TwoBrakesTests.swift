import Foundation
import JSON
import Support
import Testing

/// Two of the real binary on one store.
@Suite struct TwoBrakesTests {
  private let folder = TemporaryFolder()

  private func write(_ seconds: String) {
    folder.write(
      """
      stages:
        a: { run: "echo a >> \(folder["count"]); sleep \(seconds); echo 1 > ${out.o}", out: { o: o.txt }, sandbox: false }
      """, to: "brake.yaml")
  }

  private var runs: Int { folder.text("count")?.split(separator: "\n").count ?? 0 }

  @Test func `What one computes the other waits for`() throws {
    write("0.7")
    let first = try BrakeProcess([], in: folder)
    #expect(folder.appears("count"))
    let second = try BrakeProcess([], in: folder)
    let (one, other) = (first.wait(), second.wait())
    #expect(one.status == 0 && other.status == 0)
    #expect(runs == 1)
    #expect(other.err.contains("a waits for another brake that computes it"))
    #expect(other.out.contains("0 ran, 1 hit"))
  }

  @Test func `What a killed one was computing the other takes over`() throws {
    write("1")
    let first = try BrakeProcess([], in: folder)
    #expect(folder.appears("count"))
    let second = try BrakeProcess([], in: folder)
    usleep(300_000)
    first.send(SIGKILL)
    #expect(first.wait().status == 137)
    #expect(second.wait().status == 0)
    #expect(runs == 2)
  }

  @Test func `Who takes over no longer says that it waits`() throws {
    write("1")
    let first = try BrakeProcess([], in: folder)
    #expect(folder.appears("count"))
    let second = try BrakeProcess(["run", "--events", "events"], in: folder)
    usleep(500_000)
    first.send(SIGKILL)
    #expect(first.wait().status == 137)
    #expect(second.wait().status == 0)
    let events = try (folder.text("events") ?? "").split(separator: "\n").map {
      try JSON(parsing: String($0))
    }
    let told = events.filter { $0["event"] == "progress" }.map { $0["text"]?.string ?? "" }
    #expect(told.contains { $0.hasPrefix("waits for another brake") })
    #expect(told.last == "")
  }

  @Test func `What an interrupted one was computing the other takes over`() throws {
    write("1")
    let first = try BrakeProcess([], in: folder)
    #expect(folder.appears("count"))
    let second = try BrakeProcess([], in: folder)
    usleep(300_000)
    first.send(SIGINT)
    #expect(first.wait().status == 130)
    #expect(second.wait().status == 0)
    #expect(runs == 2)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder["cache/leases"]).isEmpty)
  }

  @Test func `Who waits and who asks is told where it runs and how far it is`() throws {
    folder.write(
      "stages: { a: { run: 'echo a >> \(folder["count"]); sleep 4; echo 1 > ${out.o}', out: { o: o.txt }, sandbox: false } }",
      to: "brake.yaml")
    let first = try BrakeProcess([], in: folder)
    #expect(folder.appears("count"))
    usleep(2_000_000)
    let second = try BrakeProcess([], in: folder)
    let status = try BrakeProcess(["status", "--json"], in: folder).wait()
    #expect(status.out.contains("\"running\":{") && status.out.contains("\"host\":\""))
    let shown = try BrakeProcess(["status"], in: folder).wait()
    #expect(shown.out.contains("runs now on host "))
    #expect(first.wait().status == 0)
    #expect(second.wait().err.contains("a waits for another brake that computes it on host "))
    #expect(try BrakeProcess(["status", "--json"], in: folder).wait().out.contains("\"running\":null"))
  }
}
