import Actions
import Pipeline
import PlanSupport
import Testing

@Suite struct AheadPlanTests {
  private static let text = """
    stages:
      train:
        for: { seed: [1, 2] }
        run: x
        out: { ckpt: { folder: c/, key: "*.pt", grows: true, eager: true }, curve: curve.csv }
      losses:
        for: { seed: [1, 2], step: "train[${seed}].ckpt" }
        run: cat ${in.c}
        in: { c: "train[${seed}].ckpt[${step}]" }
        out: { o: o }
      fit:
        for: { seed: [1, 2], step: "train[${seed}].ckpt" }
        where: "${step} != 5"
        run: cat ${in.l}
        in: { l: "losses[${seed},${step}]" }
        out: { o: o }
      first: { run: "cat ${in.c}", in: { c: "losses[1,5]" } }
      later: { run: "cat ${in.c}", in: { c: "losses[1,7]" } }
      table: { run: "cat ${in.l}", in: { l: losses }, out: { t: t } }
      fits: { run: "cat ${in.l}", in: { l: "fit[2,*]" }, out: { t: t } }
      page: { run: "cat ${in.t}", in: { t: table } }
      steps: { for: { pair: { pairs: "train[1].ckpt" } }, run: "echo ${pair}" }
      chain: { chain: { step: "train[1].ckpt" }, run: "echo ${step}", out: { o: o } }
      zip: { for: { zip: { a: "train[1].ckpt", b: [x, y] } }, run: "echo ${a}" }
    """

  private func names(
    _ targets: [String] = [], keys: [KeyedOutput: [String]] = [:], growing: [String: [String]] = [:]
  ) throws -> [String] {
    let members = growing.map { (KeyedOutput(instance: $0, output: "ckpt"), $1) }
    return try Planner(registry: registry).planAhead(
      PipelineFile(text: Self.text, path: "p.yaml"), overrides: [], targets: targets, keys: keys,
      growing: Dictionary(uniqueKeysWithValues: members)
    ).map(\.name)
  }

  @Test func `What reads single members is planned before the others are known, and what reads all is not`()
    throws
  {
    // The page waits for the table, which reads all losses and is not planned.
    let found = try names(growing: ["train[1]": ["5", "6"]])
    #expect(found.sorted() == ["first", "losses[1,5]", "losses[1,6]", "page", "train[1]"])
    let others = try names(growing: ["train[1]": [], "train[2]": ["5", "6"]])
    #expect(
      others.sorted() == ["fit[2,6]", "losses[2,5]", "losses[2,6]", "page", "train[1]", "train[2]"])
  }

  @Test func `Nothing is planned ahead that no target needs`() throws {
    let growing = ["train[1]": ["5", "6"]]
    #expect(try names(["first"], growing: growing) == ["train[1]", "losses[1,5]", "first"])
    #expect(try names(["losses[1,6]", "losses[1,7]"], growing: growing) == ["train[1]", "losses[1,6]"])
    #expect(try names(["losses[2,6]", "nothing"], growing: growing) == [])
  }

  @Test func `Each instance is what it is in the plan of all members`() throws {
    let growing = ["train[1]": ["6", "5"]]
    let members = ["5", "6", "7"]
    let keys = [
      KeyedOutput(instance: "train[1]", output: "ckpt"): members,
      KeyedOutput(instance: "train[2]", output: "ckpt"): members,
    ]
    // Two values of b, and three steps.
    let whole = try plan(Self.text.replacing("b: [x, y]", with: "b: [x, y, z]"), keys: keys)
    let early = try Planner(registry: registry).planAhead(
      PipelineFile(text: Self.text, path: "p.yaml"), overrides: [], targets: [], keys: [:],
      growing: [KeyedOutput(instance: "train[1]", output: "ckpt"): growing["train[1]"]!])
    #expect(early.count == 5)
    for instance in early { #expect(whole[instance.name]?.json == instance.json, "\(instance.name)") }
  }
}
