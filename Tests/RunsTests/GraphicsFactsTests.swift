import Artefacts
import Foundation
import JSON
import Pipeline
import Support
import System
import Testing

@testable import Actions
@testable import Runners
@testable import Runs

/// What NVIDIA's driver says of itself. The texts are what `nvidia-smi` printed with three drivers, cut after their heads: the table by
/// `--query-gpu`, whose form its manual describes (https://docs.nvidia.com/deploy/nvidia-smi), and the frame that it draws by itself.
@Suite struct GraphicsFactsTests {
  private static let overview550 = """
    Wed Jan 24 15:18:40 2024       
    +-----------------------------------------------------------------------------------------+
    | NVIDIA-SMI 550.40.07              Driver Version: 550.40.07      CUDA Version: 12.4     |
    |-----------------------------------------+------------------------+----------------------+
    | GPU  Name                 Persistence-M | Bus-Id          Disp.A | Volatile Uncorr. ECC |
    """
  /// From this driver on it is called otherwise.
  private static let overview610 = """
    +-----------------------------------------------------------------------------------------+
    | NVIDIA-SMI 610.43.03              KMD Version: 610.43.03     CUDA UMD Version: 13.3     |
    |-----------------------------------------+------------------------+----------------------+
    """
  /// Before CUDA was said at all.
  private static let overview331 = """
    +------------------------------------------------------+                       
    | NVIDIA-SMI 331.62     Driver Version: 331.62         |                       
    |-------------------------------+----------------------+----------------------+
    """

  @Test func `Kinds, driver and CUDA are read`() throws {
    let one = try #require(
      GraphicsFacts(table: "NVIDIA GeForce RTX 4070, 550.40.07\n", overview: Self.overview550))
    #expect(one.kinds == ["NVIDIA GeForce RTX 4070": 1])
    #expect(one.driver == "550.40.07" && one.cuda == "12.4")
    #expect(one.words == "NVIDIA GeForce RTX 4070, driver 550.40.07 (CUDA up to 12.4)")
    let rows = "NVIDIA H100 80GB HBM3, 610.43.03\n"
    let several = try #require(
      GraphicsFacts(
        table: rows + "NVIDIA A100-SXM4-40GB, 610.43.03\n" + rows, overview: Self.overview610))
    #expect(several.kinds == ["NVIDIA A100-SXM4-40GB": 1, "NVIDIA H100 80GB HBM3": 2])
    #expect(several.cuda == "13.3")
    #expect(several.words.hasPrefix("NVIDIA A100-SXM4-40GB and 2 NVIDIA H100 80GB HBM3, driver 610.43.03"))
    let old = try #require(GraphicsFacts(table: "GeForce GTX 680, 331.62\n", overview: Self.overview331))
    #expect(old.cuda == nil && old.words == "GeForce GTX 680, driver 331.62")
    for facts in [one, several, old] { #expect(GraphicsFacts(facts.json) == facts) }
  }

  @Test(arguments: [
    "", "No devices were found\n",
    "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest NVIDIA driver is installed and running.\n",
    "Failed to initialize NVML: Driver/library version mismatch\n", "[N/A], 550.40.07\n",
    "NVIDIA A100, 550.40.07\nUnable to determine the device handle for GPU 0000:0A:00.0: Unknown Error\n",
    "A\u{1B}[31m, 550.40.07\n", String(repeating: "A", count: 1000) + ", 550\n",
    String(repeating: "A, 550\n", count: 300), "A, 550\nB, 551\n",
  ])
  func `What is no table of processors says nothing`(text: String) {
    #expect(GraphicsFacts(table: text, overview: Self.overview550) == nil)
  }

  /// A program that prints what the driver's does, and a line to a file with each question.
  private func driver(_ body: String, in folder: TemporaryFolder) throws -> String {
    let script = "#!/bin/sh\necho \"$*\" >> \(folder["questions"])\n\(body)\n"
    folder.write(script, to: "bin/nvidia-smi")
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o755], ofItemAtPath: folder["bin/nvidia-smi"])
    return folder["bin"]
  }

  private static let answers = """
    if [ "$1" = --query-gpu=name,driver_version ] && [ "$2" = --format=csv,noheader ]; then
    echo 'NVIDIA A100-SXM4-40GB, 550.40.07'
    else
    echo '| NVIDIA-SMI 550.40.07              Driver Version: 550.40.07      CUDA Version: 12.4     |'
    fi
    """

  @Test func `A stage that asks for GPUs has them noted beside its record, and not in its key`() async throws
  {
    let workspace = try Workspace(
      """
      stages:
        with: { gpus: 1, run: "echo 1 > ${out.out}", out: { out: o.txt } }
        again: { gpus: 2, run: "echo 2 > ${out.out}", out: { out: o.txt } }
        without: { run: "echo 3 > ${out.out}", out: { out: o.txt } }
      """)
    var engine = try workspace.engine()
    engine.graphics = GraphicsQuestion(searchPath: try driver(Self.answers, in: workspace.folder))
    let summary = try await engine.run(targets: [])
    try #require(summary.failures.isEmpty, "\(summary.failures)")
    for (stage, isNoted) in [("with", true), ("again", true), ("without", false)] {
      let digest = try #require(Digest(summary.outputs[stage]?["out"]?.string ?? ""))
      let maker = try #require(try Lineage(of: digest, in: workspace.store).makers[digest])
      #expect((maker.making?.graphics?.kinds == ["NVIDIA A100-SXM4-40GB": 1]) == isNoted, "\(stage)")
      #expect(!maker.record.manifest.canonical.contains("A100"))
    }
    let questions = workspace.text("questions")?.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(questions == ["--query-gpu=name,driver_version --format=csv,noheader", "", ""])
    // Elsewhere the same stage is the same action.
    engine.graphics = GraphicsQuestion(searchPath: workspace.folder["none"])
    #expect(try await engine.run(targets: []).hit == 3)
  }

  @Test func `A job on another machine tells of the GPUs that are there`() async throws {
    let folder = TemporaryFolder()
    let store = try Store(at: folder["store"])
    try store.make()
    func told(by resources: Resources) async throws -> JSON? {
      let action = Action(
        name: "train", position: Position(file: "brake.yaml", line: 3, column: 5),
        work: .command(
          ActionCommand(
            text: "echo > o.txt", shell: CommandShell(["sh", "-c"])!, environment: [:], passed: [],
            sandbox: false, network: false, refusesUndeclared: false, stdin: nil, ending: CommandEnding())),
        inputs: [], outputs: [OutputDeclaration("o", file: "o.txt", keyed: false, help: "")],
        resources: resources, manifest: ["command": "echo"])
      let scratch = try Scratch(in: store)
      let ticket = ActionTicket(in: scratch.path, files: scratch.files)
      try ticket.write(action, root: folder.path, store: folder["store"], threads: 1, version: brakeVersion)
      try ticket.assign("one")
      var execution = TicketExecution(
        folder: scratch.path, job: "one", registry: OperationRegistry([]), guardExecutable: nil)
      execution.graphics = GraphicsQuestion(searchPath: try driver(Self.answers, in: folder))
      #expect(try await execution.run())
      let notes = ActionNotes()
      _ = try ticket.answer(notes)
      return notes.graphics
    }
    let facts = try await told(by: Resources(gpus: 1)).flatMap(GraphicsFacts.init)
    #expect(facts?.kinds == ["NVIDIA A100-SXM4-40GB": 1] && facts?.cuda == "12.4")
    #expect(try await told(by: .undeclared) == nil)
  }

  @Test(arguments: ["exit 9", "echo x; /bin/sleep 600", "while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaa; done"])
  func `A driver that fails, hangs or never stops printing is not waited for`(body: String) throws {
    let folder = TemporaryFolder()
    let question = GraphicsQuestion(
      searchPath: try driver(body, in: folder), time: .milliseconds(body.hasPrefix("echo") ? 300 : 30_000))
    #expect(question.facts() == nil)
    #expect(question.facts() == nil)
    #expect(folder.read("questions").map { $0.count { $0 == UInt8(ascii: "\n") } } == 1)
  }
}
