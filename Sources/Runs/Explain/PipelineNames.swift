import Actions
import Artefacts
import Pipeline
import System

/// What a text can mean in a pipeline: outputs of its stages, and paths where they are published.
struct PipelineNames {
  let engine: Engine
  let text: String
  /// Whether what is recorded of a stage is not enough where its outputs are not in the store.
  var needsBytes = true

  func meanings() throws -> [[NamedArtefact]] {
    let plan = try engine.plan()
    return try [stage(plan), path(plan)].compactMap { $0 }
  }

  // MARK: Stages

  /// The outputs of a stage's instances; nil if no stage is meant.
  private func stage(_ plan: Plan) throws -> [NamedArtefact]? {
    let stage = String(Reference.leadingName(of: text).prefix { $0 != "@" })
    let isDeferred = plan.deferred.contains { $0.stage == stage }
    guard isDeferred || plan.instances.contains(where: { $0.stage == stage }) else { return nil }
    let reference = Reference(text)
    let survey = try Survey(engine, targets: [stage], isLooking: true)
    let findings = survey.findings.filter { $0.instance.stage == stage && isMeant($0.instance, reference) }
    if findings.isEmpty {
      if survey.plan.deferred.contains(where: { $0.stage == stage }) {
        throw hasNotRun(stage, .waiting, survey)
      }
      // Says which instances there are.
      _ = try survey.plan.selection([String(text.prefix { $0 != "]" }) + (text.contains("]") ? "]" : "")])
      throw malformed
    }
    let wanted = try output(of: findings, reference)
    var found: [NamedArtefact] = []
    for finding in findings {
      let declared = finding.instance.outputs.filter { wanted == nil || $0.name == wanted?.name }
      if declared.isEmpty { continue }
      if let member = wanted?.member, let link = finding.instance.link, link != member { continue }
      guard let record = finding.record ?? finding.partial else {
        // What has been kept here is not what another place has.
        let kept = engine.borrowed == nil ? self.kept(of: finding, declared, wanted?.member) : []
        if kept.isEmpty { throw hasNotRun(finding.instance.name, finding.state, survey) }
        found += kept
        continue
      }
      for output in record.outputs where declared.contains(where: { $0.name == output.name }) {
        // A link of a chain makes one member of an output.
        let key = finding.instance.link ?? output.key
        if let member = wanted?.member, key != member { continue }
        if finding.record == nil, needsBytes, try !engine.store.isWhole(output.artefact) {
          throw hasNotRun(finding.instance.name, finding.state, survey)
        }
        let base = finding.instance.name.dropLast(finding.instance.link.map { $0.count + 1 } ?? 0)
        found.append(
          NamedArtefact(
            name: "\(base).\(output.name)" + (key.map { "[\($0)]" } ?? ""), digest: output.artefact.digest,
            instance: finding.instance.name, maker: .init(key: record.key, label: output.label)))
      }
    }
    if found.isEmpty { throw noMember(wanted, findings) }
    return found
  }

  /// The finished members of outputs that grow, of a stage that has not ended.
  private func kept(
    of finding: Survey.Finding, _ declared: [OutputDeclaration], _ member: String?
  ) -> [NamedArtefact] {
    guard let key = finding.action?.key, member != nil else { return [] }
    return SavedList(of: key, in: engine.store).members.filter { kept in
      kept.key == member && declared.contains { $0.name == kept.output }
    }.map {
      NamedArtefact(name: "\(finding.instance.name).\($0.output)[\($0.key)]", digest: $0.digest)
    }
  }

  private func isMeant(_ instance: StageInstance, _ reference: Reference?) -> Bool {
    if text == instance.name || text.hasPrefix(instance.name + ".") { return true }
    switch reference?.instances {
    case .all: return true
    case .one(let keys): return keys == instance.keys
    case .matching(let keys):
      return keys.count == instance.keys.count
        && zip(keys, instance.keys).allSatisfy { $0 == nil || $0 == $1 }
    case nil: return false
    }
  }

  /// The output that is named, if any is.
  private func output(
    of findings: [Survey.Finding], _ reference: Reference?
  ) throws -> (name: String, member: String?)? {
    var output = reference?.output
    var member = reference?.member
    if reference == nil {
      // The name of an instance that is no reference: `train[47k]@256.checkpoints`.
      let name = findings.map(\.instance.name).filter { text.hasPrefix($0) }.max { $0.count < $1.count } ?? ""
      let rest = text.dropFirst(name.count + 1)
      if rest.isEmpty { return nil }
      output = String(rest.prefix { $0 != "[" })
      member = nil
    }
    guard let output else { return nil }
    var names: [String] = []
    for name in findings.flatMap({ $0.instance.outputs.map(\.name) }) where !names.contains(name) {
      names.append(name)
    }
    guard names.contains(output) else {
      throw PipelineError(
        "the stage '\(findings[0].instance.stage)' has no output '\(output)'",
        hint: Suggestion.hint(for: output, among: names))
    }
    return (output, member)
  }

  private func noMember(
    _ wanted: (name: String, member: String?)?, _ findings: [Survey.Finding]
  ) -> PipelineError {
    var keys: [String] = []
    for finding in findings {
      let members = (finding.record?.outputs ?? []).filter { $0.name == wanted?.name }.compactMap(\.key)
      for key in members + [finding.instance.link].compactMap({ $0 }) where !keys.contains(key) {
        keys.append(key)
      }
    }
    return PipelineError(
      "there is no '\(text)'", facts: keys.isEmpty ? [] : [("there is", Suggestion.list(keys))])
  }

  private func hasNotRun(
    _ instance: String, _ state: InstanceStatus.State, _ survey: Survey
  ) -> PipelineError {
    if let borrowed = engine.borrowed { return borrowed.lacking(instance, survey) }
    let parameters = engine.overrides.map { " \($0.name)=\($0.value)" }.joined()
    let finding = survey.findings.first { $0.instance.name == instance }
    if state == .removed, let place = (finding?.record ?? finding?.partial).flatMap(engine.origin) {
      return PipelineError(
        "an output of '\(instance)' is in \(place), and not here",
        hint: "fetch it (brake pull --from '\(place)' '\(instance)'\(parameters)), or make it here "
          + "(brake run '\(instance)'\(parameters))")
    }
    let headline =
      switch state {
      case .lost: "an output of '\(instance)' is missing or damaged in the store"
      case .removed: "an output of '\(instance)' was removed to save room"
      case .waiting: "'\(instance)' has not run: what it reads is not made yet"
      case .unknown: "only a run can tell whether '\(instance)' has run as it is now"
      default: "'\(instance)' has not run with the inputs and parameters that it has now"
      }
    return PipelineError(
      headline,
      hint:
        "run it (brake run '\(instance)'\(parameters)); brake why '\(instance)' says what differs, and brake runs "
        + "lists earlier runs with their parameters")
  }

  private var malformed: PipelineError {
    PipelineError("'\(text)' is no name of an output", hint: "names are written stage[key].output[member]")
  }

  // MARK: Paths

  /// What is published at a path, or above it; nil if nothing is.
  private func path(_ plan: Plan) throws -> [NamedArtefact]? {
    guard let path = ArtefactNames.relative(text, to: engine.root) else { return nil }
    if let found = try self.path(path, plan) { return found }
    // Instances that are not known yet may publish it.
    if plan.deferred.isEmpty || !text.contains("/") { return nil }
    let stages = Set(plan.instances.map(\.stage) + plan.deferred.map(\.stage))
    return try self.path(path, Survey(engine, targets: stages.sorted(), isLooking: true).plan)
  }

  private func path(_ path: String, _ plan: Plan) throws -> [NamedArtefact]? {
    let publishers = plan.instances.filter { instance in
      instance.publish.contains { path == $0.path || path.hasPrefix($0.path + "/") }
    }
    if publishers.isEmpty { return nil }
    let survey = try Survey(engine, targets: publishers.map(\.name), isLooking: true)
    var found: [NamedArtefact] = []
    for finding in survey.findings where publishers.contains(where: { $0.name == finding.instance.name }) {
      guard let record = finding.record ?? (needsBytes ? nil : finding.partial) else {
        throw hasNotRun(finding.instance.name, finding.state, survey)
      }
      for place in WorkspacePublisher.places(finding.instance, record.outputs) {
        if place.path == path || place.path.hasPrefix(path + "/") {
          found.append(
            NamedArtefact(
              name: place.path, digest: place.artefact.digest,
              maker: .init(key: record.key, label: place.output.label)))
        } else if path.hasPrefix(place.path + "/") {
          let inner = path.dropFirst(place.path.utf8.count + 1).split(separator: "/").map(String.init)
          if let digest = try member(inner[...], of: place.artefact.digest) {
            found.append(NamedArtefact(name: path, digest: digest))
          }
        }
      }
    }
    if found.isEmpty {
      throw PipelineError(
        "'\(publishers[0].name)' publishes nothing at '\(path)'",
        facts: [("publishes", Suggestion.list(publishers.flatMap { $0.publish.map(\.path) }))])
    }
    return found
  }

  /// The file or folder inside a tree; nil if it has none of this name.
  private func member(_ names: ArraySlice<String>, of digest: Digest) throws -> Digest? {
    guard let name = names.first else { return digest }
    guard try engine.store.artefact(digest).kind == .tree,
      let entry = try engine.store.tree(digest).entries.first(where: { $0.name == name })
    else { return nil }
    if names.count > 1, entry.mode != .tree { return nil }
    return try member(names.dropFirst(), of: entry.digest)
  }
}

extension ArtefactNames {
  /// A path as the pipeline would write it, without `.` and `..`; nil if it leads out of the pipeline's folder.
  package static func relative(_ text: String, to root: String) -> String? {
    var text = text[...]
    if text.hasPrefix("/") {
      guard let folder = try? LocalFileSystem().realPath(root), text.hasPrefix(folder + "/") else {
        return nil
      }
      text = text.dropFirst(folder.count + 1)
    }
    var parts: [Substring] = []
    for part in text.split(separator: "/") where part != "." {
      if part == ".." {
        if parts.popLast() == nil { return nil }
      } else {
        parts.append(part)
      }
    }
    return parts.isEmpty ? nil : parts.joined(separator: "/")
  }
}
