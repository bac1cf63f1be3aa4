import Artefacts
import JSON
import Pipeline
import Runs

/// The artefacts of a bundle as things in its crate.
///
/// What stands in `files/` or `workspace/` is named by its path and has the digest of the artefact. What is only in the store
/// is named by its object's file, whose digest is that of its frames; the artefact's is its identifier. What is not kept is named
/// by its digest.
struct CrateArtefacts {
  private let contents: BundleContents
  private let files: [String: BundledFile]
  private let artefacts: [(artefact: Artefact, label: String)]
  private let known: Set<Digest>
  /// What no other stage reads.
  private let ends: Set<Digest>

  /// What these are as a parameter of the workflow.
  static let results = "#results"

  init(_ contents: BundleContents) {
    self.contents = contents
    files = Dictionary(uniqueKeysWithValues: contents.files.map { ($0.path, $0) })
    let analysis = contents.analysis
    let made = analysis.stages.flatMap { stage in
      stage.record.outputs.map { ($0.artefact, stage.name(of: $0)) }
    }
    let all =
      analysis.sources.filter { !$0.isPipeline }.map { ($0.artefact, $0.path) } + made
      + analysis.given.map { ($0, "given by digest") }
    ends = Set(
      analysis.stages.filter { analysis.ends.contains($0.instance.name) }
        .flatMap { $0.record.outputs.map(\.artefact.digest) })
    var seen: Set<Digest> = []
    artefacts = all.filter { seen.insert($0.0.digest).inserted }
    known = seen
  }

  func has(_ digest: Digest) -> Bool { known.contains(digest) }

  func name(of digest: Digest) -> String {
    if let path = contents.places[digest] {
      return path.addressEscaped + (files[path] == nil ? "/" : "")
    }
    if files[BundleContents.objectPath(digest)] != nil { return BundleContents.objectPath(digest) }
    return "#sha256-\(digest.hex)"
  }

  /// Those whose bytes are in the crate.
  var dataEntities: [String] {
    artefacts.map { name(of: $0.artefact.digest) }.filter { !$0.hasPrefix("#") }
      + contents.results.map { $0.path.addressEscaped + ($0.artefact.kind == .tree ? "/" : "") }
  }

  var entities: [CrateEntity] {
    let results = contents.results.map { result in
      entity(result.artefact, result.name, at: result.path)
    }
    return results + artefacts.map { entity($0.artefact, $0.label, at: contents.places[$0.artefact.digest]) }
  }

  /// Size and digest of a file of the bundle.
  func fileMembers(at path: String) -> [String: JSON] {
    guard let file = files[path] else { return [:] }
    return ["contentSize": .string(String(file.size)), "sha256": .string(file.digest.hex)]
  }

  private func entity(_ artefact: Artefact, _ label: String, at path: String?) -> CrateEntity {
    var members: [String: JSON] = [
      "name": .string(label), "identifier": .string(artefact.digest.description),
    ]
    if ends.contains(artefact.digest) { members["exampleOfWork"] = .reference(CrateArtefacts.results) }
    if let path, artefact.kind == .tree {
      return CrateEntity(path.addressEscaped + "/", ["Dataset"], members)
    }
    if let path {
      members.merge(fileMembers(at: path)) { $1 }
      if let format = CrateArtefacts.format(of: path) { members["encodingFormat"] = .string(format) }
      return CrateEntity(path.addressEscaped, ["File"], members)
    }
    let object = BundleContents.objectPath(artefact.digest)
    if files[object] != nil {
      members.merge(fileMembers(at: object)) { $1 }
      members["encodingFormat"] = "application/zstd"
      members["description"] = .string(
        "\(artefact.kind == .tree ? "A folder" : "A file") of \(artefact.size) bytes as brake's store keeps it; "
          + "'brake cat --store store \(artefact.digest)' and in most cases 'zstd -dc' restore it")
      return CrateEntity(object, ["File"], members)
    }
    members["description"] = "It is not kept here, and is made again by running the pipeline."
    members["sha256"] = .string(artefact.digest.hex)
    return CrateEntity(name(of: artefact.digest), ["CreativeWork"], members)
  }

  /// What a file's extension says of it.
  private static func format(of path: String) -> String? {
    let name = path.split(separator: "/").last ?? ""
    guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return nil }
    return [
      "csv": "text/csv", "tsv": "text/tab-separated-values", "json": "application/json", "txt": "text/plain",
      "html": "text/html", "svg": "image/svg+xml", "png": "image/png", "pdf": "application/pdf",
      "yaml": "application/yaml", "yml": "application/yaml", "md": "text/markdown", "py": "text/x-python",
      "sh": "text/x-shellscript", "tex": "text/x-tex", "npz": "application/zip", "zst": "application/zstd",
    ][name[name.index(after: dot)...].lowercased()]
  }
}
