public import Artefacts
import JSON
import System

/// The records by which an artefact and all that it was made from came to be, as an object of a store. Its digest stands in a
/// `ShareLine`, so that whoever follows the line has the recipe for which it was written and no other.
///
/// Canonical JSON: `{"artefact":"sha256:…","brake":"lineage 1","records":["sha256:…",…]}`, the keys of records sorted.
public struct LineageList: Hashable, Sendable {
  public let artefact: Digest
  public let records: [Digest]

  public init(artefact: Digest, records: [Digest]) {
    self.artefact = artefact
    self.records = records.sorted()
  }

  /// The name under which the list of an artefact stands in a place to which it was pushed.
  public static func reference(to artefact: Digest) -> String { "lineage/\(artefact.hex)" }

  public var bytes: [UInt8] {
    let json: JSON = [
      "brake": "lineage 1", "artefact": .string(artefact.description),
      "records": .array(records.map { .string($0.description) }),
    ]
    return json.canonicalBytes
  }

  /// - Throws: `.malformed` for other bytes.
  public init(bytes: [UInt8], digest: Digest) throws {
    guard let json = try? JSON(parsing: bytes), json["brake"] == "lineage 1",
      let artefact = json["artefact"]?.string.flatMap({ Digest($0) }), let list = json["records"]?.array
    else {
      throw Failure(
        .malformed, "\(digest) is no list of records", hint: "paste the whole line of 'brake share'")
    }
    let records = list.compactMap { $0.string.flatMap { Digest($0) } }
    guard records.count == list.count else { throw Failure(.malformed, "\(digest) holds keys that are none") }
    self.init(artefact: artefact, records: records)
  }

  /// Bytes at most: some two hundred thousand records.
  public static let sizeLimit = 16 << 20

  /// - Throws: `.refused` if nobody could fetch the list, because it is too large.
  public func checkSize() throws {
    let size = bytes.count
    guard size <= LineageList.sizeLimit else {
      throw Failure(
        .refused,
        "the list of the \(records.count) records that belong to \(artefact) has \(size) bytes, more than may be",
        hint: "send it without the records, with --no-lineage")
    }
  }
}
