import Artefacts
import Differences
public import JSON
import System

extension Reproduction {
  public var json: JSON {
    [
      "identical": .bool(isIdentical), "artefacts": .integer(Int64(all)),
      "identical_artefacts": .integer(Int64(identical)),
      "changed_sources": .array(changedSources.map { .string($0) }),
      "stages": .array(stages.map(\.json)),
    ]
  }
}

extension Reproduction.Stage {
  fileprivate var json: JSON {
    [
      "stage": .string(name), "made": .bool(isMade),
      "changes": .array(
        changes.map { what, before, now in
          [
            "what": .string(what), "before": before.map { .string($0) } ?? .null,
            "now": now.map { .string($0) } ?? .null,
          ]
        }),
      "outputs": .array(outputs.map(\.json)),
    ]
  }
}

extension Reproduction.Output {
  fileprivate var json: JSON {
    var members: [String: JSON] = [
      "output": .string(label), "recorded": recorded.map { .string($0.digest.description) } ?? .null,
      "made": made.map { .string($0.digest.description) } ?? .null,
    ]
    switch verdict {
    case .identical: members["verdict"] = "identical"
    case .different(.success(let difference)):
      members["verdict"] = "different"
      members["difference"] = difference.object
    case .different(.failure(let failure)):
      members["verdict"] = "different"
      members["unknown"] = .string(failure.headline)
    case .mode(let isExecutable):
      members["verdict"] = "mode"
      members["mode"] = isExecutable ? "755" : "644"
    case .missing: members["verdict"] = "missing"
    case .new: members["verdict"] = "new"
    }
    return .object(members)
  }
}
