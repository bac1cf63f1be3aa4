import Artefacts
import JSON
import Pipeline
import System

/// The file in which a run is remembered.
///
///     magic      16 bytes
///     seal       32: of all up to the instances, by the user's secret
///     seal       32: of the instances
///     request    32: what was asked for
///     head       length (4): of what follows up to the instances
///     summary    JSON behind its length
///     shelves    count, and each: first byte, whether it is settled, status (40)
///     sightings  see `Sightings`
///     instances  count, the length of each (4), and all of them: see `RememberedInstance`
///
/// Counts and lengths have 4 bytes, little-endian. Whoever finds that nothing has changed reads no instance; whoever finds a
/// change reads those that it reaches, and copies the others as they are.
struct MemoryFile {
  private static let magic = Array("brake run 3\n\0\0\0\0".utf8)
  private static let startOfSealed = 16 + 32
  private static let startOfRequest = 16 + 32 + 32
  /// What says how long the head is.
  static let lengthOfStart = 16 + 32 + 32 + 32 + 4
  static let limit = 1 << 30

  let summary: RememberedRun.Summary
  let shelves: [RememberedRun.Shelf]
  let sightings: Sightings
  private let request: Digest
  private let sealOfInstances: Digest

  /// Where the instances begin in a file that begins so; nil if it is of something else.
  static func endOfHead(_ start: [UInt8], request: Digest) -> Int? {
    guard start.count >= lengthOfStart, start.starts(with: magic),
      start[startOfRequest..<lengthOfStart].starts(with: request.bytes)
    else { return nil }
    var reader = ByteReader(start[(lengthOfStart - 4)...])
    return (try? reader.number()).map { lengthOfStart + $0 }
  }

  /// - Parameter head: all up to the instances. Nil if it is none, not of this user's making, or of another request.
  init?(head: [UInt8], request: Digest, secret: UserSecret) {
    guard let end = MemoryFile.endOfHead(head, request: request), head.count == end else { return nil }
    self.request = request
    do {
      var reader = ByteReader(head[16...])
      let seal = try reader.digest()
      guard secret.seal(of: head[MemoryFile.startOfSealed...]) == seal else { return nil }
      sealOfInstances = try reader.digest()
      _ = try reader.take(MemoryFile.lengthOfStart - MemoryFile.startOfRequest)
      guard let summary = RememberedRun.Summary(try JSON(parsing: Array(try reader.take(try reader.count()))))
      else { return nil }
      self.summary = summary
      var shelves: [RememberedRun.Shelf] = []
      for _ in 0..<(try reader.count(of: 42)) {
        let first = try reader.byte()
        let isSettled = try reader.byte() == 1
        let status = try reader.take(FileStatus.Key.length).withUnsafeBytes { FileStatus.Key($0, at: 0) }
        shelves.append(.init(first: first, status: status, isSettled: isSettled))
      }
      self.shelves = shelves
      sightings = try Sightings(&reader)
    } catch {
      return nil
    }
  }

  /// All of it; nil if the instances are not as they were written.
  func run(instances bytes: [UInt8], secret: UserSecret) -> RememberedRun? {
    guard secret.seal(of: bytes[...]) == sealOfInstances else { return nil }
    do {
      var reader = ByteReader(bytes[...])
      let count = try reader.count(of: 4 + 12 + 32)
      var lengths = ByteReader(try reader.take(4 * count))
      var instances: [RememberedInstance] = []
      instances.reserveCapacity(count)
      for number in 0..<count {
        instances.append(
          try RememberedInstance(
            try reader.take(try lengths.number()), number: number, sightings: sightings.count))
      }
      return RememberedRun(summary: summary, sightings: sightings, shelves: shelves, instances: instances)
    } catch {
      return nil
    }
  }

  // MARK: Writing

  /// - Returns: the head, and the instances that stand behind it.
  static func bytes(
    of run: RememberedRun, request: Digest, secret: UserSecret
  ) -> (head: [UInt8], instances: [UInt8]) {
    var instances = ByteWriter(
      capacity: run.instances.reduce(4) { $0 + 4 + $1.bytes.count })
    instances.add(count: run.instances.count)
    for instance in run.instances { instances.add(count: instance.bytes.count) }
    for instance in run.instances { instances.add(instance.bytes) }
    let head = head(
      run.summary, run.shelves, run.sightings, secret.seal(of: instances.bytes[...]), request, secret)
    return (head, instances.bytes)
  }

  /// The head for the same instances, with what has been seen since.
  func head(_ shelves: [RememberedRun.Shelf], _ sightings: Sightings, secret: UserSecret) -> [UInt8] {
    MemoryFile.head(summary, shelves, sightings, sealOfInstances, request, secret)
  }

  private static func head(
    _ summary: RememberedRun.Summary, _ shelves: [RememberedRun.Shelf], _ sightings: Sightings,
    _ sealOfInstances: Digest, _ request: Digest, _ secret: UserSecret
  ) -> [UInt8] {
    let summary = summary.json.canonicalBytes
    var content = ByteWriter(capacity: summary.count + 42 * shelves.count + 160 * sightings.count)
    content.add(count: summary.count)
    content.add(summary)
    content.add(count: shelves.count)
    for shelf in shelves {
      content.add(byte: shelf.first)
      content.add(byte: shelf.isSettled ? 1 : 0)
      content.add(shelf.status)
    }
    sightings.add(to: &content)
    var sealed = ByteWriter(capacity: content.bytes.count + lengthOfStart)
    sealed.add(sealOfInstances)
    sealed.add(request)
    sealed.add(count: content.bytes.count)
    sealed.add(content.bytes)
    var head = ByteWriter(capacity: sealed.bytes.count + startOfSealed)
    head.add(magic)
    head.add(secret.seal(of: sealed.bytes[...]))
    head.add(sealed.bytes)
    return head.bytes
  }
}
