import Artefacts
import JSON
import Pipeline
import Support

/// One run of an operation outside the engine.
struct OperationRun {
  let files: [OutputFile]
  private let folder: TemporaryFolder

  /// - Parameter inputs: by input name, each artefact with its key.
  init(
    _ operation: any Operation, _ parameters: [String: JSON] = [:],
    inputs: [String: [(key: String?, bytes: [UInt8])]] = [:]
  ) async throws {
    folder = TemporaryFolder()
    folder.write("", to: "run/tmp/.keep")
    let store = try Store(at: folder["store"])
    let publication = store.publication()
    let artefacts = try inputs.mapValues { members in
      try members.map { (try publication.add(bytes: $0.bytes), $0.key) }
    }
    try publication.commit()
    let context = OperationContext(
      operation: operation, parameters: try ParameterValues(parameters, declarations: operation.parameters),
      inputs: artefacts.mapValues { $0.map { InputArtefact($0.0, key: $0.1, in: store) } },
      folder: folder["run"])
    try await operation.run(context)
    files = context.written
  }

  func bytes(_ name: String, key: String? = nil) -> [UInt8]? {
    guard let file = files.first(where: { $0.name == name && $0.key == key }) else { return nil }
    return folder.read(String(file.path.dropFirst(folder.path.count + 1)))
  }

  /// `name` or `name[key]` -> digest
  var digests: [String: String] {
    var digests: [String: String] = [:]
    for file in files {
      let name = file.name + (file.key.map { "[\($0)]" } ?? "")
      digests[name] = bytes(file.name, key: file.key).map { Digest(of: $0).hex }
    }
    return digests
  }

  var log: String { folder.read("run/log").map { String(decoding: $0, as: UTF8.self) } ?? "" }
}
