import System
import Testing

@testable import Runners

@Suite struct SlurmCheckTests {
  @Test func `A check that fails tells all that is known of why`() {
    let failure = Failure(.notFound, "there is no sbatch", facts: [("PATH", "/bin")], hint: "look elsewhere")
    let finding = SlurmCheck.failed("programs", failure, hint: "look here")
    #expect(finding.text == "there is no sbatch" && !finding.isGood && finding.hint == "look elsewhere")
    #expect(finding.facts.elementsEqual([("PATH", "/bin")], by: ==))
    let said = SlurmCheck.failed(
      "programs", SlurmCommands.Failed(program: "sbatch", complaint: "no\nreally"), hint: "look here")
    #expect(said.text == "no" && said.hint == "look here")
  }
}
