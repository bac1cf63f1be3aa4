import JSON
import Safetensors
import Support
import Testing

@testable import Compute

/// Spoilt files from elsewhere are refused, or read as something. Never a crash.
@Suite struct MutantInputTests {
  private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

  @Test func `Curves`() {
    let rows = (1...30).map { "\($0),\(10 / Double($0))" }
    let table = "step,loss\n" + rows.joined(separator: "\n") + "\n"
    let lines = (1...20).map { #"{"step": \#($0), "loss": \#(3 / Double($0)), "run": "a"}"# }
    let inputs = [
      table, table.replacing(",", with: "\t"), lines.joined(separator: "\n"),
      "[" + lines.joined(separator: ",") + "]", #"{"step": [1, 2, 3], "loss": [3, 2, 1]}"#,
      #"{"log_history": [{"step": 1, "loss": 2.5}, {"step": 2, "loss": 2.25, "eval_loss": 1}]}"#,
      #"{"14M": {"smoothed_loss": {"x": [1, 2, 4], "y": [3, 2, 1]}}}"#,
      "\r  0%|   | 0/9 [00:00]\r   \r{'loss': '3.9', 'epoch': '0.1'}\n\r 11%|█  | 1/9 [00:01, 2it/s]\u{1B}[A\n",
    ].map(bytes)
    Mutator.run("curves", on: inputs, tries: 20_000) { mutant in
      !(try CurveImport()(mutant, file: "curve")).isEmpty
    }
  }

  /// Curves that were prepared elsewhere: what they keep of their points is calculated with.
  @Test func `Prepared curves`() throws {
    let law = OneBreak(b: 15, c0: 0.4, c1: -0.25, logD1: 4, f1: 0.2)
    let steps = Array(1...400)
    let curve = Curve(run: "a", steps: steps, losses: steps.map { law.loss(at: Double($0)) })
    let inputs = [try Preparation()(curve).json.canonicalBytes]
    let options = CurveAnalysis.Options(skip: 10, resamples: 2, starts: 1, cuts: [])
    Mutator.run("prepared.json", on: inputs, tries: 400) { mutant in
      let prepared = try PreparedCurve(json: try JSON(parsing: mutant))
      _ = try? CurveAnalysis.run(prepared, options: options)
      return true
    }
  }

  /// Of analyses, as the report reads them.
  @Test func `Alignments and spectra`() throws {
    let (model, threads) = (ModelSamples.olmo, Threads(1))
    let weights = ModelSamples.weights(model)
    let alignment = try GradientAlignment(
      of: ModelSamples.batch(model, sequences: 3), weights: weights, run: "a", step: 1, threads: threads)
    Mutator.run("alignment.json", on: [alignment.json.canonicalBytes], tries: 2000) { mutant in
      !(try GradientAlignment(json: try JSON(parsing: mutant))).blocks.isEmpty
    }
    let spectra = try MeasuredSpectra(
      of: weights, since: ModelSamples.weights(model, seed: 6), leading: 2, run: "a", step: 1,
      threads: threads
    ).spectra
    Mutator.run("spectra.json", on: [spectra.json.canonicalBytes], tries: 2000) { mutant in
      let found = try WeightSpectra(json: try JSON(parsing: mutant))
      for matrix in found.matrices {
        _ = (matrix.role, matrix.change?.weightsOverlap?.aboveChance(of: matrix))
      }
      return true
    }
  }

  @Test func `Model configurations`() {
    let inputs = ModelSamples.all.map(\.json.canonicalBytes)
    Mutator.run("config.json", on: inputs, tries: 10_000) { mutant in
      _ = ParameterLayout(try ModelConfiguration(parsing: mutant)).count
      return true
    }
  }

  @Test func `Tokenisers`() {
    let inputs = [
      TokeniserFixture.json(), TokeniserFixture.json(merges: [("a", "b"), ("b", "c"), ("a", "bc")]),
      TokeniserFixture.json(merges: [], added: [TokeniserFixture.added("<x>", 256)]),
    ].map { ($0 as JSON).canonicalBytes }
    let text = ("abc <x> déjà vu, 12 abcabc")
    Mutator.run("tokenizer.json", on: inputs, tries: 400) { mutant in
      var encoder = BytePairEncoder(try BytePairTokeniser(parsing: mutant))
      _ = try encoder.encode(text)
      return true
    }
  }

  @Test func `Safetensors`() {
    let headers = [
      #"{"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"__metadata__":{"k":"v"}}"#,
      #"{"a":{"dtype":"BF16","shape":[],"data_offsets":[0,2]},"b":{"dtype":"I64","shape":[3,0],"data_offsets":[2,2]}}"#,
    ]
    let inputs = headers.map { header in
      withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) } + bytes(header)
        + [UInt8](repeating: 7, count: header.contains("F32") ? 8 : 2)
    }
    Mutator.run("safetensors", on: inputs, tries: 20_000) { mutant in
      for tensor in try SafetensorsFile(mutant).header.tensors {
        #expect(tensor.range.lowerBound >= 0 && tensor.range.upperBound <= mutant.count)
      }
      return true
    }
  }

  @Test func `Token streams and documents`() throws {
    let inputs: [[UInt8]] = [bytes("one\u{1E}two\u{1E}"), bytes("\u{1E}")]
    Mutator.run("texts", on: inputs, tries: 5000) { mutant in
      var reader = DocumentReader()
      reader.add(text: mutant)
      _ = try? TokenStream(parsing: mutant)
      _ = try? Documents(parsing: mutant)
      return reader.documents.count > 0
    }
  }
}
