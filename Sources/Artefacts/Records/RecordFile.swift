internal import JSON
internal import System

/// A record as the bytes of its file: canonical JSON of an object with the members
///
///     brake     "record 1"
///     log       the log's digest or null
///     manifest  whatever the engine keeps; its digest is the record's key
///     outputs   a list of objects with digest, kind, size, name and, in a keyed output, key and file (a file name);
///               mode is "755" if it is a file that can be executed
///     ran_in    the digest of the container image in which the action ran, if that was an artefact of the store
///     resumed   true if the attempt that made it was given what an earlier one had saved, and
///     times_resumed  of how many attempts that is so, up to this one
///     sandbox   "declined" or "unavailable" if the action ran without one, since its stage wants none or there was none
///     sources   names by digest
///     stage     a name
///     sum       64 digits: the SHA-256 of all bytes before `,"sum"`
enum RecordFile {
  /// Bytes of a record, at most: some two hundred thousand outputs.
  static let limit = 32 << 20

  private static let sumLength = 74

  static func bytes(_ record: Record) -> [UInt8] {
    let outputs = record.outputs.map { output -> JSON in
      var members: [String: JSON] = [
        "name": .string(output.name), "digest": .string(output.artefact.digest.description),
        "kind": .string(output.artefact.kind.rawValue), "size": .integer(Int64(output.artefact.size)),
      ]
      if let key = output.key { members["key"] = .string(key) }
      if let file = output.file { members["file"] = .string(file) }
      if output.isExecutable { members["mode"] = .string(Tree.Mode.executable.rawValue) }
      return .object(members)
    }
    var members: [String: JSON] = [
      "brake": "record 1", "log": record.log.map { .string($0.description) } ?? .null,
      "manifest": record.manifest, "outputs": .array(outputs), "stage": .string(record.stage),
      "sources": .object(record.sources.mapValues { .string($0) }),
    ]
    if let image = record.image { members["ran_in"] = .string(image.description) }
    if let doubt = record.doubt { members["sandbox"] = .string(doubt.rawValue) }
    if record.isResumed {
      members["resumed"] = true
      members["times_resumed"] = .integer(Int64(record.timesResumed))
    }
    var bytes = JSON.object(members).canonicalBytes
    bytes.removeLast()
    let sum = Digest(of: bytes)
    return bytes + Array(",\"sum\":\"\(sum.hex)\"}".utf8)
  }

  /// - Throws: `Damage`, or an `Failure` for what is sound and yet not accepted: a later version, or a name that
  ///   none may be.
  static func read(_ bytes: [UInt8], key: Digest) throws -> Record {
    if isNewer(bytes) { throw Failure.newer("the record \(key)") }
    guard bytes.count > sumLength else { throw Damage("it is cut short") }
    let end = bytes.count - sumLength
    let sum = bytes.withUnsafeBytes { Digest(of: UnsafeRawBufferPointer(rebasing: $0[..<end])) }
    guard bytes[end...].elementsEqual(",\"sum\":\"\(sum.hex)\"}".utf8) else {
      throw Damage("its bytes do not match its sum")
    }
    guard let json = try? JSON(parsing: bytes), json["brake"] == "record 1", let manifest = json["manifest"],
      let list = json["outputs"]?.array, let stage = json["stage"]?.string,
      let names = json["sources"]?.object
    else { throw Damage("it is not a record of a version that this brake knows") }

    let record = Record(
      manifest: manifest, outputs: try list.map(output), log: try digest(json["log"], "log"), stage: stage,
      sources: names.compactMapValues(\.string), image: try digest(json["ran_in"], "container image"),
      doubt: json["sandbox"]?.string.map { Record.Doubt(rawValue: $0) ?? .unavailable },
      timesResumed: json["resumed"]?.bool == true ? max(1, json["times_resumed"]?.integer ?? 1) : 0)
    if record.key != key { throw Damage("it is the record of another action, \(record.key)") }
    if let fault = record.fault {
      throw Failure(
        .refused, "the record \(key) is not believed: \(fault)",
        hint: "ask who wrote it; running the stage that it belongs to replaces it")
    }
    return record
  }

  /// Whether a file starts as a record of a later version.
  static func isNewer(_ bytes: some Collection<UInt8>) -> Bool {
    FormatVersion.isNewer(bytes, kind: "record", known: 1)
  }

  /// - Returns: nil if there is none.
  private static func digest(_ value: JSON?, _ what: String) throws(Damage) -> Digest? {
    guard let text = value?.string else { return nil }
    guard let digest = Digest(text) else { throw Damage("its \(what) is malformed") }
    return digest
  }

  private static func output(_ member: JSON) throws(Damage) -> Record.Output {
    guard let name = member["name"]?.string, let digest = member["digest"]?.string.flatMap({ Digest($0) }),
      let kind = member["kind"]?.string.flatMap(Artefact.Kind.init), let size = member["size"]?.integer,
      size >= 0
    else { throw Damage("an output in it is malformed") }
    let artefact = Artefact(digest: digest, kind: kind, size: size)
    return Record.Output(
      name: name, key: member["key"]?.string, file: member["file"]?.string,
      isExecutable: member["mode"]?.string == Tree.Mode.executable.rawValue, artefact: artefact)
  }
}
