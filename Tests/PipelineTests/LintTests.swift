import Actions
import JSON
import Pipeline
import PlanSupport
import Testing

@Suite struct LintTests {
  /// `LINE:COLUMN severity: headline`, with the file's name before it if it is an included one.
  private func findings(
    _ text: String, _ overrides: [(name: String, value: String)] = [], files: [String: String] = [:]
  ) -> [String] {
    let lint = PipelineLint(registry: registry)
    let findings = lint.findings(text: text, path: "p.yaml", overrides: overrides) { path in
      guard let text = files[path] else { throw PipelineError("cannot read '\(path)'") }
      return text
    }
    return findings.map { finding in
      let place = finding.position.map { "\($0) " } ?? ""
      return "\(place.replacing("p.yaml:", with: ""))\(finding.severity.rawValue): \(finding.headline)"
    }
  }

  @Test func `All errors of all stages are found at once, in the file's order`() {
    let text = """
      stages:
        one: { rum: x }
        two: { run: "echo ${nothing}", in: { x: "${nowhere}" }, network: maybe }
        three: { op: curve.ft, in: { curve: two } }
        four: { op: curve.fit, in: { curve: one }, with: { skip: -1 } }
        five: { op: curve.compare, in: { fits: six.ou } }
        six: { for: { x: [a, a] }, run: y, out: { o: o } }
        seven: { op: curve.fit, in: { curve: "train[2].losses" }, cores: many }
        train: { for: { n: 1..1 }, op: lm.train }
        eight: { op: curve.fit, in: { curve: "train[2].losses" } }
        nine: { op: curve.fit, in: { curve: three.fit } }
      default: [ten]
      """
    #expect(
      findings(text) == [
        "2:10 error: the stage 'one' has no 'rum:'", "3:15 error: unknown name ${nothing}",
        "3:43 error: unknown name ${nowhere}", "3:68 error: network: takes true or false, not 'maybe'",
        "4:16 error: there is no operation 'curve.ft'",
        "5:60 error: parameter 'skip' takes a whole number, at least 0, not -1",
        "6:42 error: the stage 'six' has no output 'ou'",
        "7:24 error: 'a' is twice among the values of 'x'",
        "8:40 error: there is no instance train[2]",
        "8:68 error: cores: takes a whole number from 1 to 65536, not 'many'",
        "10:40 error: there is no instance train[2]", "12:11 error: there is no stage 'ten'",
      ])
  }

  /// `LINE:COLUMN` of each finding.
  private func places(_ text: String) -> [String] {
    findings(text).map { finding in String(finding.split(separator: " ")[0]) }
  }

  @Test func `All errors of one stage are found at once`() {
    let command = """
      stages:
        one:
          run: cat ${in.i}
          in: { i: a.txt }
          cores: -3
          memory: 4X
          gpus: x
          time: never
          timeout: soon
          retries: -1
          runner: pbs
          grace: long
          publish: /etc/
          codes: [a]
          undeclared: maybe
          stdin: nosuch
          network: perhaps
          env: { "a b": c }
          out: { o: o }
      """
    #expect(
      places(command) == [
        "5:12", "6:13", "7:11", "8:11", "9:14", "10:14", "11:13", "12:12", "13:14", "14:13", "15:17", "16:12",
        "17:14", "18:12",
      ])
    let operation = """
      stages:
        g: { run: x, out: { o: o } }
        one:
          op: curve.fit
          in: { curve: g.oops, extra: a, more: b }
          with: { skip: abc, boostrap: 3, foo: 4 }
          cores: none
      """
    #expect(places(operation) == ["5:18", "5:26", "5:36", "6:19", "6:24", "6:37", "7:12"])
    // A run ends with the first of them, as before.
    let first = planError(command)
    #expect(first.contains("environment variable") && !first.contains("undeclared:"))
  }

  @Test func `Where a field is no mapping, all else is looked at, and nothing that belongs in it is missed`()
  {
    let text = """
      stages:
        one: { run: "cat ${in.i}", in: [a.txt], stdin: i, out: { o: o }, network: maybe, cores: none }
        two: { op: curve.fit, in: a.txt, with: 3, cores: none }
        three: { op: curve.import, in: { file: a.txt }, with: [a], publish: /etc/ }
        four: { run: "cat ${in.i}", in: { i: a.txt }, out: [a], cores: none }
      """
    #expect(
      places(text) == ["2:34", "2:77", "2:91", "3:29", "3:42", "3:52", "4:57", "4:71", "5:54", "5:66"])
    // Of an operation with a parameter that must be given it is not missed, either.
    let needy = DeclaredOperation(name: "needy", parameters: [Parameter<String>("word", help: "A word.")])
    let found = PipelineLint(registry: OperationRegistry([needy])).findings(
      text: "stages: { s: { op: needy, with: word } }", path: "p.yaml")
    #expect(found.map(\.headline) == ["with: takes a mapping, not 'word'"])
  }

  @Test func `Errors of parameters, of what is included and of YAML are found, too`() {
    let text = """
      params:
        a b: 1
        late: "${later}"
        later: 2
      include: [i.yaml, nowhere.yaml]
      stages: { s: { rum: x } }
      """
    #expect(
      findings(text, files: ["i.yaml": "stages: { t: { run: x, out: [] } }"]) == [
        "i.yaml:1:29 error: out: takes a mapping, not a list",
        "2:3 error: 'a b' cannot be the name of a parameter",
        "3:9 error: the parameter 'late' refers to itself or to one that stands below it",
        "5:19 error: cannot read 'nowhere.yaml'", "6:16 error: the stage 's' has no 'rum:'",
      ])
    #expect(findings("stages: [").first?.contains("error: this is not YAML") == true)
    #expect(findings("stages: {s: {run: x}}", [("x", "1")]) == ["error: there is no parameter 'x'"])
    let loop =
      "stages: { a: { run: x, in: { i: b }, out: { o: o } }, b: { run: x, in: { i: a }, out: { o: o } } }"
    #expect(findings(loop) == ["1:11 error: stages depend on each other: a -> b -> a"])
  }

  @Test func `What depends on a parameter without a value is looked at once it has one`() {
    let text = """
      params: { file: null, size: null }
      stages:
        fit: { op: curve.fit, in: { curve: "${file}" }, with: { skip: "${size}" } }
        use: { op: curve.compare, in: { fits: fit.nothing } }
        bad: { op: curve.fit, in: { curve: f }, with: { skip: x } }
      """
    let always = ["5:57 error: parameter 'skip' takes a whole number, at least 0, not a string (\"x\")"]
    #expect(findings(text) == always)
    #expect(
      findings(text, [("file", "f"), ("size", "3")])
        == ["4:41 error: the stage 'fit' has no output 'nothing'"] + always)
  }

  @Test func `What is probably not meant is a warning`() {
    let text = """
      params: { used: 1, unused: 2, in-name: 3 }
      stages:
        a: { for: { x: 1..2, y: "${x}..3" }, run: "echo ${used} > ${out.o}", out: { o: o } }
        b: { run: "curl ${in.i}; echo $RANDOM", in: { i: a }, out: { o: "${in-name}", p: p }, publish: { o: o } }
        c: { run: "date --help; wget up-to-date.txt", in: { i: a }, network: true }
        d: { for: { x: [] }, run: "$(date)" }
      default: [b]
      """
    #expect(
      findings(text) == [
        "1:20 warning: nothing uses the parameter 'unused'",
        "3:24 warning: nothing of the stage 'a' depends on its variable 'y'",
        "4:13 warning: the command of 'b' calls 'curl', and has no network",
        "4:13 warning: the command of 'b' uses '$RANDOM', which is another one each time",
        "4:81 warning: no stage reads the output 'p' of 'b', and it is not published",
        "5:3 warning: no other stage uses 'c', and default: does not name it",
        "6:3 warning: the stage 'd' has no instances",
        "6:15 warning: nothing of the stage 'd' depends on its variable 'x'",
        "6:29 warning: the command of 'd' uses '$(date', which is another one each time",
      ])
    #expect(findings(text + "\nunknown: 1") == ["8:1 error: a pipeline has no 'unknown:'"])
  }

  @Test func `Nobody needs to read what a command goes on from itself`() {
    let text = """
      stages:
        a: { run: x, out: { c: { folder: c/, key: "*.pt", grows: true }, o: o }, publish: { o: o } }
        b: { run: x, out: { c: { folder: c/, key: "*.pt" }, p: p }, publish: { p: p } }
      """
    #expect(
      findings(text) == ["3:23 warning: no stage reads the output 'c' of 'b', and it is not published"])
  }
}

@Suite struct SchemaTests {
  private let schema = PipelineSchema(registry: registry).json

  @Test func `The schema has the sections and fields that are read, and no others`() throws {
    let sections = try #require(schema["properties"]?.object).keys.sorted()
    #expect(
      planError("nothing: 1").contains(
        "there is: \(["include", "params", "stages", "default"].joined(separator: ", "))"))
    #expect(sections == ["default", "include", "params", "stages"])
    let stage = try #require(schema["$defs"]?["stage"])
    for (field, value) in try #require(stage["properties"]?.object) {
      #expect(value["description"]?.string?.hasSuffix(".") == true)
      let error = planError("stages: {s: {run: x, op: curve.fit, \(field): 1}}")
      #expect(!error.contains("has no '\(field):'"), "\(error)")
    }
    #expect(planError("stages: {s: {run: x, nothing: 1}}").contains("has no 'nothing:'"))
    #expect(stage["additionalProperties"] == false)
  }

  @Test func `Operations are in it with their inputs and parameters`() throws {
    let stage = try #require(schema["$defs"]?["stage"])
    #expect(
      stage["properties"]?["op"]?["enum"] == ["curve.compare", "curve.fit", "curve.import", "lm.train"])
    let rule = try #require(
      stage["allOf"]?.array?.first { $0["if"]?["properties"]?["op"]?["const"] == "curve.fit" })
    let fields = rule["then"]?["properties"]
    #expect(fields?["in"]?["required"] == ["curve"])
    #expect(fields?["with"]?["additionalProperties"] == false)
    let skip = fields?["with"]?["properties"]?["skip"]
    #expect(skip?["default"] == 10)
    #expect(skip?["description"] == "Steps to leave out. (a whole number, at least 0)")
    #expect(skip?["anyOf"]?.array?.first == ["type": "integer"])
  }

  /// Every `$ref` leads somewhere.
  @Test func `Its references lead to what it defines`() throws {
    let defined = Set(try #require(schema["$defs"]?.object).keys)
    func references(_ json: JSON) -> [String] {
      switch json {
      case .object(let members):
        members.flatMap { $0 == "$ref" ? [$1.string ?? ""] : references($1) }
      case .array(let elements): elements.flatMap(references)
      default: []
      }
    }
    let used = Set(references(schema))
    #expect(used == Set(defined.map { "#/$defs/\($0)" }))
  }
}
