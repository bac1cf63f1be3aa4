public import Artefacts
import Glibc
import JSON

/// Remembers a run that found everything up to date. The next one that is asked for the same and finds nothing changed
/// says the same, without reading the pipeline, planning it and opening every record.
///
/// What is asked for is the key: the pipeline's text, what stands on the command line, the folders and the operations.
/// What must not have changed is every path that such a run looks at: sources, tools, published files, records and the
/// folders of the objects that they name, and brake itself. Whoever changes any of them, with brake or without, need not
/// know of this.
public struct RunMemory: Sendable {
  /// An action that was found recorded.
  struct Hit {
    let action: Action
    let outputs: [Record.Output]
  }

  private let store: Store
  private let root: String
  private let key: Digest
  /// Begun before the run: what changes during it is not remembered.
  private let sightings: Sightings

  /// The parameters are those of `PipelineFile`, `Engine` and `Engine.run`, and like them say what is run.
  public init(
    text: String, path: String, overrides: [(name: String, value: String)], targets: [String],
    root: String, store: Store, registry: OperationRegistry
  ) {
    self.store = store
    sightings = Sightings(for: store)
    self.root = root
    let here = realpath(".", nil)
    defer { free(here) }
    let request: JSON = [
      "brake": "run 1",
      "pipeline": .string(Digest(of: Array(text.utf8)).hex),
      "path": .string(path),
      "overrides": .array(overrides.map { [.string($0.name), .string($0.value)] }),
      "targets": .array(targets.map { .string($0) }),
      "folder": here.map { .string(String(cString: $0)) } ?? .null,
      "root": .string(root),
      "store": .string(store.root),
      "operations": .array(
        registry.operations.map { [.string($0.name), .integer(Int64($0.revision))] }),
    ]
    key = Digest(of: request.canonicalBytes)
  }

  /// What a run would come to; nil unless it is remembered and certain that it would be the same.
  public func recall() -> RunSummary? {
    let start = ContinuousClock.now
    guard let bytes = Sightings.note(key, in: store), let note = try? JSON(parsing: bytes),
      let planned = note["planned"]?.integer, let outputs = note["outputs"]?.object,
      let published = note["published"]?.array, let tools = note["tools"]?.object,
      tools.allSatisfy({ ToolIdentities.path(of: $0.key) == $0.value.string })
    else { return nil }
    var summary = RunSummary()
    summary.planned = planned
    summary.hit = planned
    summary.outputs = outputs.mapValues { $0.object ?? [:] }
    summary.published = published.compactMap(\.string)
    summary.seconds = seconds(since: start)
    return summary
  }

  /// Remembers a run that had nothing to do, if all that it looked at had stood still for long enough.
  /// - Parameter included: the files that the pipeline includes.
  func remember(_ summary: RunSummary, _ hits: [Hit], included: [String], files: StatCache) throws {
    var sightings = sightings
    try sightings.add("/proc/self/exe")
    for path in included { try sightings.add(path) }
    // First what people change most, since the first difference ends the comparison.
    for hit in hits {
      for member in hit.action.inputs.lazy.flatMap(\.members) {
        guard case .workspace(_, let path) = member.origin else { continue }
        try sightings.add(path, holding: member.artefact.digest, knownTo: files)
      }
    }
    var tools: [String: JSON] = [:]
    for hit in hits {
      for (tool, version) in hit.action.instance.work.tools {
        // What a command prints as its version may depend on anything.
        guard version == nil, let path = ToolIdentities.path(of: tool),
          let digest = Digest(hit.action.manifest["tools"]?[tool]?.string ?? "")
        else { return }
        try sightings.add(path, holding: digest, knownTo: files)
        tools[tool] = .string(path)
      }
    }
    for hit in hits {
      for place in WorkspacePublisher.places(hit.action.instance, hit.outputs) {
        try sightings.add(root + "/" + place.path, holding: place.artefact.digest, knownTo: files)
      }
      // What another run adds to them must go again.
      for folder in WorkspacePublisher.folders(hit.action.instance)
      where access(root + "/" + folder, F_OK) == 0 {
        try sightings.add(root + "/" + folder)
      }
    }
    for hit in hits {
      try sightings.add(recordOf: hit.action.key, in: store)
      for digest in try hit.outputs.flatMap({ try store.members(of: $0.artefact) }) {
        try sightings.add(presenceOf: digest, in: store)
      }
      for digest in hit.action.instance.inputs.flatMap(\.source.artefacts) {
        try sightings.add(object: digest, in: store)
      }
    }
    let note: JSON = [
      "planned": .integer(Int64(summary.planned)),
      "outputs": .object(summary.outputs.mapValues { .object($0) }),
      "published": .array(summary.published.map { .string($0) }),
      "tools": .object(tools),
    ]
    try sightings.keep(note.canonicalBytes, as: key, in: store)
  }
}

extension InputSource {
  /// The artefacts of the store that it names itself.
  fileprivate var artefacts: [Digest] {
    switch self {
    case .artefact(let digest): [digest]
    case .collection(let members): members.flatMap(\.source.artefacts)
    case .file, .output, .members: []
    }
  }
}
