import System
import Testing

@testable import Actions

@Suite struct ParameterErrorTests {
  @Test func `A refused parameter tells all that is known of what is wrong with it`() {
    let cause = Failure(
      .malformed, "the schedule has no end", facts: [("steps", "0")], hint: "give it more steps")
    let told = PipelineError(wrapping: ParameterError("schedule", "cannot be as it is", cause: cause))
    #expect(told.headline == "parameter 'schedule' cannot be as it is")
    #expect(told.facts.contains { $0 == ("steps", "0") })
    #expect(told.hint == "give it more steps")
    #expect((told.cause as? ParameterError)?.cause == cause)
  }
}
