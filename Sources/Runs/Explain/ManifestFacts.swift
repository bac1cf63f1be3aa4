import Actions
import Artefacts
import JSON
import Pipeline

/// A manifest taken apart into things that have names, so that two of them can be compared: inputs are matched by name
/// and their members by key, never by their place in a list.
struct ManifestFacts {
  /// The operation's name; nil for a command.
  let operation: String?
  private var values: [String: String] = [:]
  private var inputs: [String: Input] = [:]

  init(_ manifest: JSON) {
    operation = manifest["operation"]?.string
    for (name, value) in manifest.object ?? [:] {
      switch (name, value) {
      case ("parameters", .object(let members)): add(members, as: "parameter")
      case ("environment", .object(let members)): add(members, as: "environment")
      case ("outputs", .object(let members)): add(members, as: "output")
      case ("tools", .object(let members)): add(members, as: "program")
      case ("python", .object(let members)):
        add(members["packages"]?.object ?? [:], as: "package")
        values["Python interpreter"] = members["interpreter"].map(ManifestFacts.text)
        values["contents of the Python environment"] = members["installed"].map(ManifestFacts.text)
      case ("inputs", .object(let members)): inputs = members.mapValues(Input.init)
      case ("image", _): values["container image"] = ManifestFacts.text(value)
      // Manifests of earlier versions name what they passed on of the environment; it changes nothing.
      case ("passed", _): continue
      case ("system", _): values["libraries and fonts of the system"] = ManifestFacts.text(value)
      default: values[name] = ManifestFacts.text(value)
      }
    }
  }

  var command: String? { values["command"] }

  private mutating func add(_ members: [String: JSON], as label: String) {
    for (name, value) in members { values["\(label) \(name)"] = ManifestFacts.text(value) }
  }

  fileprivate static func text(_ value: JSON) -> String { value.string ?? value.canonical }

  /// What these have and others have not, or have otherwise; sorted by what it is.
  func differences(from other: ManifestFacts) -> [Explanation.Difference] {
    var found = Set(values.keys).union(other.values.keys).filter { values[$0] != other.values[$0] }
      .map { Explanation.Difference(what: $0, before: other.values[$0], now: values[$0]) }
    for name in Set(inputs.keys).union(other.inputs.keys) {
      found += Input.differences(name, before: other.inputs[name], now: inputs[name])
    }
    return found.sorted { $0.what < $1.what }
  }
}

extension ManifestFacts {
  /// How many there are, without saying which.
  func numberOfDifferences(from other: ManifestFacts) -> Int {
    var number = 0
    for (name, value) in values where other.values[name] != value { number += 1 }
    for name in other.values.keys where values[name] == nil { number += 1 }
    for (name, input) in inputs where other.inputs[name] != input {
      number += Input.differences(name, before: other.inputs[name], now: input).count
    }
    for (name, input) in other.inputs where inputs[name] == nil {
      number += Input.differences(name, before: input, now: nil).count
    }
    return number
  }
}

/// One input of a manifest.
private struct Input: Equatable {
  struct Member: Equatable {
    /// The key of a member; for a command, the place where it stands. Empty for the only artefact of an operation.
    let key: String
    let digest: String
    /// What else the manifest says of it.
    let rest: [String]

    var content: String { ([digest] + rest).joined(separator: " ") }
  }

  let members: [Member]

  init(_ contents: JSON) {
    if let list = contents.array {
      members = list.map { member in
        let texts = (member.array ?? [member]).map(ManifestFacts.text)
        let digest = texts.dropFirst().firstIndex { Digest($0) != nil }
        return Member(
          key: texts.first ?? "", digest: digest.map { texts[$0] } ?? "",
          rest: texts.indices.filter { $0 > 0 && $0 != digest }.map { texts[$0] })
      }
    } else {
      members = [Member(key: "", digest: ManifestFacts.text(contents), rest: [])]
    }
  }

  static func differences(_ name: String, before: Input?, now: Input?) -> [Explanation.Difference] {
    if before == now { return [] }
    let label = "input \(name)"
    if let old = before?.members, let new = now?.members, old.count == 1, new.count == 1 {
      return one(label, before: old[0], now: new[0])
    }
    let (old, new) = (before?.members ?? [], now?.members ?? [])
    if old.isEmpty && new.isEmpty {
      return [difference(label, before.map { _ in "nothing" }, now.map { _ in "nothing" })]
    }
    if before == nil && new.count == 1 { return [difference(label, nil, new[0].content)] }
    if now == nil && old.count == 1 { return [difference(label, old[0].content, nil)] }
    let contents = { (members: [Member]) in
      Dictionary(members.map { ($0.key, $0.content) }, uniquingKeysWith: { first, _ in first })
    }
    let (was, is_) = (contents(old), contents(new))
    var keys: [String] = []
    var seen: Set<String> = []
    for member in old + new where seen.insert(member.key).inserted { keys.append(member.key) }
    let changed = keys.filter { was[$0] != is_[$0] }
    if changed.isEmpty {
      let order = { (members: [Member]) in members.map(\.key).joined(separator: ", ") }
      return [difference("\(label) order", order(old), order(new))]
    }
    return changed.map { difference($0.isEmpty ? label : "\(label)[\($0)]", was[$0], is_[$0]) }
  }

  /// Of two single artefacts.
  private static func one(_ label: String, before: Member, now: Member) -> [Explanation.Difference] {
    var found: [Explanation.Difference] = []
    if before.content != now.content { found.append(difference(label, before.content, now.content)) }
    // Where it stands follows from what it is called, and is a reason of its own only if nothing else differs.
    if before.key != now.key && found.isEmpty {
      found.append(difference("\(label) place", before.key, now.key))
    }
    return found
  }

  private static func difference(_ what: String, _ before: String?, _ now: String?) -> Explanation.Difference
  {
    Explanation.Difference(what: what, before: before, now: now)
  }
}
