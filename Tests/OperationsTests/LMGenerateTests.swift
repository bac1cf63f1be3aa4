import Compute
import JSON
import Operations
import Safetensors
import System
import Testing

@Suite struct LMGenerateTests {
  private func text(
    _ parameters: [String: JSON], checkpoint: [UInt8], vocabulary: [UInt8]? = nil
  ) async throws -> String {
    var inputs: [String: [(key: String?, bytes: [UInt8])]] = ["checkpoint": [(nil, checkpoint)]]
    if let vocabulary { inputs["vocabulary"] = [(nil, vocabulary)] }
    let run = try await OperationRun(Interchange.operation("lm.generate"), parameters, inputs: inputs)
    return String(decoding: try #require(run.bytes("text")), as: UTF8.self)
  }

  @Test func `A text begins with its prompt and follows from its seed`() async throws {
    let model = try await Interchange.byteModel
    let settings: [String: JSON] = ["prompt": "Überall", "length": 30]
    let one = try await text(settings, checkpoint: model)
    #expect(one.hasPrefix("Überall") && one.hasSuffix("\n") && one.count > 10)
    #expect(try await text(settings, checkpoint: model) == one)
    #expect(try await text(settings.merging(["seed": 2]) { $1 }, checkpoint: model) != one)
    // A shorter one is its beginning, as far as bytes are whole characters.
    let short = try await text(settings.merging(["length": 1]) { $1 }, checkpoint: model)
    #expect(Array(one.utf8).starts(with: Array(short.utf8).prefix(8)))
  }

  @Test func `At temperature zero the seed does not matter`() async throws {
    let model = try await Interchange.byteModel
    func likeliest(_ seed: Int64) async throws -> String {
      try await text(["temperature": 0, "length": 12, "seed": .integer(seed)], checkpoint: model)
    }
    #expect(try await likeliest(1) == likeliest(2))
  }

  @Test func `A vocabulary that the model cannot have is refused`() async throws {
    let small = try await Interchange.imported(Interchange.folder("gpt2", .float32))
    let error = await #expect(throws: Failure.self) { _ = try await text([:], checkpoint: small) }
    #expect(try #require(error).headline.contains("17 tokens"))
    let model = try await Interchange.byteModel
    await #expect(throws: Failure.self) {
      _ = try await text([:], checkpoint: model, vocabulary: Array("{}".utf8))
    }
    let trained = try await OperationRun(
      Interchange.operation("text.train-tokeniser"), ["vocabulary": 320],
      inputs: ["text": [(nil, Array(GoldenTests.text.utf8))]])
    let larger = try #require(trained.bytes("vocabulary"))
    let refusal = await #expect(throws: Failure.self) {
      _ = try await text([:], checkpoint: model, vocabulary: larger)
    }
    #expect(try #require(refusal).headline.contains("320"))
  }
}
