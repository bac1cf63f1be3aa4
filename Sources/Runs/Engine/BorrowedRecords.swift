import Actions
import Artefacts
import Pipeline
import System

/// What another place has recorded of actions that are not recorded here. With these an engine finds its way through the plan as if
/// all that they name were in the store; who asks for them brings it there.
struct BorrowedRecords: Sendable {
  /// What messages call the place.
  let place: String
  var records: [Digest: Record] = [:]
  var signatures: [Digest: RecordSignatures] = [:]
  /// Why what is recorded there does not count, as a sentence without a full stop.
  var refusals: [Digest: String] = [:]

  /// What is known of an action when the place is asked besides. What is recorded here comes first, and what is missing of it may
  /// be there.
  func completing(_ found: Lookup, of key: Digest) -> Lookup {
    switch found {
    case .hit: found
    case .lost(let record), .removed(let record): .hit(record)
    case .miss, .distrusted: records[key].map { .hit($0) } ?? found
    }
  }

  /// The error for an instance of which nothing is recorded in the place, or nothing that it is made from: `.notFound`, unless something
  /// else is wrong.
  func lacking(_ instance: String, _ survey: Survey) -> PipelineError {
    guard let cause = cause(of: instance, survey) else {
      return PipelineError(
        "it cannot be told which results of '\(instance)' \(place) has: its instances are not known",
        hint: "run what it waits for, or 'brake run --remote-cache read'", code: .notFound)
    }
    let name = cause.instance.name
    let behind: [(label: String, value: String)] = name == instance ? [] : [("needed for", instance)]
    if let error = cause.error { return error }
    if let unknown = cause.unknown {
      return PipelineError(
        "which result of '\(name)' is wanted is not known: \(unknown)", facts: behind,
        hint: "'brake run --remote-cache read' executes version commands, and takes what is recorded there")
    }
    if let refusal = cause.action.flatMap({ refusals[$0.key] }) {
      return PipelineError(
        "what \(place) has recorded of '\(name)' does not count: \(refusal)", facts: behind,
        hint: "--trust says whose records count; 'brake run \(quoted(name))' makes it here")
    }
    return PipelineError(
      "\(place) has no result of '\(name)' with the inputs and parameters that it has here", facts: behind,
      hint:
        "who has it can send it with 'brake push \(quoted(name))'; 'brake run \(quoted(name))' makes it here",
      code: .notFound)
  }

  private func quoted(_ name: String) -> String { name.contains("[") ? "'\(name)'" : name }

  /// The first instance on the way back from one that nothing is known of.
  private func cause(of instance: String, _ survey: Survey) -> Survey.Finding? {
    let findings = Dictionary(
      survey.findings.map { ($0.instance.name, $0) }, uniquingKeysWith: { first, _ in first })
    var open = [instance]
    if findings[instance] == nil {
      open = survey.plan.deferred.filter { $0.stage == instance }.flatMap { $0.waitsFor.map(\.instance) }
    }
    var seen: Set<String> = []
    while let next = open.popLast() {
      guard seen.insert(next).inserted, let finding = findings[next], finding.record == nil else { continue }
      if finding.state != .waiting { return finding }
      open += finding.instance.dependencies
    }
    return nil
  }
}
