public import Artefacts
import JSON

/// Why an action must run, or what distinguishes it from its nearest recorded relative.
public struct Explanation: Sendable {
  public struct Difference: Sendable, Hashable {
    /// `parameter skip`, `input curve`, `revision`, `command`, ...
    public let what: String
    /// Nil where the relative has no such thing.
    public let before: String?
    /// Nil where this action has no such thing.
    public let now: String?
  }

  public let instance: String
  /// A sentence: `up to date`, `must run: skip differs`, ...
  public let verdict: String
  public let differences: [Difference]
  /// The key of the relative that it was compared with, and the name of the stage that made it.
  public let relative: (key: Digest, stage: String)?
}

extension Engine {
  /// Explains the targets' instances (the pipeline's defaults if there are none) and, before them, all stages they need
  /// that must run. Compares each with the recorded action of the same operation that differs in the fewest things.
  public func why(targets: [String]) async throws -> [Explanation] {
    try await withTaskExecutorPreference(BlockingExecutor.shared) {
      let survey = try Survey(self, targets: targets)
      try? files.save()
      let named = Set(try survey.plan.selection(targets).targets)
      let records = try store.records { _ in }
      let mustRun = survey.findings.filter { $0.state == .mustRun || $0.state == .lost }.map(\.instance.name)
      return survey.findings
        .filter { named.contains($0.instance.name) || ($0.state != .upToDate && $0.state != .waiting) }
        .map { explain($0, records: records, mustRun: mustRun) }
    }
  }

  private func explain(_ finding: Survey.Finding, records: [Record], mustRun: [String]) -> Explanation {
    let name = finding.instance.name
    guard let action = finding.action else {
      let waits = finding.instance.dependencies.filter(mustRun.contains)
      let verdict =
        finding.error.map { "cannot run: \($0.headline)" }
        ?? "waits for " + (waits.isEmpty ? finding.instance.dependencies : waits).joined(separator: ", ")
      return Explanation(instance: name, verdict: verdict, differences: [], relative: nil)
    }
    let nearest = Relative.nearest(to: action, in: records)
    let differences = nearest.map { $0.differences.map { named($0, in: finding.instance) } } ?? []
    return Explanation(
      instance: name, verdict: verdict(finding, nearest), differences: differences,
      relative: nearest.map { ($0.record.key, $0.record.stage) })
  }

  private func verdict(_ finding: Survey.Finding, _ nearest: Relative?) -> String {
    switch finding.state {
    case .upToDate: "up to date"
    case .unpublished: "up to date in the store; what it publishes is missing or changed in the workspace"
    case .lost: "must run: it is recorded, but an output is missing or damaged in the store"
    case .mustRun, .waiting:
      nearest == nil
        ? "must run: nothing of its kind has run before" : "must run: it differs from what has run before"
    }
  }

  /// Says where a differing input comes from.
  private func named(_ difference: Explanation.Difference, in instance: StageInstance)
    -> Explanation.Difference
  {
    guard difference.what.hasPrefix("input ") else { return difference }
    let name = difference.what.dropFirst("input ".count).prefix { $0 != "[" }
    guard let source = instance.inputs.first(where: { $0.name == name })?.source else { return difference }
    let origin: String
    switch source {
    case .file(let path): origin = path
    case .output(let instance, let output, let key):
      origin = "\(instance).\(output)" + (key.map { "[\($0)]" } ?? "")
    case .members(let instance, let output): origin = "\(instance).\(output)"
    case .artefact, .collection: return difference
    }
    return Explanation.Difference(
      what: "\(difference.what) (\(origin))", before: difference.before, now: difference.now)
  }
}

/// A recorded action compared with another.
struct Relative {
  let record: Record
  let differences: [Explanation.Difference]

  /// The record of the same kind of work with the fewest differences, the action's own left out; among equals the one
  /// of the same stage, then the smallest key.
  static func nearest(to action: Action, in records: [Record]) -> Relative? {
    let facts = Facts(action.manifest)
    let relatives = records.compactMap { record -> Relative? in
      let other = Facts(record.manifest)
      guard other.kind == facts.kind, record.manifest != action.manifest else { return nil }
      if facts.kind == nil && record.stage != action.instance.name
        && other.values["command"] != facts.values["command"]
      {
        return nil
      }
      return Relative(record: record, differences: facts.differences(from: other))
    }
    func rank(_ relative: Relative) -> (Int, Int, Digest) {
      (relative.differences.count, relative.record.stage == action.instance.name ? 0 : 1, relative.record.key)
    }
    return relatives.min { rank($0) < rank($1) }
  }

  /// A manifest as a flat list of named values.
  private struct Facts {
    /// The operation's name; nil for a command.
    let kind: String?
    var values: [String: String] = [:]

    init(_ manifest: JSON) {
      kind = manifest["operation"]?.string
      for (name, value) in manifest.object ?? [:] {
        switch (name, value) {
        case ("parameters", .object(let members)): add(members, as: "parameter")
        case ("environment", .object(let members)): add(members, as: "environment")
        case ("outputs", .object(let members)): add(members, as: "output")
        case ("tools", .object(let members)): add(members, as: "program")
        case ("inputs", .object(let members)):
          for (input, contents) in members { add(contents, asInput: input) }
        default: values[name] = Facts.text(value)
        }
      }
    }

    private mutating func add(_ members: [String: JSON], as label: String) {
      for (name, value) in members { values["\(label) \(name)"] = Facts.text(value) }
    }

    private mutating func add(_ contents: JSON, asInput name: String) {
      guard let members = contents.array else { return values["input \(name)"] = Facts.text(contents) }
      for member in members {
        guard let key = member.array?.first?.string, let digest = member.array?.last else { continue }
        values[members.count == 1 ? "input \(name)" : "input \(name)[\(key)]"] = Facts.text(digest)
      }
    }

    private static func text(_ value: JSON) -> String { value.string ?? value.canonical }

    func differences(from other: Facts) -> [Explanation.Difference] {
      Set(values.keys).union(other.values.keys).filter { values[$0] != other.values[$0] }.sorted()
        .map { Explanation.Difference(what: $0, before: other.values[$0], now: values[$0]) }
    }
  }
}
