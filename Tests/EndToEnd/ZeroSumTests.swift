import Foundation
import Support
import Testing

/// The pipeline of zero-sum learning, on a training of seconds.
@Suite struct ZeroSumTests {
  let folder = TemporaryFolder()

  private func run(_ arguments: [String] = []) throws -> Finished {
    let file = BrakeProcess.packageRoot + "/pipelines/zero-sum.yaml"
    let small = [
      "sizes=[47k]", "seeds=[1]", "steps=128", "resume=128", "bytes=200000", "bootstrap=39",
      "evaluation=1024",
      "trials=256", "batches=1", "checkpoints=[16,32,64]",
    ]
    return try BrakeProcess(["run", "-f", file] + small + arguments, in: folder).wait()
  }

  @Test func `Models from elsewhere are planned in full`() throws {
    folder.write("some text\n", to: "text.txt")
    let file = BrakeProcess.packageRoot + "/pipelines/imported.yaml"
    let arguments = ["run", "-n", "-f", file, "runs=[a]", "text=text.txt", "stream=bytes.train"]
    let plan = try BrakeProcess(arguments, in: folder).wait()
    #expect(plan.out.contains("model[a,1024]") && !plan.out.contains("update"), "\(plan.err)")
  }

  @Test func `Learning rates are compared at equal mean loss`() throws {
    let file = BrakeProcess.packageRoot + "/pipelines/rates.yaml"
    let small = [
      "rates=[0.002,0.004]", "seeds=[1,2,3]", "steps=64", "resume=64", "bytes=200000", "bootstrap=39",
      "evaluation=1024", "checkpoints=[8,16,32,64]",
    ]
    let run = try BrakeProcess(["run", "-f", file] + small, in: folder).wait()
    #expect(run.status == 0, "\(run.err)")
    let report = String(decoding: try #require(folder.read("results/rates/report.html")), as: UTF8.self)
    #expect(report.contains("<h2>Learning rates at equal mean loss</h2>"))
    #expect(report.contains("data-figure=\"ranking\""))
    let findings = String(decoding: try #require(folder.read("results/rates/findings.csv")), as: UTF8.self)
    #expect(findings.contains("rates,0.002 and 0.004,rank_correlation_excess"))
  }

  @Test func `Everything is made once, and a change makes only what depends on it`() throws {
    let first = try run()
    #expect(first.status == 0, "\(first.err)")
    let report = String(decoding: try #require(folder.read("results/zero-sum/report.html")), as: UTF8.self)
    #expect(report.contains("<h2>Zero-sum learning</h2>"))
    #expect(report.components(separatedBy: "<figure ").count > 9)
    #expect(try run(["-q"]).status == 0)

    // Stages that would run; 'report' always does.
    func stages(_ arguments: String...) throws -> Set<String> {
      let lines = try run(["-n"] + arguments).outLines
      return Set(lines.compactMap { $0.split { $0 == " " || $0 == "[" }.first.map(String.init) })
    }
    let losses: Set = ["losses", "change", "decompose", "interference", "factors"]
    #expect(try stages("evaluation=2048") == losses.union(["dissent", "parts", "tables", "report"]))
    let further = try run(["-n", "checkpoints=[16,32,64,128]"]).outLines.compactMap {
      $0.split(separator: " ").first
    }
    #expect(further.contains("change[47k,1,64]") && further.contains("decompose[47k,1]"))
    #expect(
      !further.contains { $0.hasPrefix("train") || $0 == "change[47k,1,16]" || $0 == "change[47k,1,32]" })
    #expect(
      try stages("clip=1") == [
        "update", "gradients", "predict", "steps", "single", "prediction", "tables", "report",
      ])
  }
}
