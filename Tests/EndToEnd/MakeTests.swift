import Foundation
import Support
import Testing

private let hasMake = ["/usr/bin/make", "/bin/make"].contains {
  FileManager.default.isExecutableFile(atPath: $0)
}

/// brake under GNU make, and GNU make under brake.
@Suite(.enabled(if: hasMake), .serialized) struct MakeTests {
  let folder = TemporaryFolder()
  /// Outside of the workspace, where commands may write.
  let notes = TemporaryFolder()

  /// Notes how many of its like run while it does.
  private var busy: String {
    let count = "ls \(notes["running"]) | wc -l >> \(notes["counts"])"
    return
      "mkdir -p \(notes["running"]); f=$(mktemp -p \(notes["running"])); \(count); sleep 0.4; \(count); rm $f"
  }

  /// The most that ran at once.
  private func most() -> Int {
    defer { try? FileManager.default.removeItem(atPath: notes["counts"]) }
    return (notes.text("counts") ?? "").split(whereSeparator: \.isWhitespace).compactMap { Int($0) }.max()
      ?? 0
  }

  private func stages(_ count: Int, _ command: String) {
    folder.write(
      "params: { x: 0 }\nstages:\n"
        + (1...count).map {
          "  s\($0): { run: \"\(command); echo \($0) ${x} > ${out.o}\", out: { o: o.txt } }\n"
        }.joined(),
      to: "brake.yaml")
  }

  private func make(_ text: String, _ arguments: String = "") throws -> Finished {
    folder.write(text, to: "Makefile")
    return try folder.shell("make \(arguments)")
  }

  @Test func `Under make brake runs as much at once as make allows, and gives all tokens back`() throws {
    stages(6, busy)
    let found = try make("all:\n\t+$(BRAKE) run\n", "-j3")
    #expect(found.status == 0, "\(found)")
    #expect(found.out.contains("6 ran"))
    #expect(!found.err.contains("INTERNAL"), "\(found.err)")
    #expect(most() == 3)
    // Alone it is one at a time.
    let serial = try make("all:\n\t+$(BRAKE) run x=1\n", "-j1")
    #expect(serial.status == 0, "\(serial)")
  }

  @Test func `What make runs itself counts, too`() throws {
    stages(5, busy)
    let found = try make(
      "all: a b c\na:\n\t+$(BRAKE) run\nb c:\n\t" + busy.replacingOccurrences(of: "$", with: "$$") + "\n",
      "-j2")
    #expect(found.status == 0, "\(found)")
    #expect(!found.err.contains("INTERNAL"), "\(found.err)")
    #expect(most() == 2)
  }

  @Test func `Tokens come back when stages fail, and when brake is stopped or killed`() throws {
    stages(4, "sleep 0.1; false")
    let failed = try make("all:\n\t+-$(BRAKE) run -k\n", "-j3")
    #expect(failed.status == 0, "\(failed)")
    #expect(!failed.err.contains("INTERNAL"), "\(failed.err)")
    for signal in ["TERM", "HUP", "KILL"] {
      stages(4, "touch \(notes["on"])-\(signal); sleep 30")
      let killed = try make(
        """
        all:
        \t+-sh -c '$(BRAKE) run & echo $$! > pid; wait $$!' & \\
        \twhile ! test -e \(notes["on"])-\(signal); do sleep 0.05; done; sleep 0.3; kill -\(signal) `cat pid`; wait; sleep 1

        """, "-j3")
      #expect(!killed.err.contains("INTERNAL"), "\(signal): \(killed.err)")
      #expect(killed.status == 0, "\(signal): \(killed)")
    }
  }

  @Test func `Without a plus before the command stages run one at a time, with a word`() throws {
    stages(3, busy)
    let found = try make("all:\n\t$(BRAKE) run\n", "-j3")
    #expect(found.status == 0, "\(found)")
    #expect(found.err.contains("put a + before the line of the recipe"))
    #expect(most() == 1)
    // What is asked for explicitly holds, whatever make says.
    #expect(try make("all:\n\t$(BRAKE) run -j3 x=1\n", "-j2").status == 0)
    #expect(most() == 3)
  }

  @Test func `A fifo is a jobserver, too`() throws {
    stages(5, busy)
    let found = try folder.shell(
      "mkfifo fifo; exec 9<>fifo; printf ++ >&9; MAKEFLAGS=\"-j3 --jobserver-auth=fifo:$PWD/fifo\" $BRAKE run; timeout 5 head -c 2 <&9"
    )
    #expect(found.status == 0, "\(found)")
    #expect(found.out.hasSuffix("++"))
    #expect(most() == 3)
  }

  @Test func `make in stages shares brake's places, and is no part of the key`() throws {
    let inner =
      "all: a b c d\na b c d:\n\t@" + busy.replacingOccurrences(of: "$", with: "$$") + "\n"
    folder.write(inner, to: "inner.mk")
    folder.write(
      """
      stages:
        one: { run: "make -f ${in.m} && echo > ${out.o}", in: { m: inner.mk }, out: { o: o.txt } }
        two: { run: "make -f ${in.m} all && echo > ${out.o}", in: { m: inner.mk }, out: { o: o.txt } }
      """, to: "brake.yaml")
    let found = try folder.brake("-j3")
    #expect(found.status == 0, "\(found)")
    #expect(most() == 3)
    #expect(!(try folder.brake("log", "one").out.contains("jobserver")))
    #expect(try folder.brake("-j4").out.contains("2 hit"))
    #expect(try folder.brake("-B", "-j1").status == 0)
    #expect(most() == 1)
    #expect(try make("all:\n\t+$(BRAKE) -B run\n", "-j3").status == 0)
    #expect(most() == 3)
  }
}
