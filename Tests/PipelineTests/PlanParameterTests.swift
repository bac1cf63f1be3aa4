import Actions
import JSON
import Pipeline
import PlanSupport
import Testing

@Suite struct PlanParameterTests {
  static let text = """
    params:
      corpus: builtin
      n: 3
      rate: 1e-3
      fast: true
      sizes: [47k, 188k]
      options: { a: 1 }
      needed:
      file: "${corpus}-${n}.txt"
      both: "${sizes}"
    stages:
      s: { run: "x ${corpus} ${rate} ${file} $HOME $(date) $${corpus}" }
      t: { for: { size: "${both}" }, run: "y ${size} ${n}" }
    """

  @Test func `Parameters are put into text as they are written`() throws {
    let plan = try plan(Self.text)
    #expect(plan.command("s")?.text == "x builtin 1e-3 builtin-3.txt $HOME $(date) ${corpus}")
    #expect(plan.names == ["s", "t[47k]", "t[188k]"])
    #expect(plan.parameters["rate"] == 0.001)
    #expect(plan.parameters["both"] == ["47k", "188k"])
    #expect(plan.parameters["needed"] == JSON.null)
  }

  @Test(arguments: ["[5, 6]", "5..7", "{ from: 5, to: 20, factor: 2 }"])
  func `A list or range has a first value, other things have none`(list: String) throws {
    let text = """
      params: { seeds: \(list), one: [b], word: x }
      stages:
        s:
          for: { size: [a, b], seed: "${seeds}" }
          unless: ${size} in ${one} and ${seed} != ${seeds.first}
          run: "x ${seeds.first}"
      """
    let plan = try plan(text)
    #expect(
      plan.names.filter { $0.hasPrefix("s[b") } == ["s[b,5]"] && plan.names.contains("s[a,6]")
        || list.hasPrefix("{"))
    #expect(plan.command("s[a,5]")?.text == "x 5")
    #expect(throws: PipelineError.self) {
      try PlanSupport.plan(text.replacing("x ${seeds.first}", with: "x ${word.first}"))
    }
  }

  @Test(arguments: [
    ("[1, 2, 3]", "5..6"), ("1..3", "[5, 6]"), ("1..3", "5..6"), ("[1]", "5,6"),
    ("1..3", "{ from: 5, to: 6 }"),
    ("{ from: 1, to: 3 }", "[5, 6]"),
  ])
  func `Lists and ranges stand for each other on the command line`(declared: String, given: String) throws {
    let text = """
      params: { seeds: \(declared) }
      stages: { s: { for: { seed: "${seeds}" }, run: x } }
      """
    #expect(try plan(text, [(name: "seeds", value: given)]).names == ["s[5]", "s[6]"])
  }

  @Test func `Overrides take the type of the default`() throws {
    let given = [
      ("corpus", "12"), ("n", "5"), ("rate", "2"), ("fast", "false"), ("sizes", "a, 1e3"),
      ("options", "{b: [1]}"),
      ("needed", "x"),
    ]
    let plan = try plan(Self.text, given.map { (name: $0, value: $1) })
    #expect(plan.parameters["corpus"] == "12")
    #expect(plan.parameters["file"] == "12-5.txt")
    #expect(plan.parameters["rate"] == 2)
    #expect(plan.parameters["fast"] == false)
    #expect(plan.parameters["options"] == ["b": [1]])
    #expect(plan.parameters["needed"] == "x")
    #expect(plan.names == ["s", "t[a]", "t[1e3]"])
    #expect(try plan_(sizes: "[x, 'y']").names == ["s", "t[x]", "t[y]"])
    #expect(try plan_(sizes: "").names == ["s"])
    #expect(try plan_(sizes: "one").names == ["s", "t[one]"])
  }

  private func plan_(sizes: String) throws -> Plan { try plan(Self.text, [(name: "sizes", value: sizes)]) }

  @Test(arguments: [
    ("corpsu", "x", "there is no parameter 'corpsu'"), ("corpsu", "x", "did you mean 'corpus'?"),
    ("n", "3.5", "the parameter 'n' takes a whole number, not '3.5'"),
    ("n", "", "takes a whole number"), ("rate", "fast", "takes a number, not 'fast'"),
    ("fast", "yes", "takes true or false"), ("sizes", "[a", "the value given for 'sizes': this is not YAML"),
    ("sizes", "{a: b}", "takes a list"), ("options", "a", "takes a mapping"),
    ("sizes", "a,,b", "it is empty"), ("sizes", "a,a", "'a' is twice among the values of 'size'"),
  ]) func `An override that does not fit is refused`(name: String, value: String, message: String) {
    let error = planError(Self.text, [(name: name, value: value)])
    #expect(error.contains(message), "\(error)")
  }

  @Test func `What an override says is not looked at again`() throws {
    let plan = try plan(Self.text, [(name: "corpus", value: "${n}")])
    #expect(plan.parameters["file"] == "${n}-3.txt")
  }

  @Test(arguments: [
    (
      "params: {a: \"${a}\"}\nstages: {s: {run: x}}", "p.yaml:1:13: error: the parameter 'a' refers to itself"
    ),
    ("params: {a: \"${b}\", b: \"${a}\"}\nstages: {s: {run: x}}", "or to one that stands below it"),
    (
      "params: {size: 1}\nstages: {s: {run: \"${sice}\"}}",
      "p.yaml:2:19: error: unknown name ${sice}\n  hint: did you mean ${size}?"
    ),
    ("stages: {s: {run: \"${HOME}\"}}", "$${ gives the shell a literal ${"),
    ("stages: {s: {run: \"${HOME\"}}", "'${' has no '}'"),
    ("params: {a: }\nstages: {s: {run: \"${a}\"}}", "the parameter 'a' has no value"),
    ("params: {a: [1]}\nstages: {s: {run: \"x ${a}\"}}", "'a' is a list, which cannot stand inside a text"),
    (
      "stages: {s: {run: \"${in.a}\", in: {b: x}}}",
      "${in.a} is not declared in in:\n  hint: did you mean ${in.b}?"
    ),
    ("stages: {s: {run: \"${out.tabel}\", out: {table: x}}}", "did you mean ${out.table}?"),
    ("stages: {s: {run: x, env: {A: \"${in.a}\"}}}", "${in.a} can only be used in run:"),
    ("params: {a: 1}\nstages: {s: {for: {a: 1..2}, run: x}}", "called like a parameter"),
  ]) func `A wrong name is an error with a suggestion`(text: String, message: String) {
    let error = planError(text)
    #expect(error.contains(message), "\(error)")
  }

  @Test func `A list can be given for a range, and a range for a list`() throws {
    let text = """
      params: { list: [1, 2], range: { from: 1, to: 4, factor: 2 } }
      stages:
        l: { for: { x: "${list}" }, run: x }
        r: { for: { x: "${range}" }, run: x }
      """
    #expect(
      try plan(text, [("list", "{from: 3, to: 4}"), ("range", "[7]")]).names == ["l[3]", "l[4]", "r[7]"])
    #expect(planError(text, [("list", "{a: 3}")]).contains("takes a list"))
  }

  @Test func `Parameters that double each other end in an error`() {
    var text = "params:\n  p0: xxxxxxxxxx\n"
    for index in 1...60 { text += "  p\(index): \"${p\(index - 1)}${p\(index - 1)}\"\n" }
    #expect(planError(text + "stages: {s: {run: x}}").contains("larger than 1048576 bytes"))
    text = "params:\n  p0: [1]\n"
    for index in 1...60 { text += "  p\(index): [\"${p\(index - 1)}\", \"${p\(index - 1)}\"]\n" }
    #expect(planError(text + "stages: {s: {run: x}}").contains("larger than 1048576 bytes"))
  }

  @Test func `An operation's parameters are checked where they stand`() throws {
    let text = "stages:\n  f:\n    op: curve.fit\n    in: {curve: a}\n    with: {skip: -1}"
    #expect(
      planError(text).hasPrefix(
        "p.yaml:5:18: error: parameter 'skip' takes a whole number, at least 0, not -1"))
    let misspelt = text.replacing("skip: -1", with: "skpi: 1")
    #expect(planError(misspelt).contains("p.yaml:5:12: error: curve.fit has no parameter 'skpi'"))
    #expect(planError(misspelt).contains("did you mean 'skip'?"))
    let operation = text.replacing("curve.fit", with: "curve.fti")
    #expect(planError(operation).hasPrefix("p.yaml:3:9: error: there is no operation 'curve.fti'"))
    #expect(planError(operation).contains("did you mean 'curve.fit'?"))
    let family = planError(text.replacing("curve.fit", with: "curve"))
    #expect(family.contains("there is: curve.") && family.contains("curve.fit"), "\(family)")
    let input = text.replacing("{curve: a}", with: "{curv: a}")
    #expect(planError(input).contains("p.yaml:4:10: error: curve.fit has no input 'curv'"))
    let missing = text.replacing("    in: {curve: a}\n", with: "")
    #expect(planError(missing).hasPrefix("p.yaml:2:3: error: the input 'curve' is missing"))
  }

  @Test func `A text parameter gets what is written, even where YAML sees a number`() throws {
    let plan = try plan("stages: {f: {op: curve.fit, in: {curve: a}, with: {label: 007, skip: 007}}}")
    #expect(plan.parameters("f") == ["label": "007", "skip": 7])
  }
}
