internal import System

extension CurveImport {
  /// Whether bytes are an event file of TensorBoard's: its first event says which version it is.
  static func isTensorBoard(_ bytes: [UInt8]) -> Bool {
    bytes.count >= 12 && bytes[4..<8].allSatisfy { $0 == 0 } && bytes[0] < 128
      && bytes.prefix(64).split(separator: UInt8(ascii: ":"))
        .contains { $0.suffix(11).elementsEqual("brain.Event".utf8) }
  }

  /// Reads the event files of a folder as one run, in the order of their names, as TensorBoard does: a training that was started again
  /// has several. From the first step of a later file on, its points take the place of the earlier ones. One that
  /// begins with the first step again and goes no further is refused, as of another run.
  ///
  /// - Parameters:
  ///   - files: the names and bytes. Empty files are passed over: who was killed at once leaves one.
  ///   - others: the names of files in the folder that can be read by themselves.
  /// - Throws: `Failure` if there are none, or one is something else; `CancellationError`.
  public func callAsFunction(
    eventFiles files: [(name: String, bytes: [UInt8])], folder: String, others: [String] = []
  ) throws -> Curve {
    let written = files.filter { !$0.bytes.isEmpty }.sorted { $0.name < $1.name }
    guard !written.isEmpty else {
      throw Failure(
        .malformed, "\(folder): the folder holds no event files of TensorBoard",
        hint: others.isEmpty
          ? "give the folder of one run, in which they stand themselves, or another file"
          : "give a file in it: \(others.joined(separator: ", or "))")
    }
    if let other = written.first(where: { !CurveImport.isTensorBoard($0.bytes) }) {
      throw Failure(
        .malformed, "\(folder): '\(other.name)' is no event file of TensorBoard",
        hint: "take it out of the folder; or unpack it, if it is compressed")
    }
    return try tensorBoard(
      written, source: folder, run: run ?? CurveImport.runName(ofFile: folder))
  }

  /// The scalars of an event file: each tag is a column.
  func tensorBoard(_ bytes: [UInt8], file: String, run: String) throws -> Curve {
    try tensorBoard([(file, bytes)], source: file, run: run)
  }

  /// - Parameter source: what messages call all of them.
  private func tensorBoard(
    _ files: [(name: String, bytes: [UInt8])], source: String, run: String
  ) throws -> Curve {
    guard step == nil || step == "step" else {
      throw Failure(
        .columns, "\(source): a file of events has no column '\(step ?? "")' for the step",
        hint: "leave 'step' out: every event says its step itself")
    }
    var points = PointCollector(unit: "record")
    var series: [String: [Scalar]] = [:]
    // Records are counted on from file to file.
    var before = 0
    for file in files {
      var records = EventRecords(file.bytes)
      while let record = try records.next(in: file.name) {
        if records.number % 65_536 == 0 { try Task.checkCancellation() }
        do {
          for (tag, value, step) in try Event(record).scalars where tag != "step" {
            series[tag, default: []].append(Scalar(step: step, value: value, place: before + records.number))
          }
        } catch {
          throw Failure(
            .malformed, "\(file.name): record \(records.number): \(error.headline)", hint: error.hint)
        }
      }
      if records.isCutOff {
        let name = files.count == 1 ? "the file" : "'\(file.name)'"
        points.note(.unreadable, at: before + records.number + 1, "\(name) ends in the middle of it")
      }
      before += records.number
    }
    guard !series.isEmpty else { throw CurveImport.nothing(in: source, points.notes) }
    let names = series.keys.sorted() + ["step"]
    let columns = try CurveColumns(names, step: "step", loss: loss, in: source)
    points.take(columns)
    for scalar in series[names[columns.loss]] ?? [] {
      points.add(step: Double(scalar.step), loss: scalar.value, at: scalar.place)
    }
    guard !points.isEmpty else { throw CurveImport.nothing(in: source, points.notes) }
    return try points.merged(run: run, in: source)
  }
}

private struct Scalar {
  let step: Int64
  let value: Double
  let place: Int
}

/// The records of a file as TensorFlow writes them (tensorflow.org/tutorials/load_data/tfrecord): the length in eight bytes, a
/// checksum of it, the bytes, and a checksum of those.
private struct EventRecords {
  private let bytes: [UInt8]
  private var position = 0
  /// Of the last record, from 1.
  private(set) var number = 0
  /// Whether the last record was not written to its end, as in a file that is still written to.
  private(set) var isCutOff = false

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// - Throws: `malformed` if a checksum differs.
  mutating func next(in file: String) throws(Failure) -> ArraySlice<UInt8>? {
    let left = bytes.count - position
    if left == 0 { return nil }
    guard left >= 12 else { return end() }
    let head = bytes[position..<position + 8]
    try check(head, against: position + 8, in: file)
    let length: UInt64 = head.littleEndian()
    guard length <= UInt64(left), Int(length) + 16 <= left else { return end() }
    let data = bytes[position + 12..<position + 12 + Int(length)]
    try check(data, against: position + 12 + Int(length), in: file)
    position += 16 + Int(length)
    number += 1
    return data
  }

  private mutating func end() -> ArraySlice<UInt8>? {
    isCutOff = true
    return nil
  }

  private func check(_ part: ArraySlice<UInt8>, against place: Int, in file: String) throws(Failure) {
    let sum = Checksum32.castagnoli(part)
    let masked = (sum >> 15 | sum << 17) &+ 0xA282_EAD8
    guard masked == bytes[place..<place + 4].littleEndian() else {
      throw Failure(
        .malformed, "\(file): record \(number + 1), at byte \(position), is damaged: its checksum differs")
    }
  }
}

/// What an event says of scalars. The numbers of the fields are those of TensorFlow's `event.proto`, `summary.proto` and
/// `tensor.proto`.
private struct Event {
  private(set) var scalars: [(tag: String, value: Double, step: Int64)] = []

  init(_ message: ArraySlice<UInt8>) throws(Failure) {
    var step: Int64 = 0
    var found: [(tag: String, value: Double)] = []
    var fields = ProtocolFields(message)
    while let field = try fields.next() {
      switch (field.number, field.value) {
      case (2, .number(let value)): step = Int64(bitPattern: value)
      case (5, .bytes(let summary)):
        var values = ProtocolFields(summary)
        while let value = try values.next() {
          if case (1, .bytes(let value)) = value, let scalar = try Event.scalar(value) {
            found.append(scalar)
          }
        }
      default: break
      }
    }
    scalars = found.map { ($0.tag, $0.value, step) }
  }

  private static func scalar(_ message: ArraySlice<UInt8>) throws(Failure) -> (tag: String, value: Double)? {
    var (tag, number): (String?, Double?)
    var fields = ProtocolFields(message)
    while let field = try fields.next() {
      switch (field.number, field.value) {
      case (1, .bytes(let text)): tag = String(decoding: text, as: UTF8.self)
      case (2, .four(let bits)): number = Double(Float(bitPattern: bits))
      case (8, .bytes(let tensor)): number = try element(tensor)
      default: break
      }
    }
    if let tag, let number { return (tag, number) }
    return nil
  }

  /// The element of a tensor that has just one, of float32 or float64.
  private static func element(_ message: ArraySlice<UInt8>) throws(Failure) -> Double? {
    var type: UInt64 = 0
    var (content, floats, doubles): (ArraySlice<UInt8>, ArraySlice<UInt8>, ArraySlice<UInt8>) = ([], [], [])
    var single: Double?
    var fields = ProtocolFields(message)
    while let field = try fields.next() {
      switch (field.number, field.value) {
      case (1, .number(let value)): type = value
      case (4, .bytes(let bytes)): content = bytes
      case (5, .bytes(let bytes)): floats = bytes
      case (5, .four(let bits)): single = Double(Float(bitPattern: bits))
      case (6, .bytes(let bytes)): doubles = bytes
      case (6, .eight(let bits)): single = Double(bitPattern: bits)
      default: break
      }
    }
    switch type {
    case 1:
      let bytes = content.isEmpty ? floats : content
      return bytes.count == 4 ? Double(Float(bitPattern: bytes.littleEndian())) : single
    case 2:
      let bytes = content.isEmpty ? doubles : content
      return bytes.count == 8 ? Double(bitPattern: bytes.littleEndian()) : single
    default: return nil
    }
  }
}
