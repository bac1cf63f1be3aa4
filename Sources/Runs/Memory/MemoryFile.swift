import Artefacts
import JSON
import Pipeline
import System

/// The two files in which a run is remembered. The first says what there was to see:
///
///     magic      16 bytes
///     seal       32: of all that follows, by the user's secret
///     seal       32: of the second file
///     request    32: what was asked for
///     head       length (4): of all that follows
///     summary    JSON behind its length
///     shelves    count, and each: first byte, whether it is settled, status (40)
///     sightings  see `Sightings`
///     amended    count, and each: number of an instance (4), and what it is now behind its length
///
/// The second one is the body: the instances, their count, the length of each (4), and all of them (`RememberedInstance`).
/// It is much the larger one, and stays as it is while few of them come to something else.
///
/// Counts and lengths have 4 bytes, little-endian. Whoever finds that nothing has changed reads no instance.
struct MemoryFile {
  private static let magic = Array("brake run 4\n\0\0\0\0".utf8)
  private static let startOfSealed = 16 + 32
  private static let startOfRequest = 16 + 32 + 32
  /// What says how long the head is.
  static let lengthOfStart = 16 + 32 + 32 + 32 + 4
  static let limit = 1 << 30

  let summary: RememberedRun.Summary
  let shelves: [RememberedRun.Shelf]
  let sightings: Sightings
  private let amended: [(number: Int, instance: ArraySlice<UInt8>)]
  private let request: Digest
  private let sealOfBody: Digest

  /// Whether a file that begins so may be of this request.
  static func isHead(_ start: [UInt8], of request: Digest) -> Bool {
    start.count >= lengthOfStart && start.starts(with: magic)
      && start[startOfRequest..<lengthOfStart].starts(with: request.bytes)
  }

  /// - Parameter head: the first file. Nil if it is none, not of this user's making, or of another request.
  init?(head: [UInt8], request: Digest, secret: UserSecret) {
    guard MemoryFile.isHead(head, of: request) else { return nil }
    self.request = request
    do {
      var reader = ByteReader(head[16...])
      let seal = try reader.digest()
      guard secret.seal(of: head[MemoryFile.startOfSealed...]) == seal else { return nil }
      sealOfBody = try reader.digest()
      _ = try reader.digest()
      guard try reader.number() == head.count - MemoryFile.lengthOfStart else { return nil }
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
      var amended: [(Int, ArraySlice<UInt8>)] = []
      for _ in 0..<(try reader.count(of: 4 + 4 + 12 + 32)) {
        amended.append((try reader.number(), try reader.take(try reader.count())))
      }
      self.amended = amended
    } catch {
      return nil
    }
  }

  /// All of it; nil if the body is not the one that belongs to it.
  func run(body bytes: [UInt8], secret: UserSecret) -> RememberedRun? {
    guard secret.seal(of: bytes[...]) == sealOfBody else { return nil }
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
      for (number, bytes) in amended {
        let instance = try RememberedInstance(bytes, number: number, sightings: sightings.count)
        guard number <= instances.count else { return nil }
        if number == instances.count { instances.append(instance) } else { instances[number] = instance }
      }
      return RememberedRun(
        summary: summary, sightings: sightings, shelves: shelves, instances: instances,
        body: .init(seal: sealOfBody, length: bytes.count, amended: Set(amended.map(\.number))))
    } catch {
      return nil
    }
  }

  // MARK: Writing

  /// - Returns: the first file, and the second one in pieces, unless there is one that it can belong to. It is large, so that nobody
  ///   puts it together in memory.
  static func bytes(
    of run: RememberedRun, request: Digest, secret: UserSecret
  ) -> (head: [UInt8], body: [ArraySlice<UInt8>]?) {
    if let body = run.body {
      let amended = body.amended.sorted().map { (number: $0, instance: run.instances[$0].bytes) }
      if amended.reduce(0, { $0 + $1.instance.count }) <= body.length / 2 {
        return (head(run.summary, run.shelves, run.sightings, amended, body.seal, request, secret), nil)
      }
    }
    var lengths = ByteWriter(capacity: 4 + 4 * run.instances.count)
    lengths.add(count: run.instances.count)
    for instance in run.instances { lengths.add(count: instance.bytes.count) }
    let body = [lengths.bytes[...]] + run.instances.map(\.bytes)
    let head = head(
      run.summary, run.shelves, run.sightings, [], secret.seal(ofAll: body), request, secret)
    return (head, body)
  }

  /// The first file for the same instances, with what has been seen since.
  func head(_ shelves: [RememberedRun.Shelf], _ sightings: Sightings, secret: UserSecret) -> [UInt8] {
    MemoryFile.head(summary, shelves, sightings, amended, sealOfBody, request, secret)
  }

  private static func head(
    _ summary: RememberedRun.Summary, _ shelves: [RememberedRun.Shelf], _ sightings: Sightings,
    _ amended: [(number: Int, instance: ArraySlice<UInt8>)], _ sealOfBody: Digest, _ request: Digest,
    _ secret: UserSecret
  ) -> [UInt8] {
    let summary = summary.json.canonicalBytes
    let length =
      4 + summary.count + 4 + 42 * shelves.count + sightings.length
      + amended.reduce(4) { $0 + 8 + $1.instance.count }
    var head = ByteWriter(capacity: lengthOfStart + length)
    head.add(magic)
    // In the place of its seal, until all that this is of stands there.
    head.add(sealOfBody)
    head.add(sealOfBody)
    head.add(request)
    head.add(count: length)
    head.add(count: summary.count)
    head.add(summary)
    head.add(count: shelves.count)
    for shelf in shelves {
      head.add(byte: shelf.first)
      head.add(byte: shelf.isSettled ? 1 : 0)
      head.add(shelf.status)
    }
    sightings.add(to: &head)
    head.add(count: amended.count)
    for (number, instance) in amended {
      head.add(count: number)
      head.add(count: instance.count)
      head.add(instance)
    }
    head.replace(secret.seal(of: head.bytes[startOfSealed...]), at: magic.count)
    return head.bytes
  }
}
