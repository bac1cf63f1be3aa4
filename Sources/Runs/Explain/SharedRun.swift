public import Artefacts
import JSON
import System

/// A run as others get it: a folder that holds what came of it, and in `run.json` what was asked for, with which parameters, and the
/// keys of the records of how it all came to be. A reference `runs/NAME` leads to it. Who asks for the folder has all of it, whatever
/// keeps it, and checked as every folder is.
///
/// Neither the machine nor the folder in which it ran is told.
public struct SharedRun: Sendable {
  /// What the run is called in the journal of the store where it was.
  public let identifier: String
  /// The folder.
  public let artefact: Artefact
  /// The actions by which its results came to be.
  public let records: [Digest]

  private static let file = "run.json"
  /// What is told of a run: these members of those that `brake runs --json` shows.
  private static let told: Set<String> = [
    "id", "started", "seconds", "pipeline", "targets", "overrides", "parameters", "outcome", "planned", "ran",
    "failed", "outputs",
  ]
  /// Bytes of `run.json`, at most: some hundred thousand results.
  private static let limit = RunJournal.resultsLimit

  /// What the reference is called that leads to a run.
  /// - Throws: if a text is not the whole name of a run.
  public static func reference(to identifier: String) throws -> String {
    guard RunJournal.isIdentifier(identifier) else {
      throw Failure(
        .malformed, "'\(identifier)' is not the whole name of a run",
        hint: "'brake push --run' prints it where the run was: such as 20261121T140305.123-4711")
    }
    return "runs/" + identifier
  }

  /// The results of a run as far as they are in the store and were not removed to save room, each with a name.
  /// - Throws: if none are known.
  public static func results(of run: RunNote, in store: Store) throws -> [(name: String, artefact: Artefact)]
  {
    var results: [(name: String, artefact: Artefact)] = []
    let removed = try store.removedObjects()
    for (instance, outputs) in (run.outputs.object ?? [:]).sorted(by: { $0.key < $1.key }) {
      for (output, value) in (outputs.object ?? [:]).sorted(by: { $0.key < $1.key }) {
        let members = value.string.map { ["": JSON.string($0)] } ?? value.object ?? [:]
        for (key, text) in members.sorted(by: { $0.key < $1.key }) {
          guard let digest = text.string.flatMap({ Digest($0) }) else { continue }
          if try !store.contains(digest), removed.contains(digest) { continue }
          let name = "\(instance).\(output)" + (value.string == nil ? "[\(key)]" : "")
          results.append((name, try store.artefact(digest)))
        }
      }
    }
    if results.isEmpty {
      throw Failure(
        .notFound, "no results of the run \(run.identifier) are known",
        hint:
          "it failed, made very much long ago, or made more than is noted: name what is wanted as stage[key].output"
      )
    }
    return results
  }

  /// Puts a run into the store as others are to get it.
  /// - Parameters:
  ///   - results: what `results(of:in:)` gives.
  ///   - records: the actions by which these came to be.
  public init(
    _ run: RunNote, results: [(name: String, artefact: Artefact)], records: [Digest], in store: Store
  ) throws {
    identifier = run.identifier
    self.records = records.sorted()
    var members = run.json.object ?? [:]
    // Where it ran is nobody else's concern, and neither is what is noted of it for the store alone.
    members = members.filter { SharedRun.told.contains($0.key) }
    // What somebody's folders are called is nobody else's concern.
    if run.pipeline.hasPrefix("/") { members["pipeline"] = nil }
    members["brake"] = "run 1"
    members["records"] = .array(self.records.map { .string($0.description) })
    let bytes = JSON.object(members).canonicalBytes
    guard bytes.count <= SharedRun.limit else {
      throw Failure(
        .refused,
        "what is to be told of the run \(run.identifier) has \(bytes.count) bytes, more than may be",
        hint: "send it without the records, with --no-lineage")
    }
    let publication = store.publication()
    var names: Set<String> = [SharedRun.file]
    var entries = [(SharedRun.file, try publication.add(bytes: bytes))]
    for result in results {
      let name = result.name.replacing("/", with: "_")
      // What cannot be the name of a file, or is another one's, is called by its digest.
      let isName = EntryName.fault(of: name) == nil && names.insert(name).inserted
      if isName || names.insert(result.artefact.digest.hex).inserted {
        entries.append((isName ? name : result.artefact.digest.hex, result.artefact))
      }
    }
    artefact = try publication.add(folder: entries)
    try publication.commit()
  }

  /// Reads a run that somebody has sent.
  /// - Throws: `.malformed` if the folder is none.
  public init(_ artefact: Artefact, as identifier: String, in store: Store) throws {
    func malformed(_ reason: String) -> Failure {
      Failure(
        .malformed, "what the other place has as the run \(identifier) is none: \(reason)",
        hint: "ask for it to be sent again with 'brake push --run \(identifier)'")
    }
    guard artefact.kind == .tree,
      let entry = try store.tree(artefact.digest).entries.first(where: { $0.name == SharedRun.file }),
      entry.mode != .tree
    else { throw malformed("it holds no \(SharedRun.file)") }
    guard let json = try? JSON(parsing: store.bytes(of: entry.digest, limit: SharedRun.limit)),
      json["brake"] == "run 1", json["id"]?.string == identifier, let list = json["records"]?.array
    else { throw malformed("its \(SharedRun.file) does not tell of it") }
    records = list.compactMap { $0.string.flatMap { Digest($0) } }
    guard records.count == list.count else { throw malformed("it names records that are none") }
    self.identifier = identifier
    self.artefact = artefact
  }
}
