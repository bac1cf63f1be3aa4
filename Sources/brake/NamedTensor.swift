import Artefacts
import Pipeline
import Remotes
import Runs
import Safetensors
import System

/// One tensor of an artefact, as `sha256:…#layers.0.weight` names it, or `train[47k].model#layers.0.weight`.
struct NamedTensor: Sendable {
  static let help = """
    With #NAME behind it one tensor of a safetensors file is meant: it is written as a safetensors file of its own, and no more \
    is read of the artefact than the header and what holds the tensor.
    """

  /// Of the whole artefact.
  let digest: Digest
  let tensor: TensorDescriptor
  private let reader: TensorReader
  /// The other place from which parts come; nil for what is in the store.
  private let place: String?
  let progress: TransferProgress

  var name: String { "\(digest)#\(tensor.name)" }

  /// - Returns: nil for the name of a whole artefact.
  /// - Throws: if there is no such artefact, it is no safetensors file, or has no such tensor.
  static func find(
    _ name: String, _ pipeline: PipelineOptions, _ given: ArtefactArguments
  ) async throws -> NamedTensor? {
    guard let sign = name.firstIndex(of: "#") else { return nil }
    let base = String(name[..<sign])
    if ShareLine.isMeant(by: base) || Digest(base) != nil {
      let line = try ShareLine(name)
      guard let tensor = line.tensor else { return nil }
      return try await find(tensor, line, pipeline.workspace.open(creating: true))
    }
    let store = try pipeline.workspace.open()
    let resolver = given.resolver(pipeline, in: store)
    // References and published paths may hold the sign.
    if (try? await resolver.one(name)) != nil { return nil }
    let digest = try await resolver.one(base).digest
    return try NamedTensor(String(name[sign...].dropFirst()), of: store.object(digest))
  }

  private static func find(_ tensor: String, _ line: ShareLine, _ store: Store) async throws -> NamedTensor {
    if try store.contains(line.digest) { return try NamedTensor(tensor, of: store.object(line.digest)) }
    let address = try line.from ?? RemoteNames(of: store).resolve(nil)
    let progress = TransferProgress()
    let remote = RemoteStore(try address.open(), scratch: store, progress: progress)
    let found = try await RemoteStore.waiting {
      try remote.parts(of: line.digest).map {
        try NamedTensor(tensor, of: $0, in: remote.files.name, progress)
      }
    }
    if let found { return found }
    // Who hands out whole files only is asked for the whole file.
    _ = try await Fetching(address, into: store).fetch(line, .alone)
    return try NamedTensor(tensor, of: store.object(line.digest))
  }

  private init(
    _ name: String, of object: any PartlyReadable, in place: String? = nil,
    _ progress: TransferProgress = TransferProgress()
  ) throws {
    reader = try TensorReader(object)
    guard let tensor = reader.descriptor(name) else {
      let names = reader.header.tensors.map(\.name)
      throw Failure(
        .notFound, "\(object.digest) has no tensor '\(name)'",
        hint: Suggestion.hint(for: name, among: names) ?? "it has no tensors at all")
    }
    digest = object.digest
    self.tensor = tensor
    self.place = place
    self.progress = progress
  }

  /// What it is called where nobody says otherwise: not as the whole artefact is. A stranger's name chooses no more than plain letters.
  var fileName: String {
    let plain = tensor.name.unicodeScalars.map { scalar in
      let isPlain =
        scalar.isASCII && (scalar.properties.isAlphabetic || "0123456789._-".unicodeScalars.contains(scalar))
      return isPlain ? Character(scalar) : "_"
    }
    return "\(digest.short).\(String(plain.prefix(128))).safetensors"
  }

  /// Hands out a safetensors file that holds the tensor alone.
  func write(to output: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Void) async throws {
    try await RemoteStore.waiting { [reader, tensor] in try reader.write(tensor, to: output) }
    guard let place else { return }
    Output.note(
      "note: \(progress.bytes == 0 ? "it was" : "\(byteCount(progress.bytes)) were") read from \(place); the checksums of what was "
        + "read hold, and that it belongs to the digest only who fetches all of the artefact knows")
  }
}
