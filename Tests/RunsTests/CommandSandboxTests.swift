import Foundation
import Support
import System
import Testing

@testable import Actions
@testable import Pipeline
@testable import Runners
@testable import Runs

/// What commands see and what they leave. Where bubblewrap does not work, what it alone can do is not tested.
@Suite struct CommandSandboxTests {
  @Test(.enabled(if: TestSandbox.works))
  func `A command that reads what it does not declare fails, and the file is named`() async throws {
    let workspace = try Workspace(
      """
      stages:
        absolute: { run: "cat @HERE/data.txt > ${out.out}", out: { out: o.txt } }
        inside: { run: "cat @HERE/folder/data.txt > ${out.out}", out: { out: o.txt } }
        relative: { run: "cat data.txt > ${out.out}", out: { out: o.txt } }
      """, files: ["data.txt": "one", "folder/data.txt": "two"])
    for (stage, file) in [
      ("absolute", "data.txt"), ("inside", "folder/data.txt"), ("relative", "data.txt"),
    ] {
      let summary = try await workspace.run([stage])
      let failure = try #require(summary.failures.first)
      #expect(failure.facts.contains { $0.label == "undeclared" && $0.value == file }, "\(failure)")
      #expect(failure.hint?.contains("under in:") == true)
    }
  }

  @Test(.enabled(if: TestSandbox.works), arguments: [1, 300])
  func `A command that cannot write to the workspace is told so, and not to declare what it writes`(
    entries: Int
  ) async throws {
    let workspace = try Workspace(
      """
      stages:
        note: { run: "echo x >> @HERE/\(entries > 200 ? "" : "folder/")notes.txt; echo > ${out.o}", out: { o: o.txt } }
        read: { run: "cat @HERE/folder/notes.txt > ${out.o}", out: { o: o.txt } }
      """, files: ["notes.txt": "1", "folder/notes.txt": "1"])
    for number in 0..<entries { workspace.folder.write("", to: "file\(number)") }
    let failure = try #require(try await workspace.run(["note"]).failures.first)
    #expect(!failure.facts.contains { $0.label == "undeclared" }, "\(failure)")
    #expect(failure.hint?.contains("declare what it makes under out:") == true, "\(failure)")
    #expect(failure.facts.contains { $0.label == "said" && $0.value.contains("notes.txt") })
    #expect(failure.facts.contains { $0 == ("entries there", "304") } == (entries > 200), "\(failure)")
    let unread = try #require(try await workspace.run(["read"]).failures.first)
    #expect(unread.facts.contains { $0 == ("undeclared", "folder/notes.txt") }, "\(unread)")
  }

  @Test(.enabled(if: TestSandbox.works))
  func `Without a sandbox, which a stage can ask for, the same command reads the file`() async throws {
    let workspace = try Workspace(
      """
      stages:
        look: { run: "cat @HERE/data.txt > ${out.out}", sandbox: false, out: { out: o.txt } }
      """, files: ["data.txt": "one"])
    #expect(try await workspace.output("look", of: workspace.run()) == "one")
  }

  @Test(.enabled(if: TestSandbox.works))
  func `What a command declares stands where it stands in the workspace, and cannot be written to`()
    async throws
  {
    let workspace = try Workspace(
      """
      stages:
        look:
          run: |
            cat @HERE/top.txt @HERE/folder/inner/one.txt @HERE/whole/a > ${out.out}
            ls @HERE/folder/inner >> ${out.out}
            ! echo x >> @HERE/top.txt; ! touch @HERE/folder/new
          in: { top: top.txt, one: folder/inner/one.txt, whole: whole }
          out: { out: o.txt }
      """,
      files: ["top.txt": "1", "folder/inner/one.txt": "2", "folder/inner/two.txt": "no", "whole/a": "3"])
    #expect(try await workspace.output("look", of: workspace.run()) == "123one.txt\n")
    #expect(workspace.text("top.txt") == "1")
  }

  @Test func `What commands add to files of the workspace or write there anew arrives there`() async throws {
    let workspace = try Workspace(
      """
      stages:
        write:
          run: |
            echo second >> @HERE/added; echo fresh > @HERE/anew; echo here > @HERE/new
            echo hi > ${out.out}
          out: { out: o.txt }
      """, files: ["added": "first\n", "anew": "something longer\n", "kept": "as it was\n"])
    #expect(try await workspace.run().failed == 0)
    #expect(workspace.text("added") == "first\nsecond\n")
    #expect(workspace.text("anew") == "fresh\n")
    #expect(workspace.text("new") == "here\n")
    #expect(workspace.text("kept") == "as it was\n")
  }

  @Test(.enabled(if: TestSandbox.works))
  func `A command has a network of its own unless its stage asks for the machine's`() async throws {
    let workspace = try Workspace(
      """
      stages:
        own: { run: "readlink /proc/self/ns/net > ${out.out}", out: { out: o.txt } }
        shared: { run: "readlink /proc/self/ns/net > ${out.out}", network: true, out: { out: o.txt } }
      """)
    let summary = try await workspace.run()
    let ours = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/net")
    #expect(try workspace.output("own", of: summary) != ours + "\n")
    #expect(try workspace.output("shared", of: summary) == ours + "\n")
  }

  @Test func `A command gets no open file of whoever runs it`() async throws {
    let workspace = try Workspace(
      #"stages: { a: { run: "ls /proc/self/fd | grep -cv '^[012]$' > ${out.out} || true", out: { out: o.txt } } }"#
    )
    var ends: [Int32] = [-1, -1]
    try #require(pipe(&ends) == 0)
    defer { for end in ends { close(end) } }
    // The folder that ls reads is one.
    #expect(try await workspace.output("a", of: workspace.run()) == "1\n")
  }

  @Test func `A temporary file can be made, and its folder is empty at the start`() async throws {
    let workspace = try Workspace(
      #"stages: { a: { run: "ls -A $TMPDIR; f=$(mktemp); echo hi > $f; cp $f ${out.out}", out: { out: o.txt } } }"#
    )
    #expect(try await workspace.output("a", of: workspace.run()) == "hi\n")
  }

  @Test func `Files that no one declared are said, and are an error only where the stage says so`()
    async throws
  {
    let workspace = try Workspace(
      """
      stages:
        said: { run: "mkdir logs; touch logs/a stray; echo hi > ${out.out}", out: { out: o.txt } }
        refused: { run: "touch stray; echo hi > ${out.out}", undeclared: error, out: { out: o.txt } }
      """)
    let events = Events()
    let summary = try await workspace.run(
      options: {
        var o = RunOptions(); o.keepGoing = true; return o
      }(), events: events)
    #expect(summary.ran == 1 && summary.failed == 1)
    let notes = events.all.compactMap { if case .note(let text) = $0 { text } else { nil } }
    #expect(notes.contains { $0.hasPrefix("said: ") && $0.contains("logs/a, stray") }, "\(notes)")
    #expect(summary.failures.first?.facts.contains { $0.value == "stray" } == true)
  }
}

@Suite struct FailedActionTests {
  private let pipeline = """
    params: { how: fails }
    stages:
      train:
        run: |
          mkdir -p ckpt deep/empty; echo weights > ckpt/300; cat ${in.data} > ckpt/data
          echo "step 300"
          test -e @HERE/go
          echo done > ${out.out}
        in: { data: data.txt }
        out: { out: o.txt }
        sandbox: false
    """

  private func kept(_ workspace: Workspace) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: workspace.folder["cache/failed"])) ?? []).sorted()
  }

  @Test func `What a failed command had written is kept and shown until its stage succeeds`() async throws {
    let workspace = try Workspace(pipeline, files: ["data.txt": "input"])
    let summary = try await workspace.run()
    let work = try #require(summary.failures.first?.facts.first { $0.label == "what it left" }?.value)
    #expect(workspace.folder.read("cache/failed/\(kept(workspace)[0])/work/ckpt/300") != nil)
    #expect(FileManager.default.fileExists(atPath: work + "/ckpt/data"))
    #expect(!FileManager.default.fileExists(atPath: work + "/data.txt"), "inputs are not kept")
    let status = try await workspace.engine().status(targets: [])
    #expect(status.first?.leftover == work)
    let log = try #require(try await workspace.engine().logs(targets: []).first)
    guard case .failed(_, work) = log.place else { throw PipelineError("\(log.place)") }

    workspace.folder.write("", to: "go")
    #expect(try await workspace.run().ran == 1)
    #expect(kept(workspace) == [])
  }

  @Test func `What had been written is kept whatever else stands beside it`() async throws {
    let workspace = try Workspace(
      #"stages: { s: { run: "echo hours > m.pt; echo x > $'s\xff'; false", out: { m: m.pt } } }"#)
    let summary = try await workspace.run()
    let work = try #require(summary.failures.first?.facts.first { $0.label == "what it left" }?.value)
    #expect(FileManager.default.contents(atPath: work + "/m.pt") == Data("hours\n".utf8))
  }

  @Test func `Of an action the newest three failures are kept, and what others had written is not lost`()
    async throws
  {
    let workspace = try Workspace(pipeline, files: ["data.txt": "input"])
    for _ in 0..<5 { _ = try await workspace.run() }
    #expect(kept(workspace).count == 3)
    for number in 0..<9 {
      workspace.folder.write("input \(number)", to: "data.txt")
      _ = try await workspace.run([], [("how", "other")])
    }
    #expect(kept(workspace).count == 8)
    #expect(kept(workspace).contains { $0.hasSuffix("-14") })
  }

  @Test func `The middle of a log that nobody could read is left out`() throws {
    let folder = TemporaryFolder()
    let line = [UInt8](repeating: UInt8(ascii: "x"), count: 99) + [UInt8(ascii: "\n")]
    let bytes =
      Array("begin\n".utf8) + Array(repeatElement(line, count: 400_000).joined()) + Array("end\n".utf8)
    let path = folder.write(bytes, to: "log")
    LongLog.shorten(path, files: LocalFileSystem())
    let short = try #require(folder.read("log"))
    #expect(short.count < 33 << 20)
    #expect(short.starts(with: "begin\n".utf8) && short.suffix(4).elementsEqual("end\n".utf8))
    #expect(String(decoding: short[(1 << 20)...].prefix(200), as: UTF8.self).contains("bytes are left out"))
  }

  @Test func `While a stage runs its log can be read, also by others`() async throws {
    let workspace = try Workspace(
      """
      stages:
        slow:
          run: "echo so far; touch @HERE/started; while [ ! -e @HERE/go ]; do sleep 0.02; done; echo ${out.out} > ${out.out}"
          out: { out: o.txt }
      """)
    async let summary = workspace.run()
    while workspace.folder.read("started") == nil { try await Task.sleep(for: .milliseconds(10)) }
    let log = try #require(try await workspace.engine().logs(targets: []).first)
    var text = ""
    try log.stream { text += String(decoding: $0, as: UTF8.self) }
    #expect(text == "so far\n")
    #expect(log.isRunning)
    workspace.folder.write("", to: "go")
    #expect(try await summary.ran == 1)
    #expect(!log.isRunning)
    #expect(try await workspace.engine().logs(targets: []).first.map { $0.place != .none } == true)
  }
}

@Suite struct ChangedInputTests {
  /// Does something when a stage starts.
  private func run(_ workspace: Workspace, when stage: String, _ body: @escaping @Sendable () -> Void)
    async throws
    -> RunSummary
  {
    var options = RunOptions()
    options.jobs = 1
    return try await workspace.engine().run(targets: [], options: options) {
      if case .started(stage) = $0 { body() }
    }
  }

  @Test(arguments: ["text.txt", "folder/text.txt"])
  func `A source that is edited before its command gets it makes another action`(file: String) async throws {
    let source = String(file.split(separator: "/")[0])
    let workspace = try Workspace(
      """
      stages:
        first: { run: "echo 1 > ${out.out}", out: { out: o.txt } }
        use: { run: "cat \(file) > ${out.out}", in: { t: \(source) }, out: { out: o.txt } }
      """, files: [file: "OLD"])
    let folder = workspace.folder
    let summary = try await run(workspace, when: "first") { folder.write("NEW!", to: file) }
    #expect(try workspace.output("use", of: summary) == "NEW!")
    folder.write("OLD", to: file)
    #expect(try await workspace.output("use", of: workspace.run()) == "OLD")
  }

  @Test func `A source that is edited while its command runs costs nothing that the command made`()
    async throws
  {
    let workspace = try Workspace(
      """
      stages:
        use:
          run: "touch @HERE/started; while [ ! -e @HERE/go ]; do sleep 0.02; done; cat ${in.t} > ${out.out}"
          in: { t: text.txt }
          out: { out: o.txt }
      """, files: ["text.txt": "OLD"])
    async let summary = workspace.run()
    while workspace.folder.read("started") == nil { try await Task.sleep(for: .milliseconds(10)) }
    workspace.folder.write("NEW!", to: "text.txt")
    workspace.folder.write("", to: "go")
    #expect(try await workspace.output("use", of: summary) == "OLD")
    #expect(try await workspace.run().ran == 1, "the new text is another action")
  }
}

@Suite struct FolderInputTests {
  @Test func `A folder that holds the store is no input, and nothing is copied`() async throws {
    let workspace = try Workspace(
      "stages: { use: { run: 'ls > ${out.out}', in: { all: . }, out: { out: o.txt } } }", files: ["a": "a"])
    for _ in 1...2 {
      let failure = try #require(try await workspace.run().failures.first)
      #expect(failure.headline.contains("holds the store"), "\(failure)")
      workspace.folder.write("brake store 1\n", to: "cache/format")
    }
  }
}

@Suite struct ScratchTests {
  @Test func `A command may leave whatever it likes, and tmp is empty afterwards`() async throws {
    let workspace = try Workspace(
      #"""
      stages:
        s:
          run: |
            touch $'\xff\xfe'; long=$(printf 'x%.0s' {1..250})
            (for i in {1..30}; do mkdir $long; cd $long; done; touch end)
            mkdir locked; touch locked/x; chmod 0 locked
            echo hi > ${out.out}
          out: { out: o.txt }
      """#)
    #expect(try await workspace.run().ran == 1)
    let scratch = FileManager.default.enumerator(atPath: workspace.folder["cache/tmp"])?.allObjects ?? []
    #expect(!scratch.contains { "\($0)".hasSuffix("/work") }, "\(scratch)")
  }
}
