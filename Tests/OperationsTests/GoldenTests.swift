import Actions
import Artefacts
import Compute
import JSON
import Operations
import Safetensors
import Testing

/// What each operation gave for a small fixed input at its revision. The bytes are part of what users share: results with
/// the same key must be the same. Where a change of the outputs is meant, raise the operation's revision and enter the
/// new digests here. (The input of curve.compare is made by the analysis: it moves with curve.fit.)
@Suite struct GoldenTests {
  struct Golden: Sendable {
    let operation: String
    let revision: Int
    let digests: [String: String]
  }

  static let table = [
    Golden(
      operation: "curve.import", revision: 1,
      digests: ["curves[a]": "8c919cea41a8d588ed31fd047d1d5d41d4ed6f115e78892351d31298d13c91ff"]),
    Golden(
      operation: "curve.generate", revision: 1,
      digests: ["curves[472M]": "491df744cf9ec05b28a55d73e3e0139d9c1addcf1d404aab466d8d4a1b43ccb2"]),
    Golden(
      operation: "curve.prepare", revision: 1,
      digests: ["prepared": "2c778e424e453bf5569094c03fbecfbaf6bc267829a8ac5e61854405b48f4209"]),
    Golden(
      operation: "curve.fit", revision: 4,
      digests: ["fit": "e4c13daaf0c9910c78a6aeb172363b64c1afc53370616b2a403849ba5c1015ba"]),
    Golden(
      operation: "curve.compare", revision: 1,
      digests: ["comparison": "4bdba58427ba05b41bd8d535720020c8e30e6eda70573dc8053b23dbeb56cd60"]),
    Golden(
      operation: "text.corpus", revision: 1,
      digests: [
        "documents": "be2dcc7af72c4c3f9e61787bdd987c26dec05ed43d6edfdfc47edd0c65781267",
        "statistics": "f5e554a29b782b43fd53589236ff164fd6361b2c9ce3f5f65ac7650e2f25c2ad",
      ]),
    Golden(
      operation: "text.synthesise", revision: 1,
      digests: [
        "text": "954f459422f1a10c0a59a933e2e62098d64b74af48dd8115ca7fc50c156b627b",
        "truth": "5cdf1eb9ddaafde6be81c73903ef46fc77aa639221bdbc0c8b9a4d6615d5b305",
      ]),
    Golden(
      operation: "text.tokenise", revision: 1,
      digests: [
        "train": "dbbdfce32ae388ec506feb26147bd4f2e81d705b198839effa86c2cfcbd76080",
        "validation": "ddaf66c75774ecb8d023604425e7a0f1189ea65594de37a7b59c3ce39f7bc65a",
        "statistics": "282700d88e9e3e734d0368a00411476fadb9e41f5455fbb82d6cdebe8cda6d36",
      ]),
    Golden(
      operation: "text.train-tokeniser", revision: 1,
      digests: [
        "vocabulary": "169f9bdf56f2f949ec8f5a54699aca9fa7cdc1fa34e145531b8d470afdb03032"
      ]),
    Golden(
      operation: "lm.train", revision: 1,
      digests: [
        "checkpoints": "6b73114af9b3fdcad0f615677faf830168adff1147095a4410286b9b46a12e5b",
        "states": "835a38b7f7e4375bca9be00b81b10e8af30d7c8d8b5f83c381b85e615a387491",
        "segments": "ece7171c328339223b65cd524a6cc70d93f203cd5ff81d0cfb1ad0eee501cdae",
      ]),
    Golden(
      operation: "zsl.decompose", revision: 1,
      digests: ["result": "664be58deea8ed152ced26f4ffcc6dfa32d59f56c6b7fdcb8ade09249dd6ad6f"]),
    Golden(
      operation: "zsl.losses", revision: 1,
      digests: [
        "changes": "42fc08d76396705f86a6b955ffeaede20bb9e2f1a7bdd61110957e5973204f36",
        "result": "3ac8d3aff3436b640982aca887a760f359e8a582ab941ed00db2bdd6069f64ec",
      ]),
    Golden(
      operation: "zsl.dissent", revision: 1,
      digests: [
        "result": "e51e5dcaef4cace238c20cf257801be079da005b857a3c0344da1b151b024f8a",
        "tokens": "d01f1fbc0c9b5d4cb9fbab9669dbc61ed129e435a1081932b99e7b4d84a80b4c",
      ]),
    Golden(
      operation: "zsl.step", revision: 1,
      digests: [
        "deltas[1]": "40c6d1aa7c2f924f44f7ed46e1d5dbbd17cfd40787f7f4da05aa55012e81d845",
        "deltas[2]": "8ea50f4600c9c3afd930e4f6947ecd36b44d6cafc51d04d23c1352578f4e9a97",
        "losses": "3967432b6a7441494ce96b437d29e89671fd6c6a2df8dcd1615a6590400016f4",
        "result": "8d026d11e9e7f0762c48d7427779653b6da09430ad37125a0845514db09f88b2",
      ]),
    Golden(
      operation: "zsl.sequences", revision: 2,
      digests: ["result": "4529965a19f514bf6ee62f8d08aa0cdb25740737b88741aff886e807a920612c"]),
    Golden(
      operation: "zsl.gradients", revision: 5,
      digests: [
        "result": "ddb07929be115bf0909805b2d76bc757e4061761cf2b72b9ccd657bf640af54b",
        "tokens": "3e9f0e8df3dc636581eb6223055142f2f812d3c93b07aad7d5cc9919797b6a64",
        "magnitudes": "aaec83b15a60f2d7218e88e06cdba26b38aa7f86213d91d785e6c656135caed1",
      ]),
    Golden(
      operation: "zsl.prediction", revision: 1,
      digests: ["result": "b1c0830341e41a9bb89792b3904e39413e1e8c7ed9bd179c91e8c2b255c78ec2"]),
    Golden(
      operation: "lm.losses", revision: 2,
      digests: [
        "losses": "9d415b9bff83cf793ada6559e3691cec9baccf5198e76717a5e0ec186760eb89",
        "summary": "e6e481a138c45b64b47222696b809d175e23f9909ba2ad0368f209ce58813080",
      ]),
    Golden(
      operation: "lm.info", revision: 1,
      digests: ["info": "64eddab09ba2688409aa9c76996d4641126c8155ad61688d558f53b952c133bb"]),
    Golden(
      operation: "lm.import", revision: 1,
      digests: ["checkpoint": "7318d2ecd6e717438c715ff6653de727b42262a671d3fe4260ddc4c7952bcd94"]),
    Golden(
      operation: "lm.generate", revision: 1,
      digests: ["text": "1ffcb36f66776a1032ad0ec75f758116d1b74616d0feda2d41569c98a90da1e4"]),
    Golden(
      operation: "lm.export", revision: 1,
      digests: ["model": "58ea1864a44f2904717d0b8a082a7454c7ee5d4de2bab5d1c1be2dbd06b2bf71"]),
  ]

  @Test func `The table has a row for every operation`() {
    #expect(Set(Self.table.map(\.operation)) == Set(Operations.all.map(\.name)))
  }

  @Test(arguments: table)
  func `Outputs change only with the revision`(golden: Golden) async throws {
    let operation = try #require(Operations.all.first { $0.name == golden.operation })
    let digests = try await Self.run(operation).digests
    if operation.revision == golden.revision {
      #expect(
        digests == golden.digests,
        "the outputs of \(golden.operation) changed: raise its revision above \(golden.revision), and enter it here"
      )
    } else {
      Issue.record("\(golden.operation) has revision \(operation.revision): enter it with \(digests)")
    }
  }

  static func run(_ operation: any Operation) async throws -> OperationRun {
    switch operation.name {
    case "curve.import":
      return try await OperationRun(
        operation, ["run": "a"],
        inputs: ["file": [(nil, Array("step,loss\n1,4\n2,nan\n3,2.5\n3,2.25\n".utf8))]])
    case "curve.generate":
      return try await OperationRun(operation, ["runs": ["472M"], "seed": 3])
    case "curve.prepare":
      return try await OperationRun(operation, inputs: ["curve": [(nil, curve("a").bytes)]])
    case "curve.fit":
      let prepared = try Preparation()(curve("a")).json.canonicalBytes
      return try await OperationRun(
        operation, ["bootstrap": 5, "starts": 5], inputs: ["curve": [(nil, prepared)]])
    case "text.corpus":
      return try await OperationRun(
        operation,
        inputs: [
          "texts": [("a", Array("one\u{1E}two\n\u{1E}".utf8) + [0xFF]), ("b", Array(#"{"text": "é"}"#.utf8))]
        ])
    case "text.synthesise":
      return try await OperationRun(operation, ["size": 10_000, "vocabulary": 100, "topics": 4])
    case "text.tokenise":
      return try await OperationRun(
        operation, ["validation": 0.2, "piece": 500], inputs: ["text": [(nil, Array(text.utf8))]])
    case "text.train-tokeniser":
      return try await OperationRun(
        operation, ["vocabulary": 320], inputs: ["text": [(nil, Array(text.utf8))]])
    case "lm.train":
      return try await Training(["steps": 2, "checkpoints": []]).links[0]
    case "lm.generate":
      return try await OperationRun(
        operation, ["prompt": "In", "length": 20],
        inputs: ["checkpoint": [(nil, Interchange.byteModel)]])
    case "lm.import":
      return try await OperationRun(operation, folders: ["model": Interchange.folder("gpt_neox", .float16)])
    case "lm.losses", "lm.info", "lm.export":
      let training = try await Training(["steps": 2, "checkpoints": []])
      let checkpoint = try #require(training.links[0].bytes("checkpoints"))
      let inputs = ["checkpoint": checkpoint, "tokens": Training.tokens]
      let names = operation.inputs.map(\.name)
      return try await OperationRun(
        operation, inputs: inputs.filter { names.contains($0.key) }.mapValues { [(nil, $0)] })
    case "zsl.sequences":
      return try await ZSLOperationsTests.Checkpoints().sequences(1)
    case "zsl.gradients":
      return try await ZSLOperationsTests.Checkpoints().gradients(1)
    case "zsl.prediction":
      return try await ZSLOperationsTests.Checkpoints().prediction(1)
    case "zsl.decompose":
      return try await ZSLOperationsTests.Checkpoints().decomposition()
    case "zsl.losses":
      return try await ZSLOperationsTests.Checkpoints().changes(0, 1)
    case "zsl.step":
      return try await ZSLOperationsTests.Checkpoints().step(1)
    case "zsl.dissent":
      return try await ZSLOperationsTests.Checkpoints().dissent(1)
    default:
      let fits = try ["a", "b"].map { run in
        let options = CurveAnalysis.Options(resamples: 0, starts: 5, cuts: [])
        return (run as String?, try CurveAnalysis.run(curve(run), options: options).json.canonicalBytes)
      }
      return try await OperationRun(
        operation, ["sizes": ["a": 1e6, "b": 2e6]], inputs: ["fits": fits.map { (key: $0.0, bytes: $0.1) }])
    }
  }

  static let text = (0..<200).map { "In the \($0 % 7). hall, \($0 * $0) hills.\n" }.joined()

  /// Falls as t^-1/4 to step 800 and as t^-1/16 from there. Made of sums, products, quotients and square roots alone, so
  /// that no library's last digit is in the table.
  static func curve(_ run: String) -> Curve {
    let steps = Array(1...4000)
    let losses = steps.map { step in
      let ratio = Double(step) / 800
      let root = ratio.squareRoot().squareRoot()
      let wiggle = Double((step * 7919) % 101) / 101 - 0.5
      return 3 / (ratio < 1 ? root : root.squareRoot().squareRoot()) + 0.02 * wiggle
    }
    return Curve(run: run, steps: steps, losses: losses)
  }
}
