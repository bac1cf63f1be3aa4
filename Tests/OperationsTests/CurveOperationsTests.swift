import Actions
import Compute
import Foundation
import JSON
import Operations
import Support
import System
import Testing

@Suite struct CurveOperationsTests {
  func operation(_ name: String) throws -> any Actions.Operation {
    try #require(Operations.all.first { $0.name == name })
  }

  func inputs(_ name: String, _ bytes: [UInt8]) -> [String: [(key: String?, bytes: [UInt8])]] {
    [name: [(nil, bytes)]]
  }

  @Test func `Every parameter, input and output is explained`() {
    for operation in Operations.all {
      #expect(!operation.summary.isEmpty && operation.revision > 0)
      let helps =
        operation.parameters.map(\.help) + operation.inputs.map(\.help) + operation.outputs.map(\.help)
      #expect(helps.allSatisfy { !$0.isEmpty }, "\(operation.name)")
    }
  }

  @Test func `From a file to a comparison, each operation reads what the one before wrote`() async throws {
    let losses = GoldenTests.curve("a").losses
    let file = (#"{"a": {"iter": \#(Array(1...4000)), "loss": \#(losses)}}"#).utf8
    let imported = try await OperationRun(operation("curve.import"), inputs: inputs("file", Array(file)))
    let curve = try #require(imported.bytes("curves", key: "a"))
    let prepared = try await OperationRun(operation("curve.prepare"), inputs: inputs("curve", curve))
    let points = try #require(prepared.bytes("prepared"))
    let fitted = try await OperationRun(
      operation("curve.fit"), ["bootstrap": 39, "starts": 5], inputs: inputs("curve", points))
    let fit = try #require(fitted.bytes("fit"))
    #expect(try CurveAnalysis(json: JSON(parsing: fit)).curve.run == "a")
    #expect(fitted.log.hasPrefix("a: "))
    let compared = try await OperationRun(operation("curve.compare"), inputs: ["fits": [("a", fit)]])
    let comparison = try CurveComparison(json: JSON(parsing: try #require(compared.bytes("comparison"))))
    #expect(comparison.rows.map(\.run) == ["a"])
  }

  @Test func `What the import finds stands in its log`() async throws {
    let run = try await OperationRun(
      operation("curve.import"), inputs: inputs("file", Array("step,loss\n1,4\n2,nan\n3,2\n".utf8)))
    #expect(run.log.contains("line 3: nan at step 2"))
    #expect(run.log.contains("2 points, 'loss' by 'step'"))
  }

  @Test func `A folder with the event files of a run is imported as one curve`() async throws {
    let place = URL(fileURLWithPath: #filePath).appending(path: "../../Fixtures/curves/events.tfevents")
    let events = [UInt8](try Data(contentsOf: place.standardized))
    let folder = ["events.out.tfevents.1.host": events, "hparams.yaml": Array("a: 1\n".utf8)]
    let run = try await OperationRun(operation("curve.import"), ["run": "a"], folders: ["file": folder])
    let curve = try Curve(bytes: try #require(run.bytes("curves", key: "a")))
    #expect(curve.steps == Array(1...40))
    #expect(run.log.contains("a: 40 points, 'train/loss' by 'step'"))
    let failure = await #expect(throws: Failure.self) {
      _ = try await OperationRun(operation("curve.import"), folders: ["file": ["hparams.yaml": [0x61]]])
    }
    #expect(failure?.headline.contains("holds no event files of TensorBoard") == true)
    let empty = await #expect(throws: Failure.self) {
      let folder = ["events.out.tfevents.1.host": [], "version_0/metrics.csv": Array("step,loss\n".utf8)]
      _ = try await OperationRun(operation("curve.import"), folders: ["file": folder])
    }
    #expect(empty?.hint == "give a file in it: version_0/metrics.csv")
  }

  @Test func `A warm-up that is given decides the verdict`() async throws {
    let prepared = try Preparation()(GoldenTests.curve("a")).json.canonicalBytes
    func verdict(_ warmup: Int64) async throws -> String? {
      let run = try await OperationRun(
        operation("curve.fit"), ["bootstrap": 0, "starts": 5, "warmup": .integer(warmup)],
        inputs: inputs("curve", prepared))
      return try JSON(parsing: try #require(run.bytes("fit")))["verdict"]?.string
    }
    #expect(try await verdict(0) == "deceleration")
    #expect(try await verdict(3000) == "warmup-break")
  }

  @Test func `Steps that no training has are refused`() throws {
    let fit = try operation("curve.fit")
    for name in ["skip", "warmup"] {
      _ = try ParameterValues([name: .integer(1 << 31)], declarations: fit.parameters)
      for step in [-1, 1 << 31 + 1, 4_000_000_000_000_000_000] as [Int64] {
        #expect(throws: ParameterError.self) {
          try ParameterValues([name: .integer(step)], declarations: fit.parameters)
        }
      }
    }
  }

  @Test func `The keys of generated curves are known before it runs`() async throws {
    let generate = try operation("curve.generate")
    let values = try ParameterValues(["runs": ["472M", "14M"]], declarations: generate.parameters)
    #expect(generate.keys(of: "curves", values) == ["472M", "14M"])
    #expect(throws: ParameterError.self) {
      try ParameterValues(["runs": ["1T"]], declarations: generate.parameters)
    }
  }

  @Test func `A prepared curve can be given a name, and a comparison takes sizes from models`() async throws {
    var (fits, models): ([(key: String?, bytes: [UInt8])], [(key: String?, bytes: [UInt8])]) = ([], [])
    for (key, size) in [("a", 100), ("b", 200)] {
      let steps = Array(1...400)
      let curve = Curve(run: "same", steps: steps, losses: steps.map { 1 + 9 / Double($0) })
      let prepared = try await OperationRun(
        operation("curve.prepare"), ["run": .string("run \(key)")], inputs: inputs("curve", curve.bytes))
      let fit = try await OperationRun(
        operation("curve.fit"), ["bootstrap": 0, "starts": 5],
        inputs: inputs("curve", #require(prepared.bytes("prepared"))))
      fits.append((key: key, bytes: try #require(fit.bytes("fit"))))
      models.append((key: key, bytes: Array("{\"non_embedding_parameters\": \(size)}".utf8)))
    }
    let compare = try operation("curve.compare")
    let comparison = try await OperationRun(compare, inputs: ["fits": fits, "models": models])
    let text = String(decoding: try #require(comparison.bytes("comparison")), as: UTF8.self)
    for part in ["run a", "run b", "100", "200"] { #expect(text.contains(part)) }

    for wrong in [[(key: "c", bytes: models[0].bytes)], [(key: "a", bytes: Array("{}".utf8))]]
      as [[(key: String?, bytes: [UInt8])]]
    {
      await #expect(throws: Failure.self) {
        try await OperationRun(compare, inputs: ["fits": fits, "models": wrong])
      }
    }
  }

  @Test(arguments: ["curve.prepare", "curve.fit"])
  func `Input of another kind is an error`(name: String) async throws {
    for text in ["", "{}", "step,loss\n1,2\n", "[1,"] {
      await #expect(throws: (any Error).self) {
        try await OperationRun(operation(name), inputs: inputs("curve", Array(text.utf8)))
      }
    }
  }
}

@Suite struct CurveFileTests {
  let folder = TemporaryFolder()
  let text = "step,loss\n" + (1...2000).map { "\($0),\(1 + 1 / Double($0))" }.joined(separator: "\n")

  func compressed(_ program: String, _ name: String) throws -> String {
    let source = folder.write(text, to: "run.csv")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["sh", "-c", "\(program) -c '\(source)' > '\(folder[name])'"]
    try process.run()
    process.waitUntilExit()
    return folder[name]
  }

  static func isInstalled(_ program: String) -> Bool {
    ["/usr/bin/", "/bin/", "/usr/local/bin/"].contains {
      FileManager.default.isExecutableFile(atPath: $0 + program)
    }
  }

  @Test(arguments: ["gzip", "xz", "zstd"].filter(isInstalled))
  func `Compressed files are told by their content`(program: String) async throws {
    let path = try compressed(program, "curve.csv")
    let curves = try await CurveFile.read(path: path)
    #expect(curves.map(\.run) == ["curve"])
    #expect(curves[0].steps == Array(1...2000))
  }

  @Test(.enabled(if: isInstalled("gzip")))
  func `A file cut short or damaged is an error that names it`() async throws {
    let path = try compressed("gzip", "a.gz")
    let bytes = try #require(folder.read("a.gz"))
    folder.write(Array(bytes.prefix(bytes.count / 2)), to: "a.gz")
    let error = await #expect(throws: Failure.self) { try await CurveFile.read(path: path) }
    #expect(error?.headline.hasPrefix(path) == true)
    #expect(error?.headline.contains("gzip cannot decompress it") == true)
  }

  @Test(.enabled(if: isInstalled("gzip")))
  func `A few bytes that hold a great many are refused before they fill the memory`() async throws {
    let path = folder.write(Array(repeating: UInt8(ascii: "a"), count: 70 << 20), to: "bomb.csv")
    let gzip = Process()
    gzip.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    gzip.arguments = ["gzip", "-1", path]
    try gzip.run()
    gzip.waitUntilExit()
    let error = await #expect(throws: Failure.self) { try await CurveFile.read(path: path + ".gz") }
    #expect(error?.headline.contains("hold more than") == true)
  }

  @Test func `A missing file, a folder and an empty file are errors`() async throws {
    let empty = folder.write("", to: "empty.csv")
    for (path, part) in [(folder["none.csv"], "No such file"), (folder.path, "not a file"), (empty, "empty")]
    {
      let error = await #expect(throws: Failure.self) { try await CurveFile.read(path: path) }
      #expect(error?.headline.contains(part) == true)
      #expect(error?.headline.hasPrefix(path) == true)
    }
  }
}
