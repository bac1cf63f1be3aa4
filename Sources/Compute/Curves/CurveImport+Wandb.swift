internal import JSON
internal import System

extension CurveImport {
  /// Whether bytes are what Weights & Biases writes of a run: `run-ID.wandb`.
  static func isWandb(_ bytes: [UInt8]) -> Bool { bytes.starts(with: ":W&B".utf8) }

  /// The history of a run: each key is a column, each call of `log` a row.
  func wandb(_ bytes: [UInt8], file: String, run: String) throws -> Curve {
    var points = PointCollector(unit: "record")
    var rows: [(place: Int, row: JSON)] = []
    var records = try WandbRecords(bytes, file: file)
    var name: String?
    while let record = try records.next() {
      if records.number % 65_536 == 0 { try Task.checkCancellation() }
      do {
        var fields = ProtocolFields(record)
        while let field = try fields.next() {
          switch (field.number, field.value) {
          case (2, .bytes(let history)): rows.append((records.number, try CurveImport.row(history)))
          case (17, .bytes(let run)): name = try CurveImport.displayName(run) ?? name
          default: break
          }
        }
      } catch {
        throw Failure(
          .malformed, "\(file): record \(records.number): \(error.headline)", hint: error.hint)
      }
    }
    if records.isCutOff {
      points.note(.unreadable, at: records.number + 1, "the file ends in the middle of it")
    }
    guard !rows.isEmpty else { throw CurveImport.nothing(in: file, points.notes) }
    try add(rows, source: file, to: &points)
    return try points.merged(run: name ?? run, in: file)
  }

  /// The numbers of a row. The fields are those of `wandb_internal.proto`.
  private static func row(_ message: ArraySlice<UInt8>) throws(Failure) -> JSON {
    var members: [String: JSON] = [:]
    var step: Int64?
    var fields = ProtocolFields(message)
    while let field = try fields.next() {
      switch (field.number, field.value) {
      case (1, .bytes(let item)):
        if let (key, value) = try number(item) { members[key] = .number(value) }
      case (2, .bytes(let message)):
        var fields = ProtocolFields(message)
        while let field = try fields.next() {
          if case (1, .number(let value)) = field { step = Int64(bitPattern: value) }
        }
      default: break
      }
    }
    if let step, members["_step"] == nil { members["_step"] = .integer(step) }
    return .object(members)
  }

  /// A key and its value, if that is a number: keys of dictionaries in dictionaries are joined by dots.
  private static func number(_ item: ArraySlice<UInt8>) throws(Failure) -> (key: String, value: Double)? {
    var (keys, value): ([String], ArraySlice<UInt8>) = ([], [])
    var fields = ProtocolFields(item)
    while let field = try fields.next() {
      switch (field.number, field.value) {
      case (1, .bytes(let text)), (2, .bytes(let text)): keys.append(String(decoding: text, as: UTF8.self))
      case (16, .bytes(let text)): value = text
      default: break
      }
    }
    // What JSON has no number for is written in quotes.
    if value.count > 2, value.first == UInt8(ascii: "\""), value.last == value.first {
      value = value.dropFirst().dropLast()
    }
    guard !keys.isEmpty, let number = value.withUnsafeBufferPointer(NumberText.parse) else { return nil }
    return (keys.joined(separator: "."), number)
  }

  private static func displayName(_ message: ArraySlice<UInt8>) throws(Failure) -> String? {
    var fields = ProtocolFields(message)
    while let field = try fields.next() {
      if case (8, .bytes(let text)) = field, !text.isEmpty { return String(decoding: text, as: UTF8.self) }
    }
    return nil
  }
}

/// The records of such a file: a header, and then the log format of LevelDB (github.com/google/leveldb, doc/log_format.md)
/// with checksums of zlib's kind, in blocks of 32 KiB that the header is a part of.
private struct WandbRecords {
  private static let block = 32_768
  private static let head = 7

  private let bytes: [UInt8]
  private let file: String
  private var position = WandbRecords.head
  /// Of the last record, from 1.
  private(set) var number = 0
  /// Whether the last record was not written to its end, as of a run that goes on or was killed.
  private(set) var isCutOff = false

  init(_ bytes: [UInt8], file: String) throws(Failure) {
    guard bytes.count >= Self.head, bytes[4..<6].littleEndian() as UInt16 == 0xBEE1 else {
      throw Failure(.malformed, "\(file): this is no file of a run of Weights & Biases")
    }
    guard bytes[6] == 0 else {
      throw Failure(
        .unsupported, "\(file): it is of version \(bytes[6]) of the format, and version 0 can be read",
        hint: "export its history as CSV")
    }
    self.bytes = bytes
    self.file = file
  }

  private enum Part: UInt8 { case whole = 1, first, middle, last }

  mutating func next() throws(Failure) -> ArraySlice<UInt8>? {
    var record: ArraySlice<UInt8>?
    while position < bytes.count {
      let left = Self.block - position % Self.block
      if left < Self.head {
        position += left
        continue
      }
      guard position + Self.head <= bytes.count else { break }
      let head = bytes[position..<position + Self.head]
      // A block whose rest was left empty.
      if head.allSatisfy({ $0 == 0 }) {
        position += left
        continue
      }
      let length = Int(head.dropFirst(4).prefix(2).littleEndian() as UInt16)
      guard let part = Part(rawValue: bytes[position + 6]), Self.head + length <= left else { throw damaged }
      guard position + Self.head + length <= bytes.count else { break }
      let data = bytes[position + Self.head..<position + Self.head + length]
      guard Checksum32.ieee([part.rawValue] + data) == head.prefix(4).littleEndian() else { throw damaged }
      position += Self.head + length
      switch (part, record) {
      case (.whole, nil):
        number += 1
        return data
      case (.first, nil): record = ArraySlice(data)
      case (.middle, .some): record! += data
      case (.last, .some):
        number += 1
        return record! + data
      default: throw damaged
      }
    }
    isCutOff = record != nil || position < bytes.count
    return nil
  }

  private var damaged: Failure {
    Failure(.malformed, "\(file): record \(number + 1), at byte \(position), is damaged")
  }
}
