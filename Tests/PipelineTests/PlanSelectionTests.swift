import Actions
import JSON
import Pipeline
import PlanSupport
import Testing

@Suite struct PlanSelectionTests {
  static let text = """
    stages:
      tokens: { run: x, out: { t: t } }
      train: { for: { size: [14M, 70M] }, op: lm.train, in: { tokens: tokens } }
      fit: { for: { size: [14M, 70M] }, op: curve.fit, in: { curve: "train[${size}].losses" } }
      table: { op: curve.compare, in: { fits: fit } }
      date: { run: date }
    """

  @Test func `A target is a stage, an instance or a glob over both`() throws {
    let plan = try plan(Self.text)
    func targets(_ names: String...) throws -> [String] { try plan.selection(names).targets }
    #expect(try targets("fit") == ["fit[14M]", "fit[70M]"])
    #expect(try targets("fit[70M]") == ["fit[70M]"])
    #expect(try targets("t*") == ["tokens", "train[14M]", "train[70M]", "table"])
    #expect(try targets("*[14?]") == ["train[14M]", "fit[14M]"])
    #expect(try targets("date", "fit[14M]", "fit[14M]") == ["fit[14M]", "date"])
    #expect(try targets() == ["table", "date"])
  }

  @Test func `First keys alone name all instances that have them`() throws {
    let plan = try plan(
      """
      stages:
        s: { for: { size: [1M, 14M], seed: 1..2, step: [10, 20] }, run: "x" }
      """)
    #expect(try plan.selection(["s[14M]"]).targets.count == 4)
    #expect(try plan.selection(["s[1M,2]"]).targets == ["s[1M,2,10]", "s[1M,2,20]"])
    #expect(throws: PipelineError.self) { try plan.selection(["s[4M]"]) }
  }

  @Test func `A selection holds what its targets need, in plan order`() throws {
    let plan = try plan(Self.text)
    #expect(try plan.selection(["fit[70M]"]).instances.map(\.name) == ["tokens", "train[70M]", "fit[70M]"])
    #expect(try plan.selection(["table"]).instances.count == 6)
  }

  @Test func `An unknown target is an error with a suggestion`() throws {
    let plan = try plan(Self.text)
    func error(_ target: String) -> String {
      #expect(throws: PipelineError.self) { try plan.selection([target]) }.map(String.init(describing:)) ?? ""
    }
    #expect(error("tabel").contains("there is no stage 'tabel'\n  hint: did you mean 'table'?"))
    #expect(error("fit[15M]").contains("there is no instance 'fit[15M]'"))
    #expect(error("fit[15M]").contains("did you mean 'fit[14M]'?"))
    #expect(error("q*").contains("there is no stage 'q*'"))
    #expect(error("").contains("there is no stage ''"))
  }

  @Test func `A path that looks like a misspelt stage is recognised`() throws {
    let plan = try plan(Self.text)
    #expect(plan.suggestion(for: "trian[14M].losses") == "train")
    #expect(plan.suggestion(for: "data/train.csv") == nil)
    #expect(plan.suggestion(for: "something.csv") == nil)
  }

  @Test func `Patterns with many stars are matched in little time`() throws {
    let name = String(repeating: "a", count: 100)
    let text = "stages: { \(name): { run: x } }"
    let pattern = String(repeating: "a*", count: 40) + "b"
    #expect(throws: PipelineError.self) { try plan(text).selection([pattern]) }
    #expect(try plan(text).selection([String(repeating: "*a?", count: 20) + "*"]).targets == [name])
  }
}
