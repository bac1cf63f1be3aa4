import Artefacts
import JSON
import Pipeline
import PlanSupport
import Testing

@Suite struct FanOutTests {
  private func names(_ fields: String, parameters: String = "{a: 1}") throws -> [String] {
    try plan("params: \(parameters)\nstages:\n  s:\n    run: x\n\(fields)").names
  }

  private func error(_ fields: String, parameters: String = "{a: 1}") -> String {
    planError("params: \(parameters)\nstages:\n  s:\n    run: x\n\(fields)")
  }

  // MARK: Zipped and nested

  @Test func `Zipped variables go through their values together`() throws {
    #expect(
      try names("    for: { zip: { size: [a, b], steps: [10, 20] }, seed: 1..2 }")
        == ["s[a,10,1]", "s[a,10,2]", "s[b,20,1]", "s[b,20,2]"])
    #expect(
      try names("    for: { n: 3..4, zip: { x: [p, q], y: \"1..${two}\" } }", parameters: "{two: 2}").count
        == 4)
    #expect(try names("    for: { zip: { x: [p, p], y: 1..2 } }") == ["s[p,1]", "s[p,2]"])
    #expect(
      try names(
        "    for: { zip: { x: \"${rows}\", y: 3..4 } }\n    env: { V: \"${x.v}${y}\" }",
        parameters: "{rows: {k: {v: 1}, l: {v: 2}}}") == ["s[k,3]", "s[l,4]"])
  }

  @Test func `What cannot be zipped is said`() {
    let unequal = error("    for: { zip: { x: [a, b], y: 1..3 } }")
    #expect(
      unequal.hasPrefix("p.yaml:5:33: error: the variables of zip: have different numbers of values"),
      "\(unequal)")
    #expect(unequal.contains("x  2") && unequal.contains("y  3"))
    #expect(
      error("    for: { zip: { x: [a, a], y: [b, b] } }").contains("'a,b' is twice among the values of zip:"))
    #expect(error("    for: { zip: [a, b] }").contains("zip: takes a mapping of at least two variables"))
    #expect(error("    for: { zip: { x: [a] } }").contains("at least two variables"))
    #expect(error("    for: { x: [a], zip: { x: [a], y: [b] } }").contains("there are two variables 'x'"))
    #expect(error("    for: { zip: { x: [a], y: \"${x}\" } }").contains("unknown name ${x}"))
    #expect(error("    for: { zip: { x: [a], a: [b] } }").contains("called like a parameter"))
    #expect(error("    for: [{ x: 1 }]").contains("for: takes a mapping, not a list"))
  }

  @Test func `A variable runs over a list in the row of another`() throws {
    #expect(
      try names(
        "    for: { size: \"${sizes}\", step: \"${size.steps}\" }",
        parameters: "{sizes: {s: {steps: [1, 2]}, l: {steps: [4]}}}") == ["s[s,1]", "s[s,2]", "s[l,4]"])
  }

  // MARK: Pairs

  @Test func `Pairs are made of the values whose partner is a value, too`() throws {
    let plan = try plan(
      """
      params: { steps: [1, 2, 3, 4, 8], range: { from: 1, to: 20, factor: 2 } }
      stages:
        double: { for: { t: { pairs: "${steps}", factor: 2 } }, run: "echo ${t} ${t.to}" }
        next: { for: { t: { pairs: "${steps}" } }, run: "echo ${t} ${t.to}" }
        above: { for: { t: { pairs: "${steps}", step: 2 } }, run: "echo ${t} ${t.to}" }
        range: { for: { t: { pairs: "${range}", factor: 4 } }, run: "echo ${t} ${t.to}" }
        fit: { for: { t: { pairs: 1..2 } }, op: curve.fit, in: { curve: x }, with: { skip: "${t.to}" } }
        none: { for: { t: { pairs: [7] } }, run: x }
      """)
    func texts(_ stage: String) -> [String] {
      plan.instances.filter { $0.stage == stage }.compactMap { plan.command($0.name)?.text }
    }
    #expect(texts("double") == ["echo 1 2", "echo 2 4", "echo 4 8"])
    #expect(texts("next") == ["echo 1 2", "echo 2 3", "echo 3 4", "echo 4 8"])
    #expect(texts("above") == ["echo 1 3", "echo 2 4"])
    #expect(texts("range") == ["echo 1 4", "echo 2 8", "echo 4 16"])
    #expect(plan.parameters("fit[1]")?["skip"] == 2)
    #expect(plan.names.contains { $0.hasPrefix("none") } == false)
  }

  private static let change = """
    stages:
      train: { op: curve.import, in: { file: f } }
      losses: { for: { t: train.curves }, op: curve.fit, in: { curve: "train.curves[${t}]" } }
      change:
        for: { t: { pairs: train.curves, factor: 2 } }
        run: x
        in: { before: "losses[${t}]", after: "losses[${t.to}]" }
    """

  @Test func `Pairs of keys that nobody knows yet wait for them`() throws {
    let early = try plan(FanOutTests.change)
    #expect(early.deferred.map(\.stage) == ["losses", "change"])
    #expect(early.deferred.last?.waitsFor == [KeyedOutput(instance: "train", output: "curves")])
    let keys = [KeyedOutput(instance: "train", output: "curves"): ["1", "2", "4", "5"]]
    let late = try plan(FanOutTests.change, keys: keys)
    #expect(late.names.suffix(2) == ["change[1]", "change[2]"])
    #expect(late.source("change[2]", "after") == .output(instance: "losses[4]", output: "fit", key: nil))
    let odd = [KeyedOutput(instance: "train", output: "curves"): ["1", "last"]]
    #expect(planError(FanOutTests.change, keys: odd).contains("takes whole numbers, not 'last'"))
  }

  @Test(arguments: [
    ("{ pairs: [1, 2], factor: 1 }", "'factor' of pairs: takes a whole number of at least 2, not '1'"),
    ("{ pairs: [1, 2], step: 0 }", "at least 1"), ("{ pairs: [1, 2], step: 1, factor: 2 }", "either a step"),
    ("{ pairs: [1, 2], factr: 2 }", "did you mean 'factor'?"),
    ("{ pairs: [a, b], factor: 2 }", "takes whole numbers, not 'a'"),
    ("{ pairs: { pairs: 1..3 } }", "pairs: takes a list, a range or a keyed output"),
    ("{ pairs: { a: { b: 1 } } }", "pairs: takes a list, a range or a keyed output"),
    ("{ pairs: nowhere }", "'nowhere' is no stage"),
  ]) func `What is wrong with pairs is said`(domain: String, message: String) {
    let error = error("    for: { x: \(domain) }")
    #expect(error.hasPrefix("p.yaml:5:") && error.contains(message), "\(error)")
  }

  // MARK: Conditions

  @Test(arguments: [
    ("where: ${n} > 1", "2 3 4"), ("unless: ${n} > 1", "1"), ("where: ${n} != 2 and ${n} <= 3", "1 3"),
    ("where: ${n} == 1 or ${n} == 4 and not ${n} == 4", "1"), ("where: not (${n} == 1 or ${n} == 4)", "2 3"),
    ("where: ${n} in [1, 3.0, x]", "1 3"), ("where: ${n} not in [1, 3]", "2 4"),
    ("where: ${n} in ${some}", "2 4"), ("where: ${n} in ${table}", "3"), ("where: ${yes}", "1 2 3 4"),
    ("where: ${n} < ${most} or ${no}", "1 2"), ("where: \"'4' == ${n}\"", "4"), ("where: ${n} in []", ""),
    ("where: ${n} >= 2e0\n    unless: ${n} == 3", "2 4"), ("where: '''in'' == in2 or ${n} == 1'", "1"),
  ]) func `Conditions choose among the values`(field: String, chosen: String) throws {
    let parameters = "{some: [2, 4], table: {3: {}}, yes: true, no: false, most: 3}"
    let names = try names("    for: { n: 1..4 }\n    \(field)", parameters: parameters)
    #expect(names == chosen.split(separator: " ").map { "s[\($0)]" })
  }

  @Test func `Texts are compared as they are written, and columns like variables`() throws {
    #expect(
      try names("    for: { x: [a, b, '1'], y: 1..2 }\n    unless: ${x} == a and ${y} == 2 or ${x} == '1'")
        == ["s[a,1]", "s[b,1]", "s[b,2]"])
    #expect(
      try names(
        "    for: { run: \"${runs}\" }\n    where: ${run.warmup} > 0 and ${run} != base",
        parameters: "{runs: {base: {warmup: 3}, long: {warmup: 5}, none: {warmup: 0}}}") == ["s[long]"])
    #expect(
      try names("    for: { x: 1..2000, y: 1..2000 }\n    where: ${x} == 7\n    unless: ${y} > 1") == [
        "s[7,1]"
      ])
  }

  @Test(arguments: [
    ("${n} = 1", "6:17: error: a condition has no '='"), ("${n} == 1 ${n}", "${n} is not expected here"),
    ("n == 1", "6:12: error: 'n' is a text here"), ("${n} ==", "a value is missing at the end"),
    ("${n} < a", "6:19: error: '<' compares numbers, and 'a' is none"),
    ("${n}", "'1' is neither true nor false"),
    ("${m} == 1", "6:12: error: unknown name ${m}"), ("(${n} == 1", "')' is missing at the end"),
    ("${n} in 1", "'in' takes a list, not '1'"), ("${n} in [1", "']' is missing"),
    ("${n} == [1]", "a list cannot be compared"),
    ("${n}x == 1", "'x' stands directly behind ${n}"), ("and ${n} == 1", "a value is missing before 'and'"),
    ("'${n} == ''a'", "the quoted text has no end"), ("${n} && ${n}", "'&&' is not expected here"),
    ("${n} == 1 == 2", "'==' is not expected here"), ("${n} ! 1", "the contrary 'not'"),
    ("${n", "has no '}'"),
    ("\"\"", "where: takes a condition, not ''"), ("[a]", "where: takes a condition, not a list"),
    ("${n.x} == 1", "'1' has no ${n.x}"),
  ]) func `What is wrong with a condition is said where it stands`(condition: String, message: String) {
    let error = error("    for: { n: 1..2 }\n    where: \(condition)")
    #expect(error.hasPrefix("p.yaml:6:") && error.contains(message), "\(error)")
  }

  @Test func `Conditions are bounded, and belong to for`() {
    let deep = String(repeating: "(", count: 100) + "true" + String(repeating: ")", count: 100)
    #expect(error("    for: { n: 1..2 }\n    where: ${n} == 1 or \(deep)").contains("more than 32 deep"))
    let long = Array(repeating: "${n} == 1", count: 500).joined(separator: " or ")
    #expect(error("    for: { n: 1..2 }\n    where: \(long)").contains("at most 4096 bytes"))
    #expect(error("    where: ${a} == 1").contains("where: chooses among the values of for:"))
  }
}
