import Actions
import Artefacts
import JSON
import Pipeline
import PlanSupport
import Testing

@Suite struct PlanSourceTests {
  static let stages = """
    stages:
      tokens: { run: x, out: { tokens: t.bin } }
      train: { for: { size: [s, l] }, op: lm.train, in: { tokens: tokens } }
      import: { op: curve.import, in: { file: c.json } }
      imports: { for: { set: [p, q] }, op: curve.import, in: { file: "${set}.json" } }
      fit: { for: { size: [s, l] }, op: curve.fit, in: { curve: "train[${size}].losses" } }

    """

  private func source(many text: String) throws -> InputSource? {
    try plan(Self.stages + "  it: { op: curve.compare, in: { fits: \(text) } }").source("it", "fits")
  }

  private func source(command text: String) throws -> InputSource? {
    try plan(Self.stages + "  it: { run: x, in: { i: \(text) } }").source("it", "i")
  }

  private func error(one text: String) -> String {
    planError(Self.stages + "  it: { op: curve.fit, in: { curve: \(text) } }")
  }

  private func member(_ key: String, _ instance: String, _ output: String) -> InputSource.Member {
    InputSource.Member(key: key, source: .output(instance: instance, output: output, key: nil))
  }

  @Test func `A source is a stage if it starts with the name of one, otherwise a path`() throws {
    #expect(try source(command: "tokens") == .output(instance: "tokens", output: "tokens", key: nil))
    #expect(try source(command: "./tokens") == .file("tokens"))
    #expect(try source(command: "tokenz") == .file("tokenz"))
    #expect(try source(command: "tokens/data.csv") == .file("tokens/data.csv"))
    #expect(try source(command: "../up/x.csv") == .file("../up/x.csv"))
    #expect(try source(command: "/abs") == .file("/abs"))
    #expect(try source(command: "\"train[s]x\"") == .file("train[s]x"))
    #expect(try source(command: "./") == .file("./"))
    let hex = String(repeating: "ab", count: 32)
    #expect(try source(command: "sha256:\(hex)") == .artefact(Digest(hex)!))
  }

  @Test func `One input takes one instance, one output, one member`() throws {
    #expect(
      try source(command: "\"train[ l ].losses\"")
        == .output(instance: "train[l]", output: "losses", key: nil))
    #expect(
      try source(command: "\"train[l].checkpoints[2]\"")
        == .output(instance: "train[l]", output: "checkpoints", key: "2"))
    #expect(
      try source(command: "\"import.curves[any]\"")
        == .output(instance: "import", output: "curves", key: "any"))
    #expect(try source(command: "import") == .members(instance: "import", output: "curves"))
  }

  @Test func `A star leaves one of several keys open`() throws {
    let plan = try plan(
      """
      stages:
        a: { for: { size: [s, l], step: 1..3 }, run: z, out: { o: o } }
        one: { for: { size: [s, l] }, op: curve.compare, in: { fits: "a[${size},*]" } }
        two: { op: curve.compare, in: { fits: "a[*,2]" } }
        all: { op: curve.compare, in: { fits: "a[*,*]" } }
      """)
    func keys(_ stage: String) -> [String] {
      if case .collection(let members)? = plan.source(stage, "fits") { members.map(\.key) } else { [] }
    }
    #expect(keys("one[l]") == ["l,1", "l,2", "l,3"])
    #expect(keys("two") == ["s,2", "l,2"])
    #expect(keys("all").count == 6)
    for wrong in ["a[m,*]", "a[*,*,*]", "b[s,*]"] {
      let text = "stages: {a: {for: {size: [s], step: 1..3}, run: z, out: {o: o}}, b: {run: z, out: {o: o}}, "
      let error = planError(text + "c: {run: z, in: {i: '\(wrong)'}}}")
      #expect(error.contains("no instance is \(wrong)"), "\(error)")
    }
  }

  @Test func `Many artefacts come with the keys of their instances`() throws {
    let all = InputSource.collection([member("s", "fit[s]", "fit"), member("l", "fit[l]", "fit")])
    #expect(try source(many: "fit") == all)
    #expect(try source(many: "\"fit[*]\"") == all)
    #expect(try source(command: "fit.fit") == all)
    #expect(try source(many: "\"fit[l]\"") == .collection([member("l", "fit[l]", "fit")]))
    #expect(try source(many: "tokens") == .collection([member("tokens", "tokens", "tokens")]))
    #expect(try source(many: "import") == .members(instance: "import", output: "curves"))
    #expect(try source(many: "[import]") == .members(instance: "import", output: "curves"))
    #expect(
      try source(many: "imports")
        == .collection([
          .init(key: "p", source: .members(instance: "imports[p]", output: "curves")),
          .init(key: "q", source: .members(instance: "imports[q]", output: "curves")),
        ]))
    #expect(
      try source(many: "\"train.checkpoints[3]\"")
        == .collection([
          .init(key: "s", source: .output(instance: "train[s]", output: "checkpoints", key: "3")),
          .init(key: "l", source: .output(instance: "train[l]", output: "checkpoints", key: "3")),
        ]))
  }

  @Test func `A list is a collection in its order`() throws {
    #expect(
      try source(many: "[b/x.csv, \"fit[l]\", \"import.curves[k]\", ./y]")
        == .collection([
          .init(key: "x.csv", source: .file("b/x.csv")), member("l", "fit[l]", "fit"),
          .init(key: "k", source: .output(instance: "import", output: "curves", key: "k")),
          .init(key: "y", source: .file("y")),
        ]))
    #expect(
      try source(command: "[\"train[s].checkpoints[1]\", \"train[s].checkpoints[2]\"]")
        == .collection([
          .init(key: "s,1", source: .output(instance: "train[s]", output: "checkpoints", key: "1")),
          .init(key: "s,2", source: .output(instance: "train[s]", output: "checkpoints", key: "2")),
        ]))
    #expect(try source(command: "[a.csv]") == .collection([.init(key: "a.csv", source: .file("a.csv"))]))
  }

  @Test func `A parameter may hold a source or a list of them`() throws {
    let text = """
      params: { files: [a.csv, fit], one: "train[s].losses" }
      stages:
        train: { for: { size: [s] }, op: lm.train }
        fit: { op: curve.fit, in: { curve: "${one}" } }
        all: { op: curve.compare, in: { fits: "${files}" } }
      """
    let plan = try plan(text)
    #expect(plan.source("fit", "curve") == .output(instance: "train[s]", output: "losses", key: nil))
    #expect(
      plan.source("all", "fits")
        == .collection([.init(key: "a.csv", source: .file("a.csv")), member("fit", "fit", "fit")]))
  }

  @Test(arguments: [
    ("fit", "takes one artefact and is given 2"), ("[a, b]", "takes one artefact and is given 2"),
    ("import", "import.curves has one for each of its keys"),
    ("train", "the stage 'train' has 2 outputs; one must be named"),
    ("\"train[m].losses\"", "there is no instance train[m]\n  there is  s, l"),
    ("\"train[s,l].losses\"", "train[s,l] has 2 of the 1 keys of 'train'"),
    ("\"train[s].lsses\"", "did you mean 'losses'?"),
    ("\"train[s].checkpoints[9]\"", "has no member '9'\n  there is  1, 2, 3"),
    ("\"train[s].losses[9]\"", "is one artefact and has no members"),
    ("\"import[14M]\"", "a member of its output is import.curves[14M]"),
    ("tokens.bin", "write ./tokens.bin"), ("sha256:12", "is no digest"),
    ("''", "comes from nothing"),
    ("null", "comes from nothing"), ("{a: b}", "comes from a mapping"), ("[[a]]", "comes from a list"),
  ]) func `A source that does not fit is refused`(text: String, message: String) {
    let error = error(one: text)
    #expect(error.hasPrefix("p.yaml:7:") && error.contains(message), "\(error)")
  }

  @Test func `Two artefacts of a list cannot have the same key`() {
    let error = planError(Self.stages + "  it: { op: curve.compare, in: { fits: [a/x, b/x] } }")
    #expect(error.contains("two artefacts of the input 'fits' have the key 'x'"))
    for name in ["..", ".", "a/..", "'a,b'", "'x[1].csv'"] {
      let error = planError(Self.stages + "  it: { op: curve.compare, in: { fits: [\(name)] } }")
      #expect(error.contains("cannot be a key of the input 'fits'"), "\(error)")
    }
  }

  @Test func `Stages stand behind what they depend on, and otherwise in the file's order`() throws {
    let plan = try plan(
      """
      stages:
        z: { run: x, in: { a: m, b: b } }
        a: { run: x, out: { o: o } }
        m: { run: x, in: { a: c }, out: { o: o } }
        b: { run: x, out: { o: o } }
        c: { for: { i: 1..2 }, run: x, out: { o: o } }
      """)
    #expect(plan.names == ["a", "b", "c[1]", "c[2]", "m", "z"])
    #expect(plan["z"]?.dependencies == ["m", "b"])
    #expect(plan.defaults == ["z", "a"])
  }

  @Test func `A cycle is printed with the position of each of its stages`() {
    let error = planError(
      """
      stages:
        free: { run: x }
        a: { run: x, in: { i: b }, out: { o: o } }
        b: { run: x, in: { i: c }, out: { o: o } }
        c: { run: x, in: { i: a }, out: { o: o } }
        d: { run: x, in: { i: a } }
      """)
    #expect(error.hasPrefix("p.yaml:3:3: error: stages depend on each other: a -> b -> c -> a"))
    #expect(error.contains("b  p.yaml:4:3") && error.contains("c  p.yaml:5:3"))
    let loop = planError("stages: { a: { run: x, in: { i: a }, out: { o: o } } }")
    #expect(loop.contains("the stage 'a' depends on itself"))
    let keyed = planError("stages: { a: { for: { k: a.o }, run: x, out: { o: o/ } } }")
    #expect(keyed.contains("the stage 'a' depends on itself"))
  }

  @Test func `Where a stage is named and a file may be meant, the error says how to write the file`() {
    let own = planError("stages: { train: { run: x, in: { script: train.py }, out: { o: o } } }")
    #expect(own.hasPrefix("p.yaml:1:42: error: the stage 'train' has no output 'py'"), "\(own)")
    #expect(own.contains("if you mean the file, write ./train.py"))
    let loop = planError("stages: { train: { run: x, in: { script: train.py }, out: { py: o } } }")
    #expect(loop.hasPrefix("p.yaml:1:42: error: the stage 'train' depends on itself"), "\(loop)")
    #expect(loop.contains("if you mean the file, write ./train.py"))
    let other = planError(
      "stages: { train: { run: x, out: { py3: o } }, use: { run: x, in: { script: train.py } } }")
    #expect(other.contains("did you mean 'py3'?; if you mean the file, write ./train.py"), "\(other)")
    #expect(
      planError("stages: { a: { for: { i: 1..2 }, run: x, in: { i: 'a[1]' }, out: { o: o } } }").contains(
        "another instance of itself"))
    #expect(
      planError("stages: { train: { run: x, in: { script: ./train.py }, out: { o: o } } }") == "no error")
  }

  @Test func `A long chain of stages is no deep recursion`() throws {
    var text = "stages:\n"
    for index in (0..<5_000).reversed() {
      text += "  s\(index): { run: x, in: { i: \(index == 0 ? "f" : "s\(index - 1)") }, out: { o: o } }\n"
    }
    let plan = try plan(text)
    #expect(plan.instances.count == 5_000)
    #expect(plan.instances.first?.name == "s0")
    #expect(try plan.selection(["s4999"]).instances.count == 5_000)
  }
}
