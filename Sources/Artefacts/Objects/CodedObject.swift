internal import System

/// An object file with those that it is stored as a difference from: what it takes to decode any part of it.
final class CodedObject: Sendable {
  private let object: ObjectFile
  private let bases: BaseSource
  private let base: CodedObject?
  /// What holds the moments of updated weights.
  private let states: CodedObject?
  /// Where each chunk starts: among the logical bytes, and in the file.
  private let starts: [(logical: Int, stored: Int)]
  /// Chunks of first moments that belong to second ones, and some that have been decoded already.
  private let firsts: Set<Int>
  private let kept = KeptMoments()

  var footer: ObjectFooter { object.footer }
  var size: Int { footer.size }

  /// Opens the bases of an object, too. What is asked of these is bounded by what the object has: their bytes come in the
  /// order of its own.
  /// - Throws: `LostBase`, or `Damage` if the object says of its base what cannot be.
  convenience init(_ object: ObjectFile, bases: BaseSource) throws {
    try self.init(object, bases, level: 0, holdsStates: false)
  }

  /// - Parameter holdsStates: whether it is a second base, or what that is a difference from: such have no second one
  ///   themselves, so that few ways lead to each base.
  private init(_ object: ObjectFile, _ bases: BaseSource, level: Int, holdsStates: Bool) throws {
    self.object = object
    self.bases = bases
    var starts: [(logical: Int, stored: Int)] = []
    starts.reserveCapacity(object.footer.chunks.count)
    var next = (logical: 0, stored: ObjectFormat.headerLength)
    for chunk in object.footer.chunks {
      starts.append(next)
      next = (next.logical + chunk.length, next.stored + chunk.stored)
    }
    self.starts = starts
    firsts = Set(object.footer.chunks.lazy.filter { $0.codec == .secondMoments }.map(\.first))
    base = try object.footer.base.map {
      try CodedObject.base($0, bases, level: level + 1, holdsStates: holdsStates)
    }
    states = try object.footer.states.map {
      try CodedObject.base($0, bases, level: level + 1, holdsStates: true)
    }
    let end = object.footer.chunks.last { $0.codec.isDelta }.map { $0.base + $0.length } ?? 0
    let endOfMoments = object.footer.chunks.last { $0.codec == .updatedWeights }
      .map { max($0.moments.first, $0.moments.second) + $0.length }
    guard end <= base?.size ?? 0, endOfMoments ?? 0 <= states?.size ?? 0 else {
      try checkBases()
      throw Damage("it is a difference from bytes that its base does not have")
    }
  }

  private static func base(
    _ digest: Digest, _ bases: BaseSource, level: Int, holdsStates: Bool
  ) throws -> CodedObject {
    do {
      if level > ObjectFormat.baseLimit {
        throw Failure(
          .refused, "differences lead over more than \(ObjectFormat.baseLimit) bases to it", hint: nil)
      }
      let file = try bases.open(digest)
      let status = file.status
      do {
        let object = try ObjectFile(file, as: digest)
        if holdsStates, object.footer.states != nil {
          throw Failure(.refused, "it has a second base, as no second base may have", hint: nil)
        }
        return try CodedObject(object, bases, level: level, holdsStates: holdsStates)
      } catch let damage as Damage {
        throw bases.damaged(digest, status, damage)
      }
    } catch let error as Failure {
      throw LostBase(base: digest, cause: error)
    }
  }

  /// Fills a buffer, which is not empty, with the bytes from a place on.
  /// - Precondition: there are as many.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int, by worker: ChunkWorker) throws {
    try read(into: buffer, at: offset, by: worker, .object)
  }

  private func read(
    into buffer: UnsafeMutableRawBufferPointer, at offset: Int, by worker: ChunkWorker, _ way: Way
  ) throws {
    var done = 0
    var index = chunk(at: offset)
    while done < buffer.count {
      let start = offset + done - starts[index].logical
      let count = min(footer.chunks[index].length - start, buffer.count - done)
      let target = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count])
      if count == footer.chunks[index].length {
        try decode(index, into: target, by: worker, way)
      } else {
        let chunk = try worker.chunk(index, at: way) { try decode(index, into: $0, by: worker, way) }
        target.copyMemory(from: UnsafeRawBufferPointer(rebasing: chunk[start..<start + count]))
      }
      done += count
      index += 1
    }
  }

  /// Decodes one chunk.
  /// - Parameter buffer: at least as long as the chunk.
  /// - Throws: `Damage` to this object, or `LostBase`.
  /// - Parameter isInRow: whether all chunks are decoded one after the other, so that first moments may be kept for the second ones.
  func decode(
    _ index: Int, into buffer: UnsafeMutableRawBufferPointer, by worker: ChunkWorker, isInRow: Bool = false
  ) throws {
    let count = footer.chunks[index].length
    guard isInRow, firsts.contains(index), let room = kept.room(for: count) else {
      return try decode(index, into: buffer, by: worker, .object)
    }
    try readBase(into: room.before(count), at: footer.chunks[index].base, by: worker, Way.object.next)
    try decodeFirst(index, in: room, by: worker)
    buffer.copyMemory(from: UnsafeRawBufferPointer(room.now(count)))
    kept.keep(room, of: index)
  }

  private func decode(
    _ index: Int, into buffer: UnsafeMutableRawBufferPointer, by worker: ChunkWorker, _ way: Way
  ) throws {
    let chunk = footer.chunks[index]
    let target = UnsafeMutableRawBufferPointer(rebasing: buffer[..<chunk.length])
    if chunk.codec.isDelta { try readBase(into: target, at: chunk.base, by: worker, way.next) }
    let room: MomentRoom? =
      switch chunk.codec {
      case .secondMoments: try firstMoments(of: chunk, by: worker, way)
      case .updatedWeights: try moments(of: chunk, by: worker, way)
      default: nil
      }
    try readStored(index, by: worker)
    try withExtendedLifetime(room) {
      try worker.coder.decode(chunk, into: target, beside: room?.moments(chunk.length))
    }
  }

  /// First and second moments of the update that made a chunk of weights, one in place of those now, the other of those before.
  private func moments(
    of chunk: ChunkEntry, by worker: ChunkWorker, _ way: Way
  ) throws -> MomentRoom {
    let room = worker.room(at: way)
    guard let states else { return room }
    do {
      try states.read(
        into: room.now(chunk.length), at: chunk.moments.first, by: worker, way.nextOfFirstMoments)
      try states.read(
        into: room.before(chunk.length), at: chunk.moments.second, by: worker, way.nextOfSecondMoments)
    } catch { throw states.lost(error) }
    return room
  }

  /// The first moments that belong to a chunk of second ones. They are a difference from those of before.
  private func firstMoments(
    of chunk: ChunkEntry, by worker: ChunkWorker, _ way: Way
  ) throws -> MomentRoom {
    if way == .object, let room = kept.take(chunk.first) { return room }
    let room = worker.room(at: way)
    let place = footer.chunks[chunk.first].base
    try readBase(into: room.before(chunk.length), at: place, by: worker, way.nextOfFirst)
    try decodeFirst(chunk.first, in: room, by: worker)
    return room
  }

  /// - Parameter room: has the moments of before.
  private func decodeFirst(_ index: Int, in room: MomentRoom, by worker: ChunkWorker) throws {
    let chunk = footer.chunks[index]
    let now = room.now(chunk.length)
    now.copyMemory(from: UnsafeRawBufferPointer(room.before(chunk.length)))
    try readStored(index, by: worker)
    try worker.coder.decode(chunk, into: now)
  }

  private func readBase(
    into buffer: UnsafeMutableRawBufferPointer, at place: Int, by worker: ChunkWorker, _ way: Way
  ) throws {
    guard let base else { return }
    do { try base.read(into: buffer, at: place, by: worker, way) } catch { throw base.lost(error) }
  }

  private func readStored(_ index: Int, by worker: ChunkWorker) throws {
    let count = footer.chunks[index].stored
    let stored = UnsafeMutableRawBufferPointer(rebasing: worker.coder.stored[..<count])
    try object.file.readStored(into: stored, at: starts[index].stored)
  }

  /// Reads all bases as a whole, the first of all first: what seems to be wrong with this object may be wrong with one of
  /// them.
  /// - Throws: `LostBase` if it is.
  func checkBases() throws {
    for base in [base, states].compactMap(\.self) {
      try base.checkBases()
      do { try base.check() } catch { throw base.lost(error) }
    }
  }

  /// Reads all of it.
  private func check() throws {
    let worker = ChunkWorker(ChunkCoder())
    var identity = ContentIdentity(size: size)
    for (index, chunk) in footer.chunks.enumerated() {
      try Task.checkCancellation()
      let buffer = worker.coder.logical
      try decode(index, into: buffer, by: worker)
      identity.update(UnsafeRawBufferPointer(rebasing: buffer[..<chunk.length]))
    }
    if identity.finalize().digest != footer.digest { throw Damage("its bytes have another digest") }
  }

  /// What is told to who needs this object as a base, of an error that came up when it was read.
  private func lost(_ error: any Error) -> any Error {
    switch error {
    case let damage as Damage:
      LostBase(base: footer.digest, cause: bases.damaged(footer.digest, object.file.status, damage))
    case let failure as Failure: LostBase(base: footer.digest, cause: failure)
    default: error
    }
  }

  /// The chunk that holds a byte.
  private func chunk(at offset: Int) -> Int {
    var low = 0
    var high = starts.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle].logical <= offset { low = middle } else { high = middle }
    }
    return low
  }
}

/// On which way one comes to an object: as what is wanted, or as a base, from base to base. On each way bytes are read in ascending
/// order, and on each anew: at most 57 ways lead through the bases that there may be.
private struct Way: Hashable {
  static let object = Way(number: 1)

  let number: Int

  /// To the base, at the place of what is wanted here.
  var next: Way { Way(number: 4 * number) }
  /// To the base, at the place of the first moments that belong to the second ones that are wanted here.
  var nextOfFirst: Way { Way(number: 4 * number + 1) }
  /// To the second base, at the places of the moments of the update that made what is wanted here.
  var nextOfFirstMoments: Way { Way(number: 4 * number + 2) }
  var nextOfSecondMoments: Way { Way(number: 4 * number + 3) }
}

/// Buffers with which one thread decodes chunks of one object, and what it needs of that object's bases.
final class ChunkWorker: @unchecked Sendable {
  let coder: ChunkCoder
  /// On each way, the chunk of which a part was wanted last.
  private var windows: [Way: Window] = [:]
  private var rooms: [Way: MomentRoom] = [:]

  private final class Window {
    let buffer = ChunkCoder.Buffer(ObjectFormat.chunkLimit)
    var chunk: Int?
  }

  init(_ coder: ChunkCoder) { self.coder = coder }

  /// The bytes of a chunk, decoded if it is another one than the last time.
  fileprivate func chunk(
    _ index: Int, at way: Way, _ decode: (UnsafeMutableRawBufferPointer) throws -> Void
  ) throws -> UnsafeRawBufferPointer {
    let window = windows[way] ?? Window()
    windows[way] = window
    if window.chunk != index {
      window.chunk = nil
      try decode(window.buffer.bytes)
      window.chunk = index
    }
    return UnsafeRawBufferPointer(window.buffer.bytes)
  }

  fileprivate func room(at way: Way) -> MomentRoom {
    let room = rooms[way] ?? MomentRoom(ObjectFormat.chunkLimit)
    rooms[way] = room
    return room
  }
}
