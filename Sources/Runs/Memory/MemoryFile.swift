import Artefacts
import JSON
import Pipeline
import System

/// The file in which a run is remembered.
///
///     magic      16 bytes
///     seal       32: of all up to the entries, by the user's secret
///     seal       32: of the entries
///     request    32: what was asked for
///     head       length (4): of what follows up to the entries
///     summary    JSON behind its length
///     shelves    count, and each: first byte, whether it is settled, status (40)
///     sightings  count, and each: flags, status (40), digest (32) if it has one, path
///     entries    count, the end of each, and each: key, dependencies, sightings, objects, outputs, instance
///
/// Counts and lengths have 4 bytes, little-endian. Whoever finds that nothing has changed reads no entry.
struct MemoryFile {
  private static let magic = Array("brake run 2\n\0\0\0\0".utf8)
  private static let start = 16 + 32 + 32
  static let limit = 1 << 30

  let summary: RememberedRun.Summary
  let shelves: [RememberedRun.Shelf]
  let sightings: [RememberedRun.Sighting]
  private let bytes: [UInt8]
  /// Where the entries begin.
  private let end: Int

  /// Nil if it is not one, not of this user's making, or of another request.
  init?(_ bytes: [UInt8], request: Digest, secret: UserSecret) {
    guard bytes.count >= MemoryFile.start + 36, bytes.starts(with: MemoryFile.magic) else { return nil }
    self.bytes = bytes
    do {
      var reader = ByteReader(bytes[16...])
      let seal = try reader.digest()
      _ = try reader.digest()
      guard try reader.digest() == request else { return nil }
      end = MemoryFile.start + 36 + (try reader.count())
      guard secret.seal(of: bytes[(16 + 32)..<end]) == seal else { return nil }
      guard let summary = RememberedRun.Summary(try JSON(parsing: Array(try reader.take(try reader.count()))))
      else { return nil }
      self.summary = summary
      var shelves: [RememberedRun.Shelf] = []
      for _ in 0..<(try reader.count(of: 42)) {
        shelves.append(
          .init(
            first: try reader.byte(), status: try MemoryFile.status(&reader),
            isSettled: try reader.byte() == 1))
      }
      self.shelves = shelves
      let count = try reader.count(of: 45)
      var sightings: [RememberedRun.Sighting] = []
      sightings.reserveCapacity(count)
      for _ in 0..<count {
        let flags = try reader.byte()
        let status = try MemoryFile.status(&reader)
        let digest = flags & 1 == 1 ? try reader.digest() : nil
        sightings.append(
          .init(
            path: try reader.text(), status: status, digest: digest, isExecutable: flags & 8 == 8,
            isSettled: flags & 2 == 2, isNeeded: flags & 4 == 4))
      }
      self.sightings = sightings
    } catch {
      return nil
    }
  }

  private static func status(_ reader: inout ByteReader) throws(ByteReader.Malformed) -> FileStatus.Key {
    let bytes = try reader.take(FileStatus.Key.length)
    return bytes.withUnsafeBytes { FileStatus.Key($0, at: 0) }
  }

  /// All of it; nil if the entries are not as they were written.
  func run(secret: UserSecret) -> RememberedRun? {
    do {
      var reader = ByteReader(bytes[(16 + 32)...])
      guard secret.seal(of: bytes[end...]) == (try reader.digest()) else { return nil }
      reader = ByteReader(bytes[end...])
      let count = try reader.count(of: 32)
      var entries: [RememberedRun.Entry] = []
      entries.reserveCapacity(count)
      for _ in 0..<count {
        entries.append(try MemoryFile.entry(&reader, before: entries.count, sightings.count))
      }
      return RememberedRun(summary: summary, sightings: sightings, shelves: shelves, entries: entries)
    } catch {
      return nil
    }
  }

  private static func entry(
    _ reader: inout ByteReader, before number: Int, _ sightings: Int
  ) throws(ByteReader.Malformed) -> RememberedRun.Entry {
    let key = try reader.digest()
    let dependencies = try numbers(&reader, below: number)
    let seen = try numbers(&reader, below: sightings)
    var objects: [Digest] = []
    for _ in 0..<(try reader.count(of: 32)) { objects.append(try reader.digest()) }
    var outputs: [Record.Output] = []
    for _ in 0..<(try reader.count(of: 45)) {
      let name = try reader.text()
      let flags = try reader.byte()
      let key = flags & 1 == 1 ? try reader.text() : nil
      let file = flags & 2 == 2 ? try reader.text() : nil
      outputs.append(
        Record.Output(
          name: name, key: key, file: file, isExecutable: flags & 4 == 4,
          artefact: Artefact(
            digest: try reader.digest(), kind: flags & 8 == 8 ? .tree : .blob, size: try reader.size())))
    }
    return RememberedRun.Entry(
      key: key, dependencies: dependencies, sightings: seen, objects: objects, outputs: outputs,
      instance: Array(try reader.take(try reader.count())))
  }

  private static func numbers(
    _ reader: inout ByteReader, below limit: Int
  ) throws(ByteReader.Malformed) -> [Int] {
    let count = try reader.count(of: 4)
    var numbers: [Int] = []
    numbers.reserveCapacity(count)
    for _ in 0..<count {
      let number = try reader.number()
      guard number < limit else { throw ByteReader.Malformed() }
      numbers.append(number)
    }
    return numbers
  }

  // MARK: Writing

  static func bytes(of run: RememberedRun, request: Digest, secret: UserSecret) -> [UInt8] {
    var tail = ByteWriter()
    tail.add(count: run.entries.count)
    for entry in run.entries { add(entry, to: &tail) }
    let head = head(run.summary, run.shelves, run.sightings)
    return bytes(head, tail.bytes[...], secret.seal(of: tail.bytes), request, secret)
  }

  /// The same entries, behind what has been seen since.
  func bytes(
    _ shelves: [RememberedRun.Shelf], _ sightings: [RememberedRun.Sighting], request: Digest,
    secret: UserSecret
  ) -> [UInt8] {
    let head = MemoryFile.head(summary, shelves, sightings)
    return MemoryFile.bytes(head, bytes[end...], Digest(bytes: bytes[48..<80]), request, secret)
  }

  private static func bytes(
    _ head: [UInt8], _ tail: ArraySlice<UInt8>, _ seal: Digest, _ request: Digest, _ secret: UserSecret
  ) -> [UInt8] {
    var sealed = ByteWriter()
    sealed.add(seal)
    sealed.add(request)
    sealed.add(count: head.count)
    sealed.add(head)
    var bytes = magic
    bytes.reserveCapacity(magic.count + 32 + sealed.bytes.count + tail.count)
    bytes += secret.seal(of: sealed.bytes).bytes
    bytes += sealed.bytes
    bytes += tail
    return bytes
  }

  private static func head(
    _ summary: RememberedRun.Summary, _ shelves: [RememberedRun.Shelf],
    _ sightings: [RememberedRun.Sighting]
  ) -> [UInt8] {
    var head = ByteWriter()
    let summary = summary.json.canonicalBytes
    head.add(count: summary.count)
    head.add(summary)
    head.add(count: shelves.count)
    for shelf in shelves {
      head.add(byte: shelf.first)
      head.add(shelf.status.bytes)
      head.add(byte: shelf.isSettled ? 1 : 0)
    }
    head.add(count: sightings.count)
    for sighting in sightings {
      head.add(
        byte: (sighting.digest == nil ? 0 : 1) | (sighting.isSettled ? 2 : 0) | (sighting.isNeeded ? 4 : 0)
          | (sighting.isExecutable ? 8 : 0))
      head.add(sighting.status.bytes)
      if let digest = sighting.digest { head.add(digest) }
      head.add(text: sighting.path)
    }
    return head.bytes
  }

  private static func add(_ entry: RememberedRun.Entry, to writer: inout ByteWriter) {
    writer.add(entry.key)
    for numbers in [entry.dependencies, entry.sightings] {
      writer.add(count: numbers.count)
      for number in numbers { writer.add(count: number) }
    }
    writer.add(count: entry.objects.count)
    for digest in entry.objects { writer.add(digest) }
    writer.add(count: entry.outputs.count)
    for output in entry.outputs {
      writer.add(text: output.name)
      writer.add(
        byte: (output.key == nil ? 0 : 1) | (output.file == nil ? 0 : 2) | (output.isExecutable ? 4 : 0)
          | (output.artefact.kind == .tree ? 8 : 0))
      if let key = output.key { writer.add(text: key) }
      if let file = output.file { writer.add(text: file) }
      writer.add(output.artefact.digest)
      writer.add(size: output.artefact.size)
    }
    writer.add(count: entry.instance.count)
    writer.add(entry.instance)
  }
}
