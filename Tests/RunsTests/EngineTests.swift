import Artefacts
import Foundation
import JSON
import PlanSupport
import Support
import Testing

@testable import Actions
@testable import Pipeline
@testable import Runs

private let chain = """
  stages:
    first:
      run: head -c 4 ${in.text} > ${out.out}
      in: { text: source.txt }
      out: { out: first.txt }
    second:
      run: cat ${in.first} ${in.first} > ${out.out}
      in: { first: first }
      out: { out: second.txt }
      publish: results/
  default: [second]
  """

@Suite struct EngineTests {
  @Test func `A second run executes nothing`() async throws {
    let workspace = try Workspace(chain, files: ["source.txt": "abcdef"])
    let first = try await workspace.run()
    #expect((first.planned, first.ran, first.hit) == (2, 2, 0))
    #expect(try workspace.output("second", of: first) == "abcdabcd")
    let second = try await workspace.run()
    #expect((second.planned, second.ran, second.hit) == (2, 0, 2))
    #expect(second.outputs == first.outputs)
  }

  @Test func `A touched source runs nothing`() async throws {
    let workspace = try Workspace(chain, files: ["source.txt": "abcdef"])
    try await workspace.run()
    workspace.folder.write("abcdef", to: "source.txt")
    #expect(try await workspace.run().ran == 0)
  }

  @Test func `A change that ends in the same bytes stops there`() async throws {
    let workspace = try Workspace(chain, files: ["source.txt": "abcdef"])
    try await workspace.run()
    workspace.folder.write("abcdXYZ", to: "source.txt")
    let events = Events()
    #expect(try await workspace.run(events: events).ran == 1)
    #expect(events.ran == ["first"])
  }

  @Test func `Undoing an edit costs nothing`() async throws {
    let workspace = try Workspace(chain, files: ["source.txt": "abcdef"])
    try await workspace.run()
    workspace.folder.write("1234", to: "source.txt")
    #expect(try await workspace.run().ran == 2)
    workspace.folder.write("abcdef", to: "source.txt")
    #expect(try await workspace.run().ran == 0)
    #expect(workspace.text("results/second.txt") == "abcdabcd")
  }

  @Test func `Deleted outputs come back without running anything`() async throws {
    let workspace = try Workspace(chain, files: ["source.txt": "abcdef"])
    try await workspace.run()
    try FileManager.default.removeItem(atPath: workspace.folder["results"])
    #expect(try await workspace.run().ran == 0)
    #expect(workspace.text("results/second.txt") == "abcdabcd")
  }

  @Test func `A published file that was changed by hand is kept in the store before it is replaced`()
    async throws
  {
    let workspace = try Workspace(chain, files: ["source.txt": "abcdef"])
    try await workspace.run()
    try FileManager.default.removeItem(atPath: workspace.folder["results/second.txt"])
    workspace.folder.write("my own notes", to: "results/second.txt")
    let events = Events()
    try await workspace.run(events: events)
    #expect(workspace.text("results/second.txt") == "abcdabcd")
    let kept = Digest(of: Array("my own notes".utf8))
    #expect(events.notes.contains { $0.contains(kept.description) })
    #expect(try workspace.store.bytes(of: kept) == Array("my own notes".utf8))
  }

  @Test func `Renaming a stage runs nothing`() async throws {
    let workspace = try Workspace(chain, files: ["source.txt": "abcdef"])
    try await workspace.run()
    workspace.folder.write(
      chain.replacingOccurrences(of: "second:", with: "doubled:")
        .replacingOccurrences(of: "default: [second]", with: "default: [doubled]"), to: "brake.yaml")
    #expect(try await workspace.run().ran == 0)
  }

  @Test func `-B runs every stage again`() async throws {
    let workspace = try Workspace(chain, files: ["source.txt": "abcdef"])
    try await workspace.run()
    var options = RunOptions()
    options.always = true
    #expect(try await workspace.run(options: options).ran == 2)
  }

  @Test func `Only the parameters of an operation are in its key`() async throws {
    let workspace = try Workspace(
      """
      params: { times: 3, unused: 1 }
      stages:
        r: { op: text.repeat, in: { text: source.txt }, with: { times: "${times}" } }
      """, files: ["source.txt": "x"])
    #expect(try workspace.output("r", of: try await workspace.run()) == "xxx")
    #expect(try await workspace.run([], [("unused", "2")]).ran == 0)
    #expect(try workspace.output("r", of: try await workspace.run([], [("times", "1")])) == "x")
    #expect(try await workspace.run([], [("times", "3")]).ran == 0)
  }

  @Test func `A stage over the keys of another's output expands when they are known`() async throws {
    let workspace = try Workspace(
      """
      stages:
        split: { op: text.split, in: { text: source.txt } }
        each:
          for: { part: split.parts }
          op: text.repeat
          in: { text: "split.parts[${part}]" }
        all:
          run: cat ${in.parts} > ${out.out}
          in: { parts: each }
          out: { out: all.txt }
      default: [all]
      """, files: ["source.txt": "b 1\na 2\n"])
    let first = try await workspace.run()
    #expect(try workspace.output("all", of: first) == "1122")
    #expect(first.ran == 4)
    workspace.folder.write("b 1\na 2\nc 3\n", to: "source.txt")
    let second = try await workspace.run()
    #expect(try workspace.output("all", of: second) == "112233")
    #expect((second.ran, second.hit) == (3, 2))
  }

  @Test func `A folder is an input and an output like a file`() async throws {
    let workspace = try Workspace(
      """
      stages:
        copy:
          run: mkdir copy && cp -r ${in.data}/. copy/
          in: { data: data }
          out: { out: copy }
          publish: results/
      """, files: ["data/a.txt": "1", "data/deep/b.txt": "2"])
    try await workspace.run()
    #expect(workspace.text("results/copy/deep/b.txt") == "2")
    workspace.folder.write("3", to: "data/deep/b.txt")
    #expect(try await workspace.run().ran == 1)
    #expect(workspace.text("results/copy/deep/b.txt") == "3")
  }

  @Test func `Commands see declared variables, handed-through ones, and nothing else`() async throws {
    let workspace = try Workspace(
      """
      stages:
        env:
          run: env | cut -d= -f1 | sort > ${out.out}
          env: { GREETING: hello }
          pass-env: [BRAKE_TEST_PASSED]
          out: { out: env.txt }
      """)
    setenv("BRAKE_TEST_PASSED", "1", 1)
    setenv("BRAKE_TEST_HIDDEN", "1", 1)
    let names = try workspace.output("env", of: try await workspace.run()).split(separator: "\n")
    #expect(names.contains("GREETING") && names.contains("BRAKE_TEST_PASSED"))
    #expect(!names.contains("BRAKE_TEST_HIDDEN"))
    setenv("BRAKE_TEST_PASSED", "2", 1)
    #expect(try await workspace.run().ran == 0)
  }

  @Test func `Commands are told how many threads to use where their stage says how many cores they have`()
    async throws
  {
    let workspace = try Workspace(
      """
      stages:
        declared: { cores: 3, run: 'echo $OMP_NUM_THREADS > ${out.out}', out: { out: o.txt } }
        silent: { run: 'echo "$${OMP_NUM_THREADS-unset}" > ${out.out}', out: { out: o.txt } }
        own: { cores: 3, env: { OMP_NUM_THREADS: 2 }, run: 'echo $OMP_NUM_THREADS > ${out.out}', out: { out: o.txt } }
      """)
    let summary = try await workspace.run()
    for (stage, number) in [("declared", "3"), ("silent", "unset"), ("own", "2")] {
      #expect(try workspace.output(stage, of: summary) == number + "\n", "\(stage)")
    }
  }

  @Test func `A source that is a stage's and a file's name is refused before anything runs`() async throws {
    func pipeline(_ source: String) -> String {
      """
      stages:
        train: { run: "echo stage > ${out.py}", out: { py: o.py } }
        use: { run: "cat ${in.s} > ${out.o}", in: { s: "\(source)" }, out: { o: o.txt }, publish: { o: out } }
        out: { run: "cat ${in.o} > ${out.o}", in: { o: use }, out: { o: o.txt } }
        end: { run: "cat ${in.o} > ${out.o}", in: { o: out }, out: { o: o.txt } }
      default: [end]
      """
    }
    let workspace = try Workspace(pipeline("train.py"), files: ["train.py": "file\n"])
    for source in ["train.py", "train"] {
      workspace.folder.write(pipeline(source), to: "brake.yaml")
      if source == "train" { workspace.folder.write("", to: "train/x") }
      let error = await #expect(throws: PipelineError.self) { try await workspace.run() }
      #expect(error?.headline.hasPrefix("'\(source)' is both") == true, "\(String(describing: error))")
      #expect(error?.position?.line == 3)
      #expect(error?.hint?.contains("write \(source == "train" ? "train[*]" : "train[*].py") for") == true)
      #expect(error?.hint?.contains("./\(source) for") == true)
    }
    for (source, text) in [("train[*].py", "stage\n"), ("train[*]", "stage\n"), ("./train.py", "file\n")] {
      workspace.folder.write(pipeline(source), to: "brake.yaml")
      // Twice: what the plan publishes, here as 'out', is no other meaning of the stage's name.
      for _ in 0..<2 { #expect(try workspace.output("end", "o", of: try await workspace.run()) == text) }
    }
  }

  @Test func `Independent stages run side by side`() async throws {
    let workspace = try Workspace(
      """
      stages:
        a: { run: "echo a > ${out.out}; for i in $(seq 100); do test -e @HERE/b && exit 0; touch @HERE/a; sleep 0.05; done; exit 1", out: { out: a.txt } }
        b: { run: "echo b > ${out.out}; for i in $(seq 100); do test -e @HERE/a && touch @HERE/b && exit 0; sleep 0.05; done; exit 1", out: { out: b.txt } }
      """)
    var options = RunOptions()
    options.jobs = 2
    #expect(try await workspace.run(options: options).ran == 2)
  }
}
