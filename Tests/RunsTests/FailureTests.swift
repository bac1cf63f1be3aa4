import Artefacts
import Foundation
import Runs
import Support
import System
import Testing

@testable import Actions
@testable import Pipeline

/// An operation that fails as a computation or the store does.
private struct Failing: Actions.Operation {
  let name = "test.fail"
  let revision = 1
  let summary = "Fails."
  let inputs: [InputDeclaration] = []
  let parameters: [any ParameterDeclaration] = []
  let outputs = [OutputDeclaration("out", file: "out.txt", help: "never written")]

  func run(_ context: OperationContext) async throws {
    throw Failure(
      .malformed, "the curve is flat", facts: [("file", "a.csv"), ("stage", "its own")], hint: "lower skip",
      cause: Failure.system("read", "/x", EIO))
  }
}

@Suite struct FailureTests {
  @Test func `A stage adds to a failure what it knows, and takes nothing away`() async throws {
    let workspace = try Workspace("stages: { flat: { op: test.fail } }", operations: [Failing()])
    let failure = try #require(try await workspace.run().failures.first)
    #expect(failure.headline == "the curve is flat" && failure.hint == "lower skip")
    #expect(failure.code == .malformed && failure.failure.errno == EIO)
    #expect(failure.position?.line == 1)
    let facts = failure.facts.map { "\($0.label): \($0.value)" }
    #expect(facts.starts(with: ["stage: flat", "operation: test.fail", "file: a.csv"]))
    #expect(
      failure.description.split(separator: "\n").map(String.init).starts(with: [
        "brake.yaml:1:11: error: the curve is flat", "  stage      flat",
      ]))
    #expect(failure.description.hasSuffix("\n  hint: lower skip"))
  }

  @Test func `Errors of every kind are told in one shape`() {
    let parameter = PipelineError(wrapping: ParameterError("skip", "takes a number"))
    #expect(parameter.code == .parameter && parameter.headline == "parameter 'skip' takes a number")
    let unknown = PipelineError(wrapping: CancellationError())
    #expect(unknown.code == .unknown && unknown.cause is CancellationError)
    let position = Position(file: "a.yaml", line: 2, column: 3)
    let own = PipelineError(Failure(.refused, "no", hint: "yes"), at: position)
    #expect("\(PipelineError(wrapping: own))" == "a.yaml:2:3: error: no\n  hint: yes")
  }
}
