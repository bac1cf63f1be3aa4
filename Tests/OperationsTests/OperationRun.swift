import Actions
import Artefacts
import JSON
import Support

/// One run of an operation outside the engine.
struct OperationRun {
  let files: [OutputFile]
  private let folder: TemporaryFolder
  private let store: Store

  /// - Parameters:
  ///   - inputs: by input name, each artefact with its key.
  ///   - folders: by input name, the files of a folder.
  init(
    _ operation: any Operation, _ parameters: [String: JSON] = [:],
    inputs: [String: [(key: String?, bytes: [UInt8])]] = [:], folders: [String: [String: [UInt8]]] = [:]
  ) async throws {
    folder = TemporaryFolder()
    folder.write("", to: "run/tmp/.keep")
    let store = try Store(at: folder["store"])
    self.store = store
    let publication = store.publication()
    var artefacts = try inputs.mapValues { members in
      try members.map { (try publication.add(bytes: $0.bytes), $0.key) }
    }
    for (name, files) in folders {
      for (file, bytes) in files { folder.write(bytes, to: "inputs/\(name)/\(file)") }
      artefacts[name] = [(try publication.add(path: folder["inputs/\(name)"]), nil)]
    }
    try publication.commit()
    let context = OperationContext(
      operation: operation, parameters: try ParameterValues(parameters, declarations: operation.parameters),
      inputs: artefacts.mapValues { $0.map { InputArtefact($0.0, key: $0.1, in: store) } },
      folder: folder["run"])
    try await operation.run(context)
    files = context.written
  }

  /// The bytes of an output, or of one file of an output that is a folder.
  func bytes(_ name: String, key: String? = nil, file: String? = nil) -> [UInt8]? {
    guard let output = files.first(where: { $0.name == name && $0.key == key }) else { return nil }
    let path = output.path.dropFirst(folder.path.count + 1) + (file.map { "/" + $0 } ?? "")
    return folder.read(String(path))
  }

  /// `name` or `name[key]` -> digest
  var digests: [String: String] {
    get throws {
      let publication = store.publication()
      var digests: [String: String] = [:]
      for file in files {
        let name = file.name + (file.key.map { "[\($0)]" } ?? "")
        digests[name] = try publication.add(path: file.path).digest.hex
      }
      return digests
    }
  }

  var log: String { folder.read("run/log").map { String(decoding: $0, as: UTF8.self) } ?? "" }
}
