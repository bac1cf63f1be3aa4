import Actions
import Artefacts
import Foundation
import JSON
import Pipeline
import PlanSupport
import Testing

@Suite struct PlanFanOutTests {
  private func names(_ domain: String) throws -> [String] {
    try plan("params: {sizes: [a, b], n: 3}\nstages: {s: {for: {x: \(domain)}, run: \"echo ${x}\"}}").names
  }

  @Test func `Variables run over lists, ranges and parameters`() throws {
    #expect(try names("[1e-3, 47k, true, '07']") == ["s[1e-3]", "s[47k]", "s[true]", "s[07]"])
    #expect(try names("2..4") == ["s[2]", "s[3]", "s[4]"])
    #expect(try names("-1..1") == ["s[-1]", "s[0]", "s[1]"])
    #expect(try names("{from: 1, to: 10, step: 4}") == ["s[1]", "s[5]", "s[9]"])
    #expect(try names("{from: 1, to: 9, factor: 2}") == ["s[1]", "s[2]", "s[4]", "s[8]"])
    #expect(try names("{from: 9223372036854775806, to: 9223372036854775807}").count == 2)
    #expect(try names("\"${sizes}\"") == ["s[a]", "s[b]"])
    #expect(try names("{from: 1, to: \"${n}\"}") == ["s[1]", "s[2]", "s[3]"])
    #expect(try names("\"1..${n}\"") == ["s[1]", "s[2]", "s[3]"])
    #expect(try names("[]") == [])
  }

  @Test func `A variable that runs over a table has that row's values`() throws {
    let plan = try plan(
      """
      params:
        least: 2
        runs: { short: { steps: "${least}", note: a }, long: { steps: 50, note: [b, c] } }
      stages:
        fit:
          for: { run: "${runs}", n: 1..2 }
          op: curve.fit
          in: { curve: "./${run}-${run.steps}.csv" }
          with: { skip: "${run.steps}" }
      """)
    #expect(plan.names == ["fit[short,1]", "fit[short,2]", "fit[long,1]", "fit[long,2]"])
    #expect(plan.parameters("fit[short,1]")?["skip"] == 2)
    #expect(plan.source("fit[long,2]", "curve") == .file("long-50.csv"))
  }

  @Test(arguments: [
    ("{a: {n: 1}, b: 3}", "n", "the row 'b' of 'x' is '3', where others are mappings"),
    ("{a: {n: 1}, b: {m: 3}}", "n", "'b' has no ${x.n}: it has ${x.m}"), ("[a]", "n", "'a' has no ${x.n}"),
    ("{a/b: {n: 1}}", "n", "it holds '/'"), ("{a: {n: [1]}}", "n", "cannot stand inside a text"),
  ]) func `What is wrong with a table is said`(domain: String, column: String, message: String) {
    let error = planError("stages: {s: {for: {x: \(domain)}, run: \"echo ${x.\(column)}\"}}")
    #expect(error.replacing("\n  hint: ", with: ": ").contains(message), "\(error)")
  }

  @Test func `Several variables make all combinations, the last changing fastest`() throws {
    let plan = try plan(
      """
      stages:
        s: { for: { a: [x, y], b: 1..2, c: "${b}..2" }, run: "echo ${a}${b}${c}" }
      """)
    #expect(plan.names == ["s[x,1,1]", "s[x,1,2]", "s[x,2,2]", "s[y,1,1]", "s[y,1,2]", "s[y,2,2]"])
    #expect(plan.command("s[y,1,2]")?.text == "echo y12")
  }

  @Test(arguments: [
    ("[a, b, a]", "1:30: error: 'a' is twice among the values of 'x'"), ("[a/b]", "it holds '/'"),
    ("['a,b']", "it holds ','"), ("['[']", "it holds '['"), ("['']", "it is empty"),
    ("['..']", "means something else"),
    ("[\"a\\tb\"]", "it holds a control character"), ("[[a]]", "a value of the variable 'x' is a list"),
    ("4..2", "the range from 4 to 2 is empty"),
    ("1..99999999999", "more than 1000000 values"), ("{from: 1, to: 5, step: 0}", "at least 1"),
    ("{from: 0, to: 5, factor: 2}", "starts at 1"), ("{from: 1}", "needs from: and to:"),
    ("{from: 1, to: 2.5}", "'to' takes a whole number"),
    ("{from: 1, to: 5, setp: 1}", "did you mean 'step'?"),
    ("{from: 1, to: 5, step: 1, factor: 2}", "either a step or a factor"),
    ("nothing", "the variable 'x' has no values: 'nothing' is no stage"),
  ]) func `What cannot be a key is refused`(domain: String, message: String) {
    let error = planError("stages: {s: {for: {x: \(domain)}, run: y}}")
    #expect(error.contains(message), "\(error)")
  }

  @Test func `The number of instances and inputs is bounded`() {
    #expect(
      planError("stages: {s: {for: {x: 1..2000, y: 1..2000}, run: z}}").contains(
        "more than 1000000 instances"))
    let quadratic = """
      stages:
        a: { for: { x: 1..5000 }, run: z, out: { o: o } }
        b: { for: { x: 1..5000 }, run: z, in: { i: a } }
      """
    #expect(planError(quadratic).contains("more than 10000000 inputs"))
  }

  @Test func `Keys that follow from parameters are known at once`() throws {
    let plan = try plan(
      """
      stages:
        train: { for: { size: [s, l] }, op: lm.train, with: { steps: 2 } }
        use:
          for: { size: [s, l], step: "train[${size}].checkpoints" }
          op: curve.fit
          in: { curve: "train[${size}].checkpoints[${step}]" }
          with: { skip: "${step}" }
      """)
    #expect(plan.names == ["train[s]", "train[l]", "use[s,1]", "use[s,2]", "use[l,1]", "use[l,2]"])
    #expect(
      plan.source("use[l,2]", "curve") == .output(instance: "train[l]", output: "checkpoints", key: "2"))
    #expect(plan.parameters("use[l,2]")?["skip"] == 2)
    #expect(plan.deferred.isEmpty)
  }

  static let imported = """
    stages:
      import: { op: curve.import, in: { file: curves.json } }
      fit:
        for: { run: import.curves }
        op: curve.fit
        in: { curve: "import.curves[${run}]" }
      table: { op: curve.compare, in: { fits: fit } }
      other: { run: date }
    default: [table]
    """

  @Test func `Stages over unknown keys wait, and so does what depends on them`() throws {
    let plan = try plan(Self.imported)
    let curves = KeyedOutput(instance: "import", output: "curves")
    #expect(plan.names == ["import", "other"])
    #expect(plan.deferred.map(\.stage) == ["fit", "table"])
    #expect(plan.deferred.allSatisfy { $0.waitsFor == [curves] })
    #expect(plan.deferred[1].dependencies == ["fit"])

    let selection = try plan.selection([])
    #expect(selection.instances.map(\.name) == ["import"])
    #expect(selection.targets == [])
    #expect(selection.deferred.map(\.stage) == ["fit", "table"])
    #expect(try plan.selection(["fit[14M]"]).deferred.map(\.stage) == ["fit"])
  }

  @Test func `Once the keys are known the stages have their instances`() throws {
    let curves = KeyedOutput(instance: "import", output: "curves")
    let plan = try plan(Self.imported, keys: [curves: ["14M", "70M"]])
    #expect(plan.names == ["import", "fit[14M]", "fit[70M]", "table", "other"])
    #expect(plan.source("fit[70M]", "curve") == .output(instance: "import", output: "curves", key: "70M"))
    #expect(try plan.selection([]).instances.map(\.name) == ["import", "fit[14M]", "fit[70M]", "table"])
    #expect(planError(Self.imported, keys: [curves: ["a/b"]]).contains("it holds '/'"))
    let none = try PlanSupport.plan(Self.imported, keys: [curves: []])
    #expect(none.source("table", "fits") == .collection([]))
  }

  @Test func `A waiting stage is checked as far as it can be`() {
    let unknown = Self.imported.replacing("import.curves[${run}]", with: "import.cuvres[1]")
    #expect(planError(unknown).contains("the stage 'import' has no output 'cuvres'"))
    let parameter = Self.imported.replacing("    in: { curve", with: "    with: { skip: x }\n    in: { curve")
    #expect(planError(parameter).contains("parameter 'skip' takes a whole number"))
    let cycle = Self.imported.replacing("file: curves.json", with: "file: fit")
    #expect(planError(cycle).contains("import -> fit -> import"))
  }

  @Test func `Stages over many members are planned in time that grows with their number`() throws {
    let text = """
      stages:
        many: { op: test.many }
        use: { for: { k: many.parts }, op: curve.fit, in: { curve: "many.parts[${k}]" } }
      """
    let file = try PipelineFile(text: text, path: "p.yaml")
    func used() -> Double {
      var time = timespec()
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
      return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
    /// Seconds of this thread's processor, the least of three.
    func cost(of members: Int) throws -> Double {
      let operation = DeclaredOperation(
        name: "test.many", outputs: [OutputDeclaration("parts", file: ".bin", keyed: true, help: "")],
        knownKeys: { _ in (0..<members).map(String.init) })
      let planner = Planner(registry: OperationRegistry(registry.operations + [operation]))
      return try (0..<3).map { _ in
        let start = used()
        let count = try planner.plan(file).instances.count
        #expect(count == members + 1)
        return used() - start
      }.min()!
    }
    // Eight times as many cost 64 times as much where each looks at all.
    let (few, many) = (try cost(of: 500), try cost(of: 4000))
    #expect(many < 24 * few, "4000 members take \(many / few) times as long as 500")
  }

  @Test func `What a variable runs over must be a keyed output of one instance`() {
    func error(_ domain: String) -> String {
      planError(
        """
        stages:
          train: { for: { size: [s, l] }, op: lm.train }
          use: { for: { step: "\(domain)" }, run: x }
        """)
    }
    #expect(error("train.checkpoints").contains("has 2 instances; a variable runs over an output of one"))
    #expect(error("train[s].losses").contains("'train.losses' is one artefact"))
    #expect(error("train[s]").contains("has 2 outputs; one must be named"))
    #expect(error("train[m].checkpoints").contains("there is no instance train[m]"))
    #expect(error("train[m].checkpoints").contains("there is  s, l"))
  }

  @Test func `A target without instances is a stage all the same`() throws {
    let plan = try plan(
      """
      stages:
        s: { for: { x: [1, 2] }, where: "${x} > 5", run: "echo ${x}" }
        t: { run: "echo" }
      """)
    for targets in [[], ["s"], ["s[1]"]] {
      let error = #expect(throws: PipelineError.self) { try plan.selection(targets) }
      #expect(error?.description.hasPrefix("p.yaml:2:3: error: the stage 's' has no instances") == true)
    }
    #expect(try plan.selection(["t"]).targets == ["t"])
    #expect(throws: PipelineError.self) { try plan.selection(["x"]) }
  }
}
