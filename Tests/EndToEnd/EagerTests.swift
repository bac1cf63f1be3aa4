import Foundation
import JSON
import Support
import Testing

/// A training whose checkpoints are evaluated while it goes on, as a user runs it.
@Suite struct EagerTests {
  let folder = TemporaryFolder()

  /// It writes its members slowly and without a word, as a script does that knows nothing of brake, and does not end before somebody
  /// has read two of them.
  private func pipeline(_ first: String) -> String {
    """
    stages:
      train:
        run: |
          mkdir -p ckpt
          for step in 1 2 3; do
            echo "\(first) $step" > ckpt/tmp-$step; mv ckpt/tmp-$step ckpt/step_$step.pt
            echo "saved $step" >> \(folder.path)/order; sleep 0.1
          done
          while [ "$(grep -c '^used' \(folder.path)/order)" -lt 2 ]; do sleep 0.1; done
          echo ended >> \(folder.path)/order
        out: { ckpt: { folder: ckpt/, key: "step_*.pt", grows: true, eager: true } }
        timeout: 2m
        sandbox: false
      use:
        for: { step: train.ckpt }
        run: cat ${in.c} > ${out.o}; echo "used ${step}" >> \(folder.path)/order
        in: { c: "train.ckpt[${step}]" }
        out: { o: o }
        sandbox: false
      table: { run: "cat ${in.u} > ${out.t}", in: { u: use }, out: { t: t }, publish: results/ }
    """
  }

  private func run(_ arguments: String...) throws -> Finished {
    try BrakeProcess(["run", "-j2"] + arguments, in: folder).wait()
  }

  private func order() -> [String] {
    String(decoding: folder.read("order") ?? [], as: UTF8.self).split(separator: "\n").map(String.init)
  }

  @Test func `Checkpoints are read before the training has ended, also after an edit`() throws {
    for (first, edited) in [("a", false), ("b", true)] {
      folder.write(pipeline(first), to: "brake.yaml")
      folder.write("", to: "order")
      let run = try run("--events", "events")
      #expect(run.status == 0 && run.out.hasPrefix("5 planned: 5 ran, 0 hit, 0 failed"), "\(run)")
      #expect(folder.read("results/t") == Array("\(first) 1\n\(first) 2\n\(first) 3\n".utf8), "\(edited)")
      let order = order()
      let end = try #require(order.firstIndex(of: "ended"))
      #expect(order[..<end].count { $0.hasPrefix("used") } >= 2, "\(order)")
      #expect(order.count { $0.hasPrefix("used") } == 3, "\(order)")
      let lines = String(decoding: folder.read("events") ?? [], as: UTF8.self).split(separator: "\n")
      let events = try lines.map { try JSON(parsing: Array($0.utf8)) }
      func stages(_ event: String) -> [String] {
        events.filter { $0["event"]?.string == event }.compactMap { $0["stage"]?.string }.sorted()
      }
      let all = ["table", "train", "use[1]", "use[2]", "use[3]"]
      #expect(stages("started") == all && stages("finished") == all && stages("withdrawn") == [])
      #expect(try self.run().out.hasPrefix("5 planned: 0 ran, 5 hit, 0 failed"))
    }
  }

  @Test func `brake that is killed while members are read loses nothing that is recorded`() throws {
    let wait = "until [ -e \(folder["go"]) ]; do touch \(folder["waits"]); sleep 0.1; done"
    let text = pipeline("a").replacing("echo ended", with: "\(wait); echo ended")
    folder.write(text, to: "brake.yaml")
    folder.write("", to: "order")
    let brake = try BrakeProcess(["run", "-j2"], in: folder)
    while !FileManager.default.fileExists(atPath: folder["waits"]) { usleep(50_000) }
    brake.send(SIGKILL)
    _ = brake.wait()
    let used = order().filter { $0.hasPrefix("used") }
    #expect(used.count >= 2)
    folder.write("", to: "go")
    let run = try run()
    #expect(run.status == 0, "\(run)")
    // One may have been killed between its last line and its record.
    let again = order().filter { $0.hasPrefix("used") }.dropFirst(used.count)
    #expect(again.count <= 3 - used.count + 1, "\(order())")
    #expect(folder.read("results/t") == Array("a 1\na 2\na 3\n".utf8))
  }
}
