import Actions
public import Artefacts
import JSON
import Pipeline
public import Runs
import System

/// A whole analysis: the recorded stages of a pipeline, all that they read, and all that they made.
public struct Analysis: Sendable {
  /// A file or folder of the workspace that belongs to it.
  struct Source: Hashable, Sendable {
    /// Relative to the workspace.
    let path: String
    let artefact: Artefact
    /// Whether it is a pipeline file.
    let isPipeline: Bool
  }

  /// The pipeline file, relative to the workspace.
  let pipeline: String
  let overrides: [(name: String, value: String)]
  /// As they were asked for; the pipeline's defaults if empty.
  let targets: [String]
  /// In an order in which each stands behind all that it depends on.
  let stages: [RecordedStage]
  /// The stages that nothing else here reads.
  let ends: Set<String>
  /// Sorted by path.
  let sources: [Source]
  /// What the pipeline names by digest, sorted.
  let given: [Artefact]
  /// How that came to be, as far as it is known.
  let givenRecords: [Record]
  /// The parameters of the pipeline as they were applied.
  let parameters: [String: JSON]
  let graph: PlanGraph
  let store: Store
  private let root: String

  /// - Throws: if not all of it is recorded, or something that is read stands outside of the workspace.
  public init(_ engine: Engine, targets: [String]) async throws {
    let plan = try await engine.recordedPlan(targets: targets)
    if let missing = plan.unrecorded.first {
      throw Failure(
        .notFound,
        "'\(missing.instance)' is not recorded (\(missing.reason)), and a bundle holds what is",
        facts: plan.unrecorded.count > 1 ? [("not recorded", "\(plan.unrecorded.count) stages")] : [],
        hint: "'brake run' with the same targets and parameters brings them up to date")
    }
    guard !plan.stages.isEmpty else {
      throw Failure(.notFound, "there are no stages to bundle", hint: "name targets that the pipeline has")
    }
    store = engine.store
    root = engine.root
    overrides = engine.overrides
    self.targets = targets
    stages = plan.stages
    parameters = plan.parameters
    graph = plan.graph(mostInstances: 30)
    let read = Set(plan.stages.flatMap(\.instance.dependencies))
    ends = Set(plan.stages.map(\.instance.name)).subtracting(read)

    var sources: [String: Source] = [:]
    let (file, included) = try Analysis.pipelineFiles(engine)
    pipeline = file
    for path in [file] + included {
      let artefact = try StatCache.artefact(reading: engine.root + "/" + path, files: store.files)
      sources[path] = Source(path: path, artefact: artefact, isPipeline: true)
    }
    var given: Set<Artefact> = []
    for stage in plan.stages {
      let named = Analysis.digests(of: stage.instance)
      for input in stage.action.inputs {
        for member in input.members {
          guard case .workspace(let name, _) = member.origin else { continue }
          let path = try Analysis.path(name, of: stage.instance.name, root: engine.root)
          if sources[path] == nil {
            sources[path] = Source(path: path, artefact: member.artefact, isPipeline: false)
          }
        }
      }
      given.formUnion(stage.action.storedArtefacts.filter { named.contains($0.digest) })
    }
    self.sources = sources.values.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    self.given = given.sorted { $0.digest < $1.digest }
    var makers: [Digest: Record] = [:]
    for artefact in self.given {
      for maker in try Lineage(of: artefact.digest, in: store).makers.values where !maker.isTold {
        makers[maker.record.key] = maker.record
      }
    }
    givenRecords = makers.values.sorted { $0.key < $1.key }
  }

  /// Where a source stands now.
  func location(_ source: Source) -> String { root + "/" + source.path }

  /// The records of the stages and of how what is given came to be, each once.
  public var records: [Record] {
    var seen: Set<Digest> = []
    return (stages.map(\.record) + givenRecords).filter { seen.insert($0.key).inserted }
  }

  /// The pipeline's parameter `title`, if it has one that says something.
  public var title: String? { parameters["title"]?.string.flatMap { $0.isEmpty ? nil : $0 } }

  /// The day on which the newest of it was made, as far as that is known: `2026-11-21`.
  public var newestDay: String? { stages.compactMap(\.making?.finished).max().map { String($0.prefix(10)) } }

  private static func pipelineFiles(_ engine: Engine) throws -> (file: String, included: [String]) {
    func inside(_ path: String) throws -> String {
      if let inside = ArtefactNames.relative(path, to: engine.root) { return inside }
      throw Failure(
        .refused, "the pipeline file '\(path)' stands outside of the workspace",
        hint: "a bundle holds the workspace; move the file into it, or change to its folder with -C")
    }
    let included = Set(try engine.source.file().includedPaths.map(inside))
    return (try inside(engine.source.path), included.sorted())
  }

  private static func path(_ name: String, of stage: String, root: String) throws -> String {
    if !name.hasPrefix("/"), let path = ArtefactNames.relative(name, to: root) { return path }
    throw Failure(
      .refused,
      "'\(stage)' reads '\(name)', which \(name.hasPrefix("/") ? "is an absolute path" : "leads out of the workspace")",
      hint: "put it into the workspace, or into the store ('brake put') and name it by its digest")
  }

  private static func digests(of instance: StageInstance) -> Set<Digest> {
    func digests(of source: InputSource) -> [Digest] {
      switch source {
      case .artefact(let digest): [digest]
      case .collection(let members): members.flatMap { digests(of: $0.source) }
      case .file, .output, .members: []
      }
    }
    return Set(instance.inputs.flatMap { digests(of: $0.source) })
  }
}

extension RecordedStage {
  /// `train[47k,1].checkpoints[64]`
  func name(of output: Record.Output) -> String { "\(instance.name).\(output.label)" }

  var isCommand: Bool { record.manifest["command"] != nil }
}
