import Artefacts
import JSON
import PlanSupport
import Support
import Testing

@testable import Actions
@testable import Pipeline
@testable import Runs

@Suite struct CommandChainTests {
  private func pipeline(_ steps: String) -> String {
    """
    stages:
      train:
        chain: { step: \(steps) }
        run: |
          if [ -z ${previous.ckpt} ]; then test -z "${previous.ckpt}"; [[ ! -n ${previous.ckpt} ]]; fi
          { test -z ${previous.ckpt} || cat ${previous.ckpt}; echo ${step}; } > ${out.ckpt}
        out: { ckpt: ckpt.pt }
      all: { run: "cat ${in.all} > ${out.out}", in: { all: train }, out: { out: out.txt } }
      last: { run: "cat ${in.x} > ${out.out}", in: { x: "train[2]" }, out: { out: out.txt } }
    """
  }

  @Test func `Links go on from the ones before them, and a longer chain shares those of a shorter one`()
    async throws
  {
    let workspace = try Workspace(pipeline("[1, 2]"))
    let first = try await workspace.run()
    #expect(first.ran == 4 && first.failed == 0, "\(first.failures)")
    #expect(try workspace.output("all", of: first) == "1\n1\n2\n")
    #expect(try workspace.output("last", of: first) == "1\n2\n")

    workspace.folder.write(pipeline("[1, 2, 4, 8]"), to: "brake.yaml")
    let events = Events()
    let longer = try await workspace.run(events: events)
    #expect(Set(events.ran) == ["train[4]", "train[8]", "all"])
    #expect(try workspace.output("all", of: longer) == "1\n1\n2\n1\n2\n4\n1\n2\n4\n8\n")

    // What another link comes before is another action.
    workspace.folder.write(pipeline("[2, 4]"), to: "brake.yaml")
    let shorter = Events()
    try await workspace.run(["train"], events: shorter)
    #expect(shorter.ran == ["train[2]", "train[4]"])
    workspace.folder.write(pipeline("{from: 1, to: 4, factor: 2}"), to: "brake.yaml")
    #expect(try await workspace.run(["train"]).ran == 0)
  }

  @Test func `A link that fails keeps later ones from running, and no earlier one`() async throws {
    let text = pipeline("[1, 2, 4]").replacing("echo ${step};", with: "echo ${step}; test ${step} != 4;")
    let summary = try await Workspace(text).run(["train"])
    #expect((summary.ran, summary.failed) == (2, 1))
    #expect(summary.failures.first?.facts.contains { $0 == ("stage", "train[4]") } == true)
  }

  @Test func `All members of an output can be handed on`() async throws {
    let workspace = try Workspace(
      """
      stages:
        grow:
          for: { x: [a, b] }
          chain: { step: 1..3 }
          run: |
            mkdir -p ${out.all}
            for file in ${previous.all}; do test -z "$file" || cp "$file" ${out.all}; done
            echo ${x} > ${out.all}/${step}.txt
          out: { all: all/ }
        end: { run: "cat ${in.all} | tr -d '\\n' > ${out.out}", in: { all: "grow[*,3].all" }, out: { out: out.txt } }
      """)
    let summary = try await workspace.run()
    #expect(summary.failed == 0, "\(summary.failures)")
    #expect(try workspace.output("end", of: summary) == "aaabbb")
  }
}
