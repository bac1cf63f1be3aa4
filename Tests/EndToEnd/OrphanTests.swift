import Foundation
import Support
import Testing

/// Everything that a stage starts ends with it, and with brake, whatever kills that.
@Suite struct OrphanTests {
  let folder = TemporaryFolder()

  /// Folders of programs, with bubblewrap among them and without.
  private func path(withSandbox: Bool) throws -> String {
    if withSandbox { return ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin" }
    let made = try folder.shell(
      "mkdir bin; for p in bash sh cat sleep env setsid touch echo; do ln -s $(command -v $p) bin/$p; done")
    try #require(made.status == 0, "\(made.err)")
    return folder["bin"]
  }

  /// The processes whose command line holds a text.
  private func processes(with text: String) -> [pid_t] {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return all.compactMap { pid_t($0) }.filter { process in
      guard let line = FileManager.default.contents(atPath: "/proc/\(process)/cmdline") else { return false }
      return process != getpid() && String(decoding: line, as: UTF8.self).contains(text)
    }
  }

  /// A duration to sleep that no other test sleeps.
  private func mark() -> String { "30\(UInt32.random(in: 10_000...99_999)).25" }

  private func ends(_ text: String) -> Bool {
    for _ in 0..<250 {
      if processes(with: text).isEmpty { return true }
      usleep(20_000)
    }
    return false
  }

  @Test(arguments: [true, false])
  func `When brake is killed, its commands end with all that they forked into other sessions`(
    withSandbox: Bool
  ) throws {
    let mark = mark()
    folder.write(
      """
      stages:
        slow:
          run: "setsid bash -c 'setsid sleep \(mark) & sleep \(mark)' & touch \(folder["started"]); sleep \(mark)"
          out: { o: o.txt }
      """, to: "brake.yaml")
    let brake = try BrakeProcess(["run"], in: folder, environment: ["PATH": path(withSandbox: withSandbox)])
    try #require(folder.appears("started"))
    usleep(100_000)
    #expect(processes(with: mark).count >= 3)
    brake.send(SIGKILL)
    _ = brake.wait()
    #expect(ends(mark))
  }

  @Test(arguments: [true, false])
  func `What a command leaves running ends with it`(withSandbox: Bool) throws {
    let mark = mark()
    folder.write(
      "stages: { a: { run: \"setsid sleep \(mark) & echo hi > ${out.o}\", out: { o: o.txt } } }",
      to: "brake.yaml")
    let run = try folder.brake(environment: ["PATH": path(withSandbox: withSandbox)])
    #expect(run.status == 0, "\(run.err)")
    #expect(ends(mark))
  }

  @Test func `A command that was asked to end may still tidy up`() throws {
    folder.write(
      """
      stages:
        slow:
          run: |
            trap 'echo saved > \(folder["saved"]); exit 1' TERM
            touch \(folder["started"])
            while true; do sleep 0.05; done
          out: { o: o.txt }
      """, to: "brake.yaml")
    let brake = try BrakeProcess(["run"], in: folder)
    try #require(folder.appears("started"))
    brake.send(SIGINT)
    #expect(brake.wait().status == 128 + SIGINT)
    #expect(folder.text("saved") == "saved\n")
  }

  @Test func `The workspace is hidden where it is the user's home, too`() throws {
    folder.write("one", to: "data.txt")
    folder.write(
      "stages: { s: { run: \"cat \(folder["data.txt"]) > ${out.o}\", out: { o: o.txt } } }", to: "brake.yaml")
    try #require(try folder.shell("bwrap --dev-bind / / true || exit 3").status == 0)
    for home in [folder.path, folder["home"]] {
      let run = try folder.brake(environment: ["HOME": home])
      #expect(run.status == 2)
      #expect(run.err.contains("data.txt: Permission denied"), "\(run.err)")
      _ = try folder.shell("mkdir -p home")
    }
  }

  @Test func `More stages at once than there are descriptors for are not started`() throws {
    folder.write(
      "stages: { s: { for: { i: 1..90 }, run: \"sleep 0.1; echo ${i} > ${out.o}\", out: { o: o.txt } } }",
      to: "brake.yaml")
    let run = try folder.shell("ulimit -n 192; \"$BRAKE\" run -j90")
    #expect(run.status == 0, "\(run.err)")
    #expect(run.err.contains("stages run at once, not 90"))
    #expect(run.out.contains("90 ran"))
  }
}
