import Foundation
import JSON
import Support
import Testing

/// The main job: from loss curves to fits and the report.
@Suite struct AnalysisTests {
  let folder = TemporaryFolder()

  /// A loss that decelerates at step 5000, with a little noise that is the same on every machine.
  private func writeCurve(to name: String, step: String = "step", loss: String = "loss") {
    var text = "\(step),other,\(loss)\n"
    var state: UInt64 = 7
    for t in 1...60_000 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let noise = (Double(state >> 40) / Double(1 << 24) - 0.5) * 0.02
      let x = Double(t)
      let log =
        Foundation.log(20) - 0.2 * Foundation.log(x) + 0.17 * 0.3
        * Foundation.log(1 + pow(x / 5000, 1 / 0.3))
      text += "\(t),\(t % 7),\(exp(log + noise))\n"
    }
    folder.write(text, to: name)
  }

  @Test func `fit prints the table of a run, and --json all of it`() throws {
    writeCurve(to: "losses.csv")
    let run = try folder.brake("fit", "losses.csv", "--no-smoothing")
    #expect(run.status == 0, "\(run.err)")
    #expect(run.outLines.first?.hasPrefix("run") == true)
    #expect(run.outLines.first?.hasSuffix("verdict") == true)
    #expect(run.outLines.dropFirst().first?.hasPrefix("losses ") == true)
    #expect(run.out.contains("losses: deceleration"))

    let fits =
      try JSON(parsing: try folder.brake("fit", "--json", "--no-smoothing", "losses.csv").out).array ?? []
    #expect(fits.count == 1)
    let fit = try #require(fits.first)
    func number(_ name: String) throws -> Double { try #require(fit[name]?.double, "\(name)") }
    #expect(fit["run"] == "losses")
    #expect(fit["verdict"] == "deceleration")
    #expect(try abs(number("t_d") / 5000 - 1) < 0.1)
    #expect(try abs(number("c0") - 0.2) < 0.005)
    #expect(try abs(number("r_d") - 0.03) < 0.005)
    for name in ["b", "c1", "log_d1", "f1", "rsle", "L_d", "L_T_predicted", "L_T"] { _ = try number(name) }
    for name in ["b", "c0", "c1", "log_d1", "f1", "t_d", "L_d", "r_d"] {
      let interval = try #require(fit["intervals"]?[name]?.array).compactMap(\.double)
      #expect(try interval.count == 2 && (interval[0]...interval[1]).contains(number(name)), "\(name)")
    }
  }

  @Test func `fit reads compressed files and columns of other names`() throws {
    writeCurve(to: "losses.csv", step: "iteration_number", loss: "how bad")
    _ = try folder.shell("xz -k losses.csv; gzip -k losses.csv; zstd -q losses.csv")
    let arguments = ["fit", "--json", "--step", "iteration_number", "--loss", "how bad"]
    let plain = try JSON(parsing: try BrakeProcess(arguments + ["losses.csv"], in: folder).wait().out).array
    for suffix in ["xz", "gz", "zst"] {
      let run = try BrakeProcess(arguments + ["losses.csv.\(suffix)"], in: folder).wait()
      #expect(run.status == 0, "\(run.err)")
      #expect(try JSON(parsing: run.out).array?.first?["t_d"] == plain?.first?["t_d"])
    }
    #expect(try folder.brake("fit", "losses.csv").status == 2)
    #expect(try folder.brake("fit", "--step", "no such", "losses.csv").err.contains("no such"))
    #expect(try folder.brake("fit", "nowhere.csv").err.contains("nowhere.csv"))
    let late = try folder.brake("fit", "--skip", "4000000000000000000", "losses.csv")
    #expect(late.status == 2 && late.err.contains("--skip takes a step from 0 to 2147483648"))
  }

  @Test func `fit says what it dropped, and goes on with the other runs if one cannot be fitted`() throws {
    folder.write("{\"short\": {\"smoothed_loss\": {\"x\": [1, 2, 3], \"y\": [3, 2, 1]}}}", to: "short.json")
    writeCurve(to: "losses.csv")
    let run = try folder.brake("fit", "short.json", "losses.csv")
    #expect(run.status == 2)
    #expect(run.err.contains("short"))
    #expect(run.out.contains("losses"))
  }

  private func copyPipelines() throws {
    for name in ["deceleration", "recovery", "published"].map({ "pipelines/\($0).yaml" }) {
      folder.write(
        try String(contentsOfFile: BrakeProcess.packageRoot + "/" + name, encoding: .utf8), to: name)
    }
  }

  @Test func `Fits of generated curves run again only where a change touches them`() throws {
    try copyPipelines()
    let file = ["-f", "pipelines/recovery.yaml"]
    let first = try BrakeProcess(["run"] + file, in: folder).wait()
    #expect(first.status == 0, "\(first.err)")
    #expect(first.outLines.last == "report: results/recovery/report.html")
    #expect(try #require(folder.text("results/recovery/report.html")).contains("<svg"))
    for name in ["table.csv", "table.md", "table.tex", "figures/fit/figure.svg", "figures/fit/figure.pdf"] {
      #expect(folder.exists("results/recovery/" + name), "\(name)")
    }
    let planned = try counts(file).planned
    #expect(try counts(file).ran == 0)
    #expect(try counts(file + ["title=Another title"]).ran == 1, "a label touches the report only")
    #expect(try counts(file + ["skip=300"]).ran == planned - 5, "another cut leaves the curves as they are")
    let why = try BrakeProcess(["why"] + file + ["fit[14M]", "skip=301"], in: folder).wait()
    #expect(why.out.contains("parameter skip  300 -> 301"), "the newest of the nearest")
    #expect(try counts(file).ran == 0, "undoing it runs nothing")
    try FileManager.default.removeItem(atPath: folder["results"])
    #expect(try counts(file).ran == 0, "published files come back from the store")
    #expect(folder.exists("results/recovery/figures/scaling/figure.svg"))
    #expect(try folder.brake("verify").status == 0)
  }

  /// Planned and executed actions of a run.
  private func counts(_ arguments: [String]) throws -> (planned: Int, ran: Int) {
    let run = try BrakeProcess(["run", "--json"] + arguments, in: folder).wait()
    let result = try JSON(parsing: run.out)
    return (try #require(result["planned"]?.integer), try #require(result["ran"]?.integer))
  }

  @Test func `The default pipeline trains, and trains again only what a change touches`() throws {
    try copyPipelines()
    let small = [
      "bytes=400000", "steps=300", "resume=50", "bootstrap=39", "checkpoints=100,200", "seeds=1,2",
    ]
    let first = try BrakeProcess(["run"] + small, in: folder).wait()
    #expect(first.status == 0, "\(first.err)")
    #expect(first.outLines.last == "report: results/report.html")
    #expect(try counts(small).ran == 0)

    // Two seeds of one size and one of the other; of each the end, the model, the validation, the curve and the fit; and
    // comparison, figures, tables, report.
    let after = 3 * 5 + 1 + 3 + 1 + 1 + 1
    #expect(try counts(small + ["steps=400"]).ran == 3 * 2 + after, "two links more of each run")
    #expect(try counts(small + ["cooldown=100"]).ran == 3 * 2 + after, "two links are cooled down")
    #expect(try counts(small + ["sizes=[47k]", "steps=400"]).ran == 7, "what both sizes stand in")
    #expect(
      try counts(small + ["sizes=[47k, 188k, 803k]", "train[803k,1]"]).ran == 7, "one size's links and end")
    #expect(try counts(small).ran == 0)
  }

  @Test func `The pipeline for curves from a file runs to the report`() throws {
    try copyPipelines()
    writeCurve(to: "losses.csv")
    let run = try folder.brake("run", "-f", "pipelines/published.yaml", "curves=losses.csv")
    #expect(run.status == 0, "\(run.err)")
    #expect(run.outLines.last == "report: results/report.html")
    let missing = try folder.brake("run", "-f", "pipelines/published.yaml")
    #expect(missing.status == 2)
    #expect(missing.err.contains("curves"))
  }

  @Test func `The binary trains to the recorded bits`() throws {
    folder.write(TrainingSample.pipeline, to: "brake.yaml")
    let run = try BrakeProcess(["run", "--json"], in: folder).wait()
    let outputs = try JSON(parsing: run.out)["outputs"]
    #expect(outputs?["train@8"]?["checkpoints"]?.string == TrainingSample.weights)
  }

  static let published = BrakeProcess.packageRoot + "/../shared/data/curves/published_smoothed.json"

  @Test(.enabled(if: FileManager.default.fileExists(atPath: published), "the published curves are not here"))
  func `The published table comes out of the published curves`() throws {
    let run = try folder.brake("fit", "--json", AnalysisTests.published)
    let steps = try JSON(parsing: run.out).array?.map {
      ($0["run"]?.string ?? "", Int($0["t_d"]?.double ?? 0))
    }
    let expected = ["14M": 5877, "144M": 6074, "472M": 4644, "OLMo-7B": 4627]
    #expect(Dictionary(steps ?? [], uniquingKeysWith: { $1 }) == expected)
  }
}
