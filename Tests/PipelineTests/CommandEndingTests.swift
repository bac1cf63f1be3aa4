import Actions
import JSON
import Pipeline
import PlanSupport
import Testing

@Suite struct CommandEndingTests {
  @Test func `A command says how it ends, also by its variables`() throws {
    let plan = try plan(
      """
      params: { limit: 2h30m }
      stages:
        s:
          for: { x: { a: { retries: 3, codes: [3, 0, 3] }, b: { retries: 0, codes: [1] } } }
          run: x
          timeout: "${limit}"
          grace: 1m
          retries: "${x.retries}"
          codes: "${x.codes}"
        plain: { run: x, stdin: data, in: { data: ./d } }
        same: { run: x, stdin: "${in.data}", in: { data: ./d } }
      """)
    #expect(
      plan.command("s[a]")?.ending
        == CommandEnding(codes: [0, 3], timeout: .seconds(9000), grace: .seconds(60), retries: 3))
    #expect(plan.command("s[b]")?.ending.codes == [1])
    #expect(plan.command("plain")?.ending == CommandEnding())
    #expect(plan.command("plain")?.stdin == "in.data")
    #expect(plan.command("same")?.stdin == "in.data")
    for name in ["s[a]", "s[b]", "plain"] {
      let instance = try #require(plan[name])
      let read = try StageInstance(instance.json, registry: OperationRegistry([]))
      #expect(read.json == instance.json)
    }
  }

  @Test(arguments: [
    ("timeout: 90", "timeout: takes a duration such as 2h30m or 45s, not '90'"), ("timeout: 0s", "not '0s'"),
    ("grace: soon", "grace: takes a duration"),
    ("retries: -1", "retries: takes a whole number from 0 to 100, not '-1'"),
    ("retries: 101", "from 0 to 100"), ("retries: some", "not 'some'"),
    ("codes: 3", "codes: takes a list of exit statuses"),
    ("codes: []", "codes: names no exit status"),
    ("codes: [256]", "an exit status is a whole number from 0 to 255, not '256'"),
    ("codes: [a]", "not 'a'"), ("stdin: nothing", "stdin: names no input: 'nothing'"),
    ("stdin: [a]", "stdin: takes the name of an input, not a list"), ("stdin: dats", "did you mean 'data'?"),
    ("stdin: \"${in.dats}\"", "${in.dats} is not declared in in:"),
    ("stdin: \"${out.o}\"", "stdin: takes one input, not '${out.o}'"),
    ("stdin: \"x${in.data}\"", "stdin: takes one input"),
    ("stdin: \"${previous.o}\"", "${previous.o} is of the link before, and this stage is no chain"),
  ]) func `What says nothing about the end is refused where it stands`(field: String, message: String) {
    let error = planError("stages:\n  s:\n    run: x\n    in: { data: d }\n    out: { o: o }\n    \(field)\n")
    #expect(error.hasPrefix("p.yaml:6:") && error.contains(message), "\(error)")
  }

  @Test func `Only commands end so, and their standard input is one file`() {
    for field in ["timeout: 1h", "grace: 1s", "retries: 1", "codes: [1]", "stdin: x"] {
      #expect(
        planError("stages:\n  s:\n    op: curve.fit\n    \(field)\n").contains("is for run: stages"),
        "\(field)")
    }
    let several = planError(
      """
      stages:
        a: { for: { x: 1..2 }, run: y, out: { o: o } }
        b: { run: y, in: { i: a }, stdin: i }
      """)
    #expect(
      several.contains("p.yaml:3:3: error: the standard input is one file, and 'i' is several"), "\(several)")
  }
}
