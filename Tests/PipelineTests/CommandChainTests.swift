import Actions
import JSON
import Pipeline
import PlanSupport
import Testing

@Suite struct CommandChainTests {
  private func pipeline(_ chain: String, _ run: String = "x ${previous.ckpt} ${step} > ${out.ckpt}") -> String
  {
    """
    params: { last: 4 }
    stages:
      train:
        chain: \(chain)
        run: "\(run)"
        out: { ckpt: ckpt.pt, log: log.txt }
      table: { run: "cat ${in.all}", in: { all: train.ckpt } }
      one: { run: "cat ${in.x}", in: { x: "train[2].ckpt" } }
    """
  }

  @Test func `Each link reads the one before it, and others read links like instances`() throws {
    let plan = try plan(pipeline("{ step: [1, 2, 4] }"))
    #expect(plan.names == ["train[1]", "train[2]", "train[4]", "table", "one"])
    #expect(plan["train[1]"]?.inputs.map(\.name) == [])
    #expect(plan["train[2]"]?.inputs.map(\.name) == ["previous.ckpt"])
    #expect(
      plan.source("train[4]", "previous.ckpt") == .output(instance: "train[2]", output: "ckpt", key: nil))
    #expect(plan["train[4]"]?.dependencies == ["train[2]"])
    #expect(plan.source("one", "x") == .output(instance: "train[2]", output: "ckpt", key: nil))
    #expect(plan["table"]?.dependencies == ["train[1]", "train[2]", "train[4]"])
    #expect(plan.command("train[2]")?.text == "x ${previous.ckpt} 2 > ${out.ckpt}")
    #expect(plan.defaults == ["table", "one"])
  }

  @Test func `Steps are written as what for: runs over`() throws {
    for steps in ["{from: 1, to: \"${last}\", factor: 2}", "[1, 2, 4]", "{1: {r: a}, 2: {r: b}, 4: {r: c}}"] {
      #expect(
        try plan(pipeline("{ step: \(steps) }")).names.prefix(3) == ["train[1]", "train[2]", "train[4]"])
    }
  }

  @Test func `With for: there is a chain for each combination, over what where: leaves`() throws {
    let plan = try plan(
      """
      stages:
        train:
          for: { size: { s: { steps: [1, 2] }, l: { steps: [1, 3, 9] } } }
          chain: { step: "${size.steps}" }
          where: not (${size} == l and ${step} == 3)
          run: x ${size} ${step} ${previous.all}
          out: { all: all/ }
      """)
    #expect(plan.names == ["train[s,1]", "train[s,2]", "train[l,1]", "train[l,9]"])
    #expect(plan["train[l,1]"]?.inputs.map(\.name) == [])
    #expect(plan.source("train[s,2]", "previous.all") == .members(instance: "train[s,1]", output: "all"))
    #expect(plan.source("train[l,9]", "previous.all") == .members(instance: "train[l,1]", output: "all"))
  }

  @Test(arguments: [
    ("{ step: [1, 2, 2] }", "p.yaml:4:27: error: '2' is twice among the values of 'step'"),
    (
      "{ step: [1, 4, 2] }",
      "p.yaml:4:27: error: the steps of the chain 'train' do not increase: 2 comes behind 4"
    ),
    ("{ step: [1, x] }", "p.yaml:4:24: error: the link 'x' of 'train' is no step"),
    ("{ step: [-1, 2] }", "the link '-1' of 'train' is no step"),
    ("{ step: [1], other: [2] }", "p.yaml:4:12: error: chain: takes one variable, not 2"), ("{}", "not 0"),
    ("[1, 2]", "chain: takes a mapping, not a list"), ("{ zip: [1] }", "cannot be called zip"),
    ("{ last: [1] }", "the variable 'last' is called like a parameter"),
    ("{ step: nothing }", "'nothing' is no stage"),
    ("{ step: train.ckpt }", "depends on itself"),
  ]) func `What is no chain is refused where it stands`(chain: String, message: String) {
    let error = planError(pipeline(chain))
    #expect(error.contains(message), "\(error)")
  }

  @Test func `What a link cannot read of the one before it is refused`() {
    #expect(
      planError(pipeline("{ step: [1] }", "x ${previous.ckpd}")).contains(
        "p.yaml:5:10: error: no link has the output 'ckpd' for the next one\n  hint: did you mean ${previous.ckpt}?"
      ))
    #expect(
      planError("stages: { s: { run: 'x ${previous.o}', out: { o: o } } }").contains(
        "${previous.o} is of the link before, and this stage is no chain"))
    #expect(
      planError("stages: { s: { chain: { n: 1..2 }, run: 'x', out: { o: 'o${previous.o}' } } }").contains(
        "${previous.o} can only be used in run:"))
    #expect(
      planError("stages: { s: { chain: { n: 1..2 }, run: x } }").contains(
        "the links of this chain have no outputs"))
    #expect(
      planError("stages: { s: { chain: { n: 1..2 }, op: curve.fit } }").contains("chain: is for run: stages"))
    #expect(
      planError("stages: { s: { chain: { n: 1..2 }, run: 'x ${in.i}', in: { i: 's[1]' }, out: { o: o } } }")
        .contains(
          "a link reads the one before it as ${previous.NAME} in run:"))
    #expect(
      planError(
        """
        stages:
          a: { chain: { n: 1..2 }, run: 'x ${in.i} ${previous.o}', in: { i: b }, out: { o: o } }
          b: { run: 'x ${in.i}', in: { i: a }, out: { o: o } }
        """
      ).contains("stages depend on each other: a -> b -> a"))
  }

  @Test func `A link is another action if its step or the link before is another one, not for later links`()
    throws
  {
    let (short, long) = (
      try plan(pipeline("{ step: [1, 2] }")), try plan(pipeline("{ step: [1, 2, 4, 8] }"))
    )
    for name in ["train[1]", "train[2]"] { #expect(short[name]?.json == long[name]?.json) }
    #expect(long["train[4]"]?.json != long["train[8]"]?.json)
  }
}
