import ArgumentParser
import Artefacts
import Pipeline
import Runners
import Runs

/// What follows the options of a command that takes artefacts: names of these, and parameters of the pipeline whose
/// stages are named.
struct ArtefactArguments: ParsableArguments {
  static let help = """
    An artefact is named by eight or more digits of its digest, by those of the key of its action as 'brake status' \
    prints them, as @NAME after a reference, as stage[key].output[member] of the pipeline (the output may be left out \
    if there is one), or by the path where it was published. Nothing is run to find it.
    """

  @Argument(
    help: ArgumentHelp(
      "Artefacts by name, and parameters as NAME=VALUE.", valueName: "artefact|name=value"),
    completion: Completion.artefacts)
  var arguments: [String] = []

  var names: [String] { Targets.targets(in: arguments) }
  var overrides: [(name: String, value: String)] { Targets.overrides(in: arguments) }

  /// The only name.
  func one() throws -> String {
    guard names.count == 1 else {
      throw ValidationError(
        names.isEmpty
          ? "Missing expected argument '<artefact>'" : "One artefact is expected, not \(names.count)")
    }
    return names[0]
  }

  /// - Parameter needsBytes: whether it is no use to know of an artefact that is not in the store.
  /// - Returns: what finds the artefacts, with the pipeline of the options if there is one.
  func resolver(_ pipeline: PipelineOptions, in store: Store, needsBytes: Bool = true) -> ArtefactNames {
    let (file, trusting) = (pipeline.file, pipeline.trusting)
    let overrides = overrides
    return ArtefactNames(store: store, needsBytes: needsBytes) {
      guard let path = file ?? PipelineOptions.default else { return nil }
      return Engine(
        source: PipelineSource(
          text: try PipelineOptions.read(path), path: path, read: PipelineOptions.read),
        overrides: overrides,
        root: ".",
        store: store, registry: .builtIn, trust: try trusting.trust())
    }
  }
}

extension ArtefactArguments {
  /// The store, and what all names stand for, each once.
  func opened(_ pipeline: PipelineOptions) async throws -> (store: Store, digests: [Digest]) {
    try pipeline.workspace.enter()
    let store = try pipeline.workspace.open()
    let resolver = resolver(pipeline, in: store)
    var digests: [Digest] = []
    var seen: Set<Digest> = []
    for name in names {
      for digest in try await resolver.all(name).map(\.digest) where seen.insert(digest).inserted {
        digests.append(digest)
      }
    }
    return (store, digests)
  }
}
