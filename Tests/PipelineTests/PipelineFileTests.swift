import Actions
import Foundation
import JSON
import Pipeline
import PlanSupport
import Testing

@Suite struct PipelineFileTests {
  @Test func `The example of the format's documentation is a pipeline`() throws {
    let document = try String(
      contentsOf: URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "docs/pipelines.md"),
      encoding: .utf8)
    let example = try #require(document.firstMatch(of: /```yaml\n((?:.*\n)*?)```/)).output.1
    let file = try PipelineFile(text: String(example), path: "example.yaml")
    #expect(file.parameters.map(\.name) == ["corpus", "sizes", "data"])
    #expect(file.parameters[1].value == ["47k", "188k"])
  }

  @Test func `Plain scalars are typed as YAML's core schema says, quoted ones are text`() throws {
    let text = """
      params:
        a: [1, -7, +3, 0x1F, 0o17, 1.5, 1e-3, .5, 5., true, False, null, ~]
        b: ["1", 'true', yes, 1_000, 0x, 1e, "~", 12e, 1.2.3, -, ., +.e3]
        c: 007
        d: 123456789012345678901234567890
        e: .inf
        f: 1e999
        g: {x: 1, y: [z]}
      stages: { s: { run: "true" } }
      """
    let values = Dictionary(
      uniqueKeysWithValues: try PipelineFile(text: text, path: "p.yaml").parameters.map {
        ($0.name, $0.value)
      })
    #expect(
      values["a"] == [1, -7, 3, 31, 15, 1.5, 0.001, 0.5, 5.0, true, false, nil, nil])
    #expect(
      values["b"] == ["1", "true", "yes", "1_000", "0x", "1e", "~", "12e", "1.2.3", "-", ".", "+.e3"])
    #expect(values["c"] == 7)
    #expect(values["d"] == .number(1.2345678901234568e29))
    #expect(values["e"] == ".inf")
    #expect(values["f"] == "1e999")
    #expect(values["g"] == ["x": 1, "y": ["z"]])
  }

  @Test(arguments: [
    ("stges: {}", "p.yaml:1:1: error: a pipeline has no 'stges:'\n  hint: did you mean 'stages'?"),
    ("params: {}", "p.yaml:1:1: error: there is no stages: in this file"),
    ("stages: {}", "p.yaml:1:9: error: stages: is empty"),
    ("stages: [a]", "p.yaml:1:9: error: stages: takes a mapping, not a list"),
    ("- a", "p.yaml:1:1: error: a pipeline is a mapping, not a list"),
    ("", "p.yaml:1:1: error: there is nothing in this file"),
    ("# only a comment\n", "p.yaml:1:1: error: there is nothing in this file"),
    (
      "stages:\n  a: {runn: x}",
      "p.yaml:2:7: error: the stage 'a' has no 'runn:'\n  hint: did you mean 'run'?"
    ),
    ("stages:\n  a: {in: {}}", "p.yaml:2:3: error: the stage 'a' has neither op: nor run:"),
    ("stages:\n  a: {run: x, op: y}", "p.yaml:2:3: error: the stage 'a' has both op: and run:"),
    ("stages:\n  a: {run: x, with: {}}", "p.yaml:2:15: error: with: is for op: stages"),
    ("stages:\n  a: {op: curve.fit, out: {}}", "p.yaml:2:22: error: out: is for run: stages"),
    ("stages:\n  a b: {run: x}", "p.yaml:2:3: error: 'a b' cannot be the name of a stage"),
    ("stages:\n  a.b: {run: x}", "p.yaml:2:3: error: 'a.b' cannot be the name of a stage"),
    (
      "stages:\n  a: {run: x}\n  a: {run: y}",
      "p.yaml:3:3: error: 'a' stands twice in the same mapping\n  hint: it stands in line 2 too: remove one of the two"
    ),
    ("stages:\n  a: {run: x}\n  \"a\": {run: y}", "p.yaml:3:3: error: 'a' stands twice in the same mapping"),
    ("stages:\n  a: {run: x}\ndefault: a", "p.yaml:3:10: error: default: takes a list of targets, not 'a'"),
    ("stages:\n  a: {run: x}\ndefault: [b]", "p.yaml:3:11: error: there is no stage 'b'"),
    ("stages:\n  a: {run: [x]}", "p.yaml:2:12: error: run: takes shell text, not a list"),
    ("stages:\n  a: {run: x, env: {A=B: 1}}", "cannot be the name of an environment variable"),
    ("stages:\n  a: {run: x, pass-env: A}", "p.yaml:2:25: error: pass-env: takes a list, not 'A'"),
    (
      "stages:\n  a: {run: x, out: {o: [1]}}",
      "p.yaml:2:24: error: the output 'o' takes a file name, not a list"
    ),
    ("a: 1\n---\nb: 2", "p.yaml:2:1: error: another document starts here"),
    ("stages: [", "p.yaml:1:10: error: this is not YAML: did not find expected node content"),
    ("stages:\n\ta: 1", "p.yaml:2:1: error: this is not YAML: found character that cannot start any token"),
    ("a: \u{1}", "p.yaml:1:4: error: this is not YAML: control characters are not allowed"),
    ("a: !!binary abc", "p.yaml:1:4: error: the tag tag:yaml.org,2002:binary is not supported"),
    ("a: \0b", "p.yaml:1:4: error: this is not YAML: control characters are not allowed"),
    ("é: 1\r\nstages: {ü: *x}", "p.yaml:2:13: error: aliases are not supported"),
    ("*x : 1", "p.yaml:1:1: error: aliases are not supported"),
    ("!!int a: 1", "p.yaml:1:1: error: the tag tag:yaml.org,2002:int is not supported"),
    ("\u{FEFF}stages: {", "p.yaml:1:10: error: this is not YAML: did not find expected node content"),
    ("? a\n: b", "p.yaml:1:1: error: explicit keys ('? ') are not supported"),
    ("ä: what ? # ?\nc: {d: e?, ? f : g}", "p.yaml:2:12: error: explicit keys ('? ') are not supported"),
    ("a: b\n\n? # ?\n  c\n: d", "p.yaml:3:1: error: explicit keys ('? ') are not supported"),
    ("stages: {[a]: b}", "p.yaml:1:10: error: a name is wanted here, not a list or a mapping"),
  ]) func `A mistake is named with its position`(text: String, message: String) {
    let error = planError(text)
    #expect(error.contains(message), "\(error)")
  }

  @Test func `Anchors are refused wherever YAML would take them, and elsewhere are text`() throws {
    for text in [
      "a: &x 1", "- &x 1", "&x a: 1", "[&x 1]", "{a: &x 1}", "a: !!str &x 1", "a:\n  &x\n  b",
      "a: 1\r&x b: 2", "a: &x [*x, *x]", "a: &x {b: *x}",
    ] {
      #expect(planError(text).contains("anchors are not supported"), "\(text)")
    }
    let text = """
      stages:
        s:
          run: |
            make -C a&b && echo R&D 2>&1 & ls ?.txt "what ? now"
      """
    let command = try plan(text).command("s")?.text
    #expect(command == "make -C a&b && echo R&D 2>&1 & ls ?.txt \"what ? now\"")
  }

  @Test func `Deep and large files are refused at once`() {
    let lists = String(repeating: "[", count: 100) + String(repeating: "]", count: 100)
    #expect(planError("a: " + lists).contains("nested more than 64 deep"))
    let endless = "a: " + String(repeating: "[", count: 200_000)
    #expect(planError(endless).contains("p.yaml:1:"))
    let short = "a:\n" + String(repeating: "-\n", count: 4_100_000)
    #expect(planError(short).contains("at most 4000000 values"))
    let large = "# " + String(repeating: "x", count: 16 << 20)
    #expect(planError(large).contains("at most 16777216"))
    let keys = String(repeating: "{", count: 900) + "a" + String(repeating: "}: 1", count: 900)
    #expect(planError("a: " + keys) != "no error")
  }

  @Test func `Mutated files give errors inside the file, never a crash`() throws {
    let good = Array(
      """
      params:
        sizes: [47k, 188k]
        n: 3
      stages:
        import: { op: curve.import, in: { file: "data ${n}.csv" } }
        train:
          for: { size: "${sizes}", seed: 1..3 }
          op: lm.train
          with: { steps: "${n}" }
        fit:
          for: { size: "${sizes}", seed: {from: 1, to: 2} }
          op: curve.fit
          in: { curve: "train[${size},${seed}].losses" }
          publish: results/
        table:
          run: cat ${in.fits} > ${out.table} # $HOME $${x}
          in: { fits: [fit, other.csv], c: 'import.curves' }
          out: { table: table.csv, plots: plots/ }
          tools: { cat: cat --version }
      default: [table]
      """.utf8)
    let original = String(decoding: good, as: UTF8.self)
    #expect(try plan(original).instances.count == 12)
    var state: UInt64 = 88_172_645_463_325_252
    func random(_ bound: Int) -> Int {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return Int(state % UInt64(bound))
    }
    let spice = Array("[]{}:,&*!|>'\"%@`#-?$. \n\t0aé".utf8)
    var failures = 0
    for _ in 0..<600 {
      var bytes = good
      for _ in 0...random(3) {
        let place = random(bytes.count)
        switch random(4) {
        case 0: bytes[place] = UInt8(random(256))
        case 1: bytes[place] = spice[random(spice.count)]
        case 2: bytes.remove(at: place)
        default: bytes.insert(spice[random(spice.count)], at: place)
        }
      }
      let text = String(decoding: bytes, as: UTF8.self)
      do {
        _ = try plan(text)
      } catch let error as PipelineError {
        failures += 1
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        guard let position = error.position else {
          Issue.record("no position: \(error)\n\(text)")
          continue
        }
        #expect((1...lines.count).contains(position.line), "\(error)\n\(text)")
        let length = position.line <= lines.count ? lines[position.line - 1].unicodeScalars.count : 0
        #expect((1...length + 1).contains(position.column), "\(error)\n\(text)")
      }
    }
    #expect(failures > 100)
  }
}
