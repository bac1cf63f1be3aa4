internal import JSON
internal import System

/// Somebody's word that an action made what a record says.
///
/// What is signed is a text that names the root of a `HashTree` over the digests of many records, so that ten thousand are signed at
/// once; each record has the way to that root beside it, and needs nothing of the others.
public struct RecordSignature: Hashable, Sendable {
  /// The SHA-256 of the record's bytes as `Record.storedBytes` gives them.
  public let record: Digest
  public let way: [HashTree.Step]
  /// As OpenSSH writes it (PROTOCOL.sshsig), in armour.
  public let signature: String

  public init(record: Digest, way: [HashTree.Step], signature: String) {
    self.record = record
    self.way = way
    self.signature = signature
  }

  /// Bytes of a signature in armour, at most.
  public static let sizeLimit = 8 << 10

  /// What OpenSSH is told that the signatures are for: a signature for anything else is none for records.
  public static let namespace = "brake@record"

  /// What is signed.
  public var message: [UInt8] { RecordSignature.message(root: HashTree.root(from: record, by: way)) }

  public static func message(root: Digest) -> [UInt8] { Array("brake records 1\n\(root)\n".utf8) }
}

extension Record {
  /// The SHA-256 of its bytes as stores keep them.
  public var digest: Digest { Digest(of: storedBytes) }
}

/// The signatures of one record, by any number of people up to a limit: a file `signatures/ab/cdef…` of a store.
public struct RecordSignatures: Hashable, Sendable {
  /// In the order in which they came.
  public private(set) var all: [RecordSignature]

  public init(_ all: [RecordSignature] = []) { self.all = Array(all.prefix(RecordSignatures.most)) }

  /// Signatures of one record, at most.
  public static let most = 16
  /// Bytes of a file, at most.
  public static let sizeLimit = 256 << 10

  /// Adds others. Where there is no room, those of other bytes of the record go: they say nothing of the bytes that these are for.
  /// - Returns: whether there was another one among them.
  @discardableResult public mutating func add(_ others: RecordSignatures) -> Bool {
    let fresh = others.all.filter { !all.contains($0) }
    if all.count + fresh.count > RecordSignatures.most {
      let records = Set(others.all.map(\.record))
      all.removeAll { !records.contains($0.record) }
    }
    let room = fresh.prefix(RecordSignatures.most - all.count)
    all += room
    return !room.isEmpty
  }

  mutating func remove(where isFalse: (RecordSignature) -> Bool) { all.removeAll(where: isFalse) }

  public var bytes: [UInt8] {
    let list = all.map { signature -> JSON in
      [
        "record": .string(signature.record.description), "signature": .string(signature.signature),
        "way": .array(signature.way.map { .string(($0.isLeft ? "<" : ">") + $0.sibling.hex) }),
      ]
    }
    let json: JSON = ["brake": "signatures 1", "signatures": .array(list)]
    return json.canonicalBytes
  }

  /// - Throws: `Failure` with `.malformed` for other bytes, `.newer` for a later version.
  public init(bytes: [UInt8], of key: Digest) throws {
    if FormatVersion.isNewer(bytes, kind: "signatures", known: 1) {
      throw Failure.newer("the file of signatures of the record \(key)")
    }
    func malformed(_ reason: String) -> Failure {
      Failure(
        .malformed, "the file of signatures of the record \(key) is none: \(reason)",
        hint: "nothing in it is believed; sign the record again with 'brake sign', or fetch it again")
    }
    guard bytes.count <= RecordSignatures.sizeLimit else { throw malformed("it has \(bytes.count) bytes") }
    guard let json = try? JSON(parsing: bytes), json["brake"] == "signatures 1",
      let list = json["signatures"]?.array
    else { throw malformed("it is cut short, or something else") }
    guard list.count <= RecordSignatures.most else { throw malformed("it holds \(list.count) signatures") }
    all = try list.map { entry in
      guard let record = entry["record"]?.string.flatMap({ Digest($0) }), let way = entry["way"]?.array,
        way.count <= HashTree.deepest, let signature = entry["signature"]?.string,
        signature.utf8.count <= RecordSignature.sizeLimit
      else { throw malformed("an entry of it is malformed") }
      let steps = way.compactMap { step -> HashTree.Step? in
        guard let text = step.string, text.utf8.count == 65, text.hasPrefix("<") || text.hasPrefix(">"),
          let sibling = Digest(String(text.dropFirst()))
        else { return nil }
        return HashTree.Step(sibling: sibling, isLeft: text.hasPrefix("<"))
      }
      guard steps.count == way.count else { throw malformed("the way of an entry to its root is malformed") }
      return RecordSignature(record: record, way: steps, signature: signature)
    }
  }
}
