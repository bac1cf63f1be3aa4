import Foundation
import JSON
import Support
import Testing

/// Stores that are not the user's alone: of a group, on media that cannot be written to, of brakes that were killed.
@Suite struct SharedStoreTests {
  let folder = TemporaryFolder()
  private static let isRoot = getuid() == 0

  /// Runs a command as another user of one group; the test must be root's.
  private func user(_ number: Int, _ command: String) throws -> Finished {
    try folder.shell(
      "exec setpriv --reuid \(number) --regid 100 --clear-groups sh -c 'umask 002; \(command)'")
  }

  @Test(.enabled(if: isRoot, "only root can be two users"))
  func `Two users of one group put, run, read, name and mend in one store`() throws {
    folder.write(
      "stages: { s: { run: \"tr a-z A-Z < ${in.f} > ${out.o}\", in: { f: f1 }, out: { o: o.txt } } }",
      to: "brake.yaml")
    for index in 1...4 { folder.write("file \(index)\n", to: "f\(index)") }
    _ = try folder.shell("mkdir cache && chgrp 100 . cache && chmod 2775 . cache && touch -d '1 hour ago' f?")
    // Before that nobody can tell whether a file is written again.
    usleep(100_000)
    for (number, file) in [(1, "f1"), (5, "f2"), (1, "f3"), (5, "f4")] {
      let run = try user(number, "\"$BRAKE\" put \(file)")
      #expect(run.status == 0)
      #expect(run.out.hasSuffix("\(file)\n"))
      #expect(run.err == "")
    }
    // Both learn what the files are.
    #expect(try folder.shell("stat -c %s cache/index/files").out == "\(4 * 96)\n")
    #expect(try user(5, "\"$BRAKE\" run").status == 0)
    #expect(try user(1, "\"$BRAKE\" run").out.contains("0 ran, 1 hit"))

    // What one has stored, the other moves away when it is damaged, and puts again.
    let digest = try #require(try user(1, "\"$BRAKE\" put f1").out.split(separator: " ").first)
    let object = "cache/objects/\(digest.dropFirst(7).prefix(2))/\(digest.dropFirst(9))"
    _ = try folder.shell("chmod u+w \(object); printf X | dd of=\(object) bs=1 seek=20 conv=notrunc; true")
    #expect(try user(5, "\"$BRAKE\" verify").status == 2)
    #expect(try user(5, "\"$BRAKE\" put f1").status == 0)
    #expect(try user(1, "\"$BRAKE\" verify").status == 0)
  }

  @Test(.enabled(if: isRoot, "only root can start what another user kills"))
  func `A user clears what another user's killed brake has left`() throws {
    folder.write("stages: { s: { run: \"echo $$ > ${out.o}; sleep 100\", out: { o: o } } }", to: "brake.yaml")
    folder.write("x", to: "x")
    _ = try folder.shell("mkdir cache && chgrp 100 . cache && chmod 2775 . cache")
    let run = try BrakeProcess(
      ["-c", "exec setpriv --reuid 1 --regid 100 --clear-groups sh -c 'umask 002; exec \"$BRAKE\" run'"],
      in: folder, executable: "/bin/sh", environment: ["BRAKE": BrakeProcess.binary])
    let end = ContinuousClock.now + .seconds(120)
    while try folder.shell("find cache/tmp -name o").out.isEmpty {
      try #require(ContinuousClock.now < end, "the command does not begin")
      usleep(20_000)
    }
    // It lives, and so stays, also while it is stopped.
    run.send(SIGSTOP)
    #expect(try user(5, "\"$BRAKE\" put x").status == 0)
    #expect(try folder.shell("find cache/tmp -name o").out.isEmpty == false)
    run.send(SIGKILL)
    _ = run.wait()
    #expect(try user(5, "echo y > /dev/null; \"$BRAKE\" put --json x x").status == 0)
    folder.write("y", to: "y")
    #expect(try user(5, "\"$BRAKE\" put y").status == 0)
    #expect(try folder.shell("find cache/tmp -type f").out == "")
  }

  @Test func `A store that cannot be written to is read, verified and run from`() throws {
    folder.write(
      "stages: { s: { run: \"cp ${in.f} ${out.o}\", in: { f: f }, out: { o: o.txt }, publish: out/ } }",
      to: "brake.yaml")
    folder.write("text\n", to: "f")
    folder.write(String(repeating: "a number of lines\n", count: 20_000), to: "large")
    _ = try folder.brake("put", "large")
    let digest = try #require(try folder.brake("put", "f").out.split(separator: " ").first)
    #expect(try folder.brake().status == 0)
    _ = try folder.shell("rm -r out; chmod -R a-w cache; chmod a+rwx .")
    defer { _ = try? folder.shell("chmod -R u+w cache") }
    let other = SharedStoreTests.isRoot ? "setpriv --reuid 1 --regid 100 --clear-groups" : ""
    for command in [
      "verify", "ls", "show \(digest)", "cat \(digest)", "get \(digest) -o copy", "run", "run", "put f",
      "put large", "put copy",
    ] {
      let run = try folder.shell("\(other) \"$BRAKE\" \(command)")
      #expect(run.status == 0, "\(command): \(run.err)")
    }
    #expect(folder.text("copy") == "text\n")
    #expect(folder.text("out/o.txt") == "text\n")
    #expect(try folder.shell("ls -A out; ls -A | grep partial").out == "o.txt\n")
    folder.write("new\n", to: "f")
    let refused = try folder.shell("\(other) \"$BRAKE\" put f")
    #expect(refused.status == 2)
    #expect(refused.err.contains("hint: check the permissions"))
  }

  @Test func `Commands that only read make nothing`() throws {
    folder.write("x", to: "x")
    usleep(100_000)
    _ = try folder.brake("put", "x")
    let before = try folder.shell("find cache | sort").out
    for command in [["ls"], ["verify"], ["show", "x"], ["put", "x"]] {
      _ = try BrakeProcess(command, in: folder).wait()
      #expect(try folder.shell("find cache | sort").out == before)
    }
    _ = try folder.brake("ls", "--store", "none")
    #expect(!folder.exists("none"))
  }

  @Test func `A folder of others is refused as a store, with what to do`() throws {
    folder.write("precious", to: "home/tmp/thesis/data")
    folder.write("x", to: "x")
    _ = try folder.shell("touch -d '10 days ago' home/tmp/thesis/data home/tmp/thesis")
    for command in [["put", "--store", "home", "x"], ["put", "--store", ".", "x"]] {
      let run = try BrakeProcess(command, in: folder).wait()
      #expect(run.status == 2)
      #expect(run.err.contains("is no store, and holds other things"))
      #expect(run.err.contains("--store"))
    }
    #expect(folder.text("home/tmp/thesis/data") == "precious")
    #expect(try folder.shell("ls -A home").out == "tmp\n")
  }
}
