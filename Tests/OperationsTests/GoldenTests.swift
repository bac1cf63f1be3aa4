import Actions
import Artefacts
import Compute
import JSON
import Operations
import Safetensors
import Testing

/// What each operation gave for a small fixed input at its revision. The bytes are part of what users share: results with
/// the same key must be the same. Where a change of the outputs is meant, raise the operation's revision and enter the
/// new digests here. (The input of curve.compare is made by the analysis: it moves with curve.fit. Those of operations on
/// models are made by lm.train or by random weights, and move with these.)
@Suite struct GoldenTests {
  struct Golden: Sendable, CustomTestStringConvertible {
    let operation: String
    /// A method that is not the default, where an operation has several.
    var method: String?
    let revision: Int
    let digests: [String: String]

    var testDescription: String { operation + (method.map { ", " + $0 } ?? "") }
  }

  static let table = [
    Golden(
      operation: "curve.import", revision: 8,
      digests: ["curves[a]": "26e0b75ff22d45dba8ffee5e7bdae5b5134f27a78b69efc2677a866e7b03c839"]),
    Golden(
      operation: "curve.generate", revision: 2,
      digests: ["curves[472M]": "019d15e382ca21d8534001997a31bebb699fac08ba2b80b6796c5d51c693227f"]),
    Golden(
      operation: "curve.prepare", revision: 4,
      digests: ["prepared": "6ccac047cca3674286fb1729698598f1aa3b0f16761f0a62cbcb4e04d1e08b5a"]),
    Golden(
      operation: "curve.fit", revision: 15,
      digests: ["fit": "4cbd50dd8a8f0fab1030b2e9d61ce7ef04280fd46ed89e40ab54ebc11013673a"]),
    Golden(
      operation: "curve.compare", revision: 2,
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
      operation: "lm.train", revision: 3,
      digests: [
        "checkpoints": "d9dee457bed411c7fb01db0e11db0c5adae1ea1d9c910f612c6d1e9cda42ffcd",
        "states": "e337506529d66eb65de965135c94fffd9a6e2f44ed5eac734a496eaeb9c65a2e",
        "segments": "ad550cfa02f5c73b5316545a81d5fb14c174f83f7ca49988cb6ece1fbcc2a582",
      ]),
    Golden(
      operation: "zsl.decompose", revision: 8,
      digests: ["result": "7b79bc4c7e3ae7e98e407ff77c74b0359531d93243d12f1dde5830d897f4968b"]),
    Golden(
      operation: "zsl.losses", revision: 7,
      digests: [
        "changes": "8022e06436581a282e9c35deb38d1cc5fef2d6abc88abe6902a02a411e2fdaa8",
        "result": "e39ca647712570c10fa27622ca013094af8c805ce68ea63736934bb085f81528",
      ]),
    Golden(
      operation: "zsl.dissent", revision: 6,
      digests: [
        "result": "5d1c6b078ee0f71e5b5c3ab59c841a756215f25d4ce077830c1bb908e2a5dced",
        "tokens": "5adb581d2b92c520ea23b3350cd99b115eb5f858854f077a4991f5e1846a0d4b",
      ]),
    Golden(
      operation: "zsl.step", revision: 1,
      digests: [
        "deltas[1]": "f67104ca9bf040e3404b794ecf8cabb0576a901939c4ce6b8e8c4d7ae78584d2",
        "deltas[2]": "c9b260eabef5cb3352b78bcb5d9641a0850308d3f9798d94e286a15e14d29587",
        "losses": "d43f5f4b6f08bb4aef8f35fa7c4dab3ff85c4ed82a2918265c0e9abb8dac0232",
        "result": "e8be7e2beea4566e860a86ca50197f3bd745201dac805f24ed208516a02a3cde",
      ]),
    Golden(
      operation: "zsl.alignment", revision: 2,
      digests: ["result": "fe92dc00be3d24a8c60daa01de9934f72714b561ce3dcb61dcd9965bd583ecfc"]),
    Golden(
      operation: "weights.spectra", revision: 2,
      digests: [
        "result": "d7a0b7911552901fa07650175d88c3608f9e8df6143a88b78def937b254fd0b2",
        "values": "fe989d755914eedbfdef7936cb5b73246b88642628090d23b8d95759c7df36a1",
      ]),
    Golden(
      operation: "zsl.gradients", revision: 7,
      digests: [
        "result": "f6bbd499451fef8f4e27320d9fc4bb59bb130662f10c6fbed2237c9b4c71b935",
        "tokens": "2516cf5321bc7193e053ed13bae78afa4044edd9d32b48cd3c2c9c71bdea4476",
        "magnitudes": "9b3fef473a7224a21f62a54b16a6f7e04a3055296c88cce8887133452a3a6eed",
      ]),
    Golden(
      operation: "zsl.gradients", method: "sampled", revision: 7,
      digests: [
        "result": "d88011c2bdc9f9a96dcc3031581e1981efe22bf3eb4c889d6db8dcca3b3bc392",
        "tokens": "2d4ac56ec6b5d90093acc1bf5e7435ad92f49b3aae32cc8a1ef9919314ea48b7",
        "magnitudes": "f1d25fb9e5b20d60baf55ddd8884ea78d4a279d0c8ed8e80ad12fa6381c1d3ad",
      ]),
    Golden(
      operation: "zsl.gradients", method: "proxy", revision: 7,
      digests: [
        "result": "3f071006b7228ef36344731acc57c026546af73b4f0ca0aa8c6cd3969fc9759a",
        "tokens": "1809646d6737255735fe9525012d61ad7868714b546cf84e43d16e52bfdeb749",
        "magnitudes": "c4165316e2b58686a0fddde5dd2e9d14dddc1831ac79705825cb251ee182797e",
      ]),
    Golden(
      operation: "zsl.prediction", revision: 2,
      digests: ["result": "8e17d7c3ba1844fb75aefe2b5751b0b9eee67daec4b08dd22192a60bff6b4235"]),
    Golden(
      operation: "lm.losses", revision: 2,
      digests: [
        "losses": "048222130fc1194df09b78d930b3e72a24b5a3753f2e14499c5e72644fe417b9",
        "summary": "c1da4bc4bdff5c6c037fc6a238afb58336e0c2bbbfa7723748a64a14b159907f",
      ]),
    Golden(
      operation: "lm.info", revision: 1,
      digests: ["info": "e37076c94b9b1a24c6a9536abc8c7242252cf04c246cf2431b319793d4512087"]),
    Golden(
      operation: "lm.import", revision: 2,
      digests: ["checkpoint": "357a78c994b6688b59cb0430dd44058c62d79741bbf04679f6afcd62e1e245b1"]),
    Golden(
      operation: "lm.generate", revision: 1,
      digests: ["text": "c817e555702e4f7e68ee86eb15e3e9e39e5607f8e7429ba89d21a647e0ac2a00"]),
    Golden(
      operation: "lm.export", revision: 1,
      digests: ["model": "eea188f72308c9bd000d3ff9f3437e5794cac749b22cf315258676e501ace9b6"]),
    Golden(
      operation: "zsl.ranking", revision: 3,
      digests: ["result": "f3e7239a3afdd9a0e732fdf808bf243899c9d02d22078762db0af970fc970161"]),
  ]

  @Test func `The table has a row for every operation`() {
    #expect(Set(Self.table.map(\.operation)) == Set(Operations.all.map(\.name)))
  }

  @Test(arguments: table)
  func `Outputs change only with the revision`(golden: Golden) async throws {
    let operation = try #require(Operations.all.first { $0.name == golden.operation })
    let digests = try await Self.run(operation, method: golden.method).digests
    if operation.revision == golden.revision {
      #expect(
        digests == golden.digests,
        "the outputs of \(golden.testDescription) changed: raise its revision above \(golden.revision), and enter it here"
      )
    } else {
      Issue.record("\(golden.testDescription) has revision \(operation.revision): enter it with \(digests)")
    }
  }

  static func run(_ operation: any Operation, method: String? = nil) async throws -> OperationRun {
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
        operation, ["bootstrap": 39, "starts": 5], inputs: ["curve": [(nil, prepared)]])
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
    case "weights.spectra":
      return try await ZSLOperationsTests.Checkpoints().spectra(1)
    case "zsl.alignment":
      return try await ZSLOperationsTests.Checkpoints().alignment(1)
    case "zsl.gradients":
      let sampled: [String: JSON] = ["samples": 16, "sequences": 4, "tolerance": 0.01]
      return try await ZSLOperationsTests.Checkpoints().gradients(
        1,
        method.map { (sampled.filter { _ in method == "sampled" }).merging(["method": .string($0)]) { $1 } }
          ?? [:])
    case "zsl.prediction":
      return try await ZSLOperationsTests.Checkpoints().prediction(1)
    case "zsl.decompose":
      return try await ZSLOperationsTests.Checkpoints().decomposition()
    case "zsl.ranking":
      return try await ZSLOperationsTests.ranking()
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
