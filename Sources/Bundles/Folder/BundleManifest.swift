public import Artefacts
public import JSON
import Pipeline
import Runs
import System

/// What a bundle says of itself in `bundle.json`: what was run, from what, and what came of it. Canonical JSON.
public struct BundleManifest: Hashable, Sendable {
  public struct Source: Hashable, Sendable {
    public let path: String
    public let artefact: Artefact
  }

  public struct Output: Hashable, Sendable {
    /// `checkpoints[64]`, or `fit` of a single artefact.
    public let label: String
    public let isExecutable: Bool
    public let artefact: Artefact
  }

  public struct Stage: Hashable, Sendable {
    /// `train[47k,1]`
    public let name: String
    public let action: Digest
    public let outputs: [Output]
  }

  /// A parameter as the command line gave it.
  public struct Override: Hashable, Sendable {
    public let name: String
    public let value: String
  }

  /// Relative to `workspace/`, as are the paths of sources.
  public let pipeline: String
  public let overrides: [Override]
  public let targets: [String]
  public let sources: [Source]
  /// What the pipeline names by digest.
  public let given: [Artefact]
  public let stages: [Stage]
  /// What is named here and not kept in `store/`, sorted.
  public let omitted: [Digest]
  public let title: BundleTitle

  static let fileName = "bundle.json"
  /// Bytes: some hundred thousand outputs.
  static let sizeLimit = 64 << 20

  init(_ analysis: Analysis, _ title: BundleTitle, omitted: Set<Digest>) {
    pipeline = analysis.pipeline
    overrides = analysis.overrides.map { Override(name: $0.name, value: $0.value) }
    targets = analysis.targets
    sources = analysis.sources.map { Source(path: $0.path, artefact: $0.artefact) }
    given = analysis.given
    stages = analysis.stages.map { stage in
      Stage(
        name: stage.instance.name, action: stage.record.key,
        outputs: stage.record.outputs.map {
          Output(label: $0.label, isExecutable: $0.isExecutable, artefact: $0.artefact)
        })
    }
    self.omitted = omitted.sorted()
    self.title = title
  }

  public var json: JSON {
    [
      "brake": "bundle 1", "pipeline": .string(pipeline), "title": title.json,
      "parameters": .array(overrides.map { [.string($0.name), .string($0.value)] }),
      "targets": .array(targets.map { .string($0) }),
      "sources": .array(
        sources.map { .object($0.artefact.members.merging(["path": .string($0.path)]) { $1 }) }),
      "given": .array(given.map { .object($0.members) }),
      "omitted": .array(omitted.map { .string($0.description) }),
      "stages": .array(
        stages.map { stage in
          [
            "name": .string(stage.name), "action": .string(stage.action.description),
            "outputs": .array(
              stage.outputs.map { output in
                var members = output.artefact.members
                members["output"] = .string(output.label)
                if output.isExecutable { members["mode"] = "755" }
                return .object(members)
              }),
          ]
        }),
    ]
  }

  /// - Throws: `.malformed` for other bytes, and `.refused` for paths that lead elsewhere.
  public init(bytes: [UInt8]) throws {
    guard let json = try? JSON(parsing: bytes), let brake = json["brake"]?.string else {
      throw BundleManifest.foreign
    }
    guard brake == "bundle 1" else {
      throw brake.hasPrefix("bundle ")
        ? Failure(.newer, "the bundle is in a later version of the format", hint: "a newer brake can read it")
        : BundleManifest.foreign
    }
    pipeline = try BundleManifest.path(json["pipeline"])
    overrides = try BundleManifest.list(json, "parameters") { pair in
      guard let pair = pair.array, pair.count == 2 else { throw BundleManifest.malformed("parameters") }
      return Override(
        name: try BundleManifest.text(pair[0], "parameters"),
        value: try BundleManifest.text(pair[1], "parameters"))
    }
    targets = try BundleManifest.list(json, "targets") { try BundleManifest.text($0, "targets") }
    // They stand in commands that are printed to be run: none is an option there.
    guard (targets + overrides.map(\.name)).allSatisfy({ !$0.hasPrefix("-") }) else {
      throw BundleManifest.malformed("targets and parameters")
    }
    sources = try BundleManifest.list(json, "sources") {
      Source(path: try BundleManifest.path($0["path"]), artefact: try BundleManifest.artefact($0))
    }
    given = try BundleManifest.list(json, "given", BundleManifest.artefact)
    omitted = try BundleManifest.list(json, "omitted") { try BundleManifest.digest($0, "omitted") }
    stages = try BundleManifest.list(json, "stages") { stage in
      Stage(
        name: try BundleManifest.text(stage["name"], "name"),
        action: try BundleManifest.digest(stage["action"], "action"),
        outputs: try BundleManifest.list(stage, "outputs") { output in
          Output(
            label: try BundleManifest.text(output["output"], "output"), isExecutable: output["mode"] == "755",
            artefact: try BundleManifest.artefact(output))
        })
    }
    title = try BundleTitle(json["title"] ?? .null)
  }

  static func malformed(_ what: String) -> Failure {
    unreadable("'\(what)' is missing or not as it should be")
  }

  private static var foreign: Failure { unreadable("it is not what 'brake bundle' writes") }

  private static func unreadable(_ reason: String) -> Failure {
    Failure(
      .malformed, "the bundle's \(fileName) cannot be read: \(reason)",
      hint: "a bundle is a folder that 'brake bundle' has written")
  }

  private static func list<Element>(
    _ json: JSON, _ name: String, _ element: (JSON) throws -> Element
  ) throws -> [Element] {
    guard let list = json[name]?.array else { throw malformed(name) }
    return try list.map(element)
  }

  static func text(_ json: JSON?, _ name: String) throws -> String {
    guard let text = json?.string, text.utf8.count <= 1 << 20, !text.utf8.contains(0) else {
      throw malformed(name)
    }
    return text
  }

  private static func digest(_ json: JSON?, _ name: String) throws -> Digest {
    guard let digest = json?.string.flatMap({ Digest($0) }) else { throw malformed(name) }
    return digest
  }

  private static func artefact(_ json: JSON) throws -> Artefact {
    guard let kind = json["kind"]?.string.flatMap(Artefact.Kind.init), let size = json["size"]?.integer,
      size >= 0
    else { throw malformed("kind and size") }
    return Artefact(digest: try digest(json["digest"], "digest"), kind: kind, size: size)
  }

  /// A path that stays in its folder.
  private static func path(_ json: JSON?) throws -> String {
    let path = try text(json, "path")
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    guard path.utf8.count <= 4096, parts.allSatisfy({ EntryName.fault(of: String($0)) == nil }) else {
      throw Failure(.refused, "the bundle names the path '\(path)', which leads elsewhere or cannot be shown")
    }
    return path
  }
}

extension Artefact {
  fileprivate var members: [String: JSON] {
    [
      "digest": .string(digest.description), "kind": .string(kind.rawValue), "size": .integer(Int64(size)),
    ]
  }
}
