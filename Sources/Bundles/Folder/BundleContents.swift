import Artefacts
import JSON
import Pipeline
import Runs

/// What there is to tell of a bundle.
struct BundleContents: Sendable {
  let analysis: Analysis
  let title: BundleTitle
  let results: [WrittenResult]
  /// What is named and not kept.
  let omitted: Set<Digest>
  /// What stands in `workspace/`, `store/` and `files/`, sorted by path.
  let files: [BundledFile]

  /// Where the bytes of an artefact stand as they are: in `files/` or `workspace/`.
  let places: [Digest: String]

  init(
    analysis: Analysis, title: BundleTitle, results: [WrittenResult], omitted: Set<Digest>,
    files: [BundledFile]
  ) {
    self.analysis = analysis
    self.title = title
    self.results = results
    self.omitted = omitted
    self.files = files
    places = Dictionary(
      results.map { ($0.artefact.digest, $0.path) }
        + analysis.sources.map { ($0.artefact.digest, "workspace/" + $0.path) },
      uniquingKeysWith: { first, _ in first })
  }

  /// Where an artefact is in the store.
  static func objectPath(_ digest: Digest) -> String {
    "store/objects/\(digest.hex.prefix(2))/\(digest.hex.dropFirst(2))"
  }
}

/// What is known of a record's manifest, and of where it ran.
struct RecordedWork {
  private let manifest: JSON
  private let image: Digest?

  init(_ record: Record) {
    manifest = record.manifest
    image = record.image
  }

  /// `curve.fit, revision 3`, or `a command`.
  var title: String {
    guard let operation = manifest["operation"]?.string else { return "a command" }
    return operation + (manifest["revision"]?.integer.map { ", revision \($0)" } ?? "")
  }

  /// Names and values of its parameters, sorted by name.
  var parameters: [(name: String, value: String)] { members("parameters") }
  var environment: [(name: String, value: String)] { members("environment") }
  /// Programs, and the libraries and fonts of the system, by their digests or versions.
  var tools: [(name: String, value: String)] {
    members("tools") + (manifest["system"]?.string.map { [("libraries and fonts", $0)] } ?? [])
      + (PythonIdentity.words(in: manifest).map { [("Python environment", $0)] } ?? [])
  }
  var command: String? { manifest["command"]?.string }
  var shell: String? {
    manifest["shell"].map {
      $0.array?.compactMap(\.string).joined(separator: " ") ?? $0.string ?? $0.canonical
    }
  }

  /// What it read, by name and, of a list, by key; then the container image, if that is an artefact.
  var inputs: [(name: String, digest: Digest)] {
    let read = (manifest["inputs"]?.object ?? [:])
      .sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      .flatMap { name, contents -> [(name: String, digest: Digest)] in
        if let digest = contents.string.flatMap({ Digest($0) }) { return [(name, digest)] }
        let members = contents.array ?? []
        return members.compactMap { member in
          let texts = member.array?.compactMap(\.string) ?? []
          guard let digest = texts.lazy.compactMap({ Digest($0) }).last else { return nil }
          let isAlone = members.count == 1 && command != nil
          return (isAlone ? name : "\(name)[\(texts.first ?? "")]", digest)
        }
      }
    return read + (image.map { [(ShellCommand.imageInput, $0)] } ?? [])
  }

  private func members(_ name: String) -> [(name: String, value: String)] {
    (manifest[name]?.object ?? [:]).sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      .map { ($0.key, $0.value.string ?? $0.value.canonical) }
  }
}
