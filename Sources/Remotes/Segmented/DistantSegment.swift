import Artefacts
import Synchronization
import System

/// A segment that another place names in its catalogue. Its seal is read when something is first looked for in it.
final class DistantSegment: Sendable {
  let name: String
  /// Bytes, as the catalogue says.
  private let namedSize: Int
  private let files: any RangedFiles
  private let room: SegmentRoom
  private let index: DistantIndex?
  private let state = Mutex(State.unknown)
  /// While all of it comes from a place that hands out whole files only, and from then on.
  private let coming = Mutex<Task<State, any Error>?>(nil)

  private enum State {
    case unknown
    case sealed(SealedSegment, Source)
    /// There is none any more.
    case gone
    case unsound(Failure)
  }

  private enum Source {
    case distant
    /// It was there at an earlier time.
    case old
    /// All of it has come, since it is small.
    case memory([UInt8])
    /// All of it has come, from a place that hands out whole files only.
    case file(WholeFile)
  }

  /// One that is open, and has no name any more.
  private final class WholeFile: Sendable {
    let file: InputFile
    init(_ file: consuming InputFile) { self.file = file }
  }

  /// Bytes that are read first, from the end.
  private static let least = 64 << 10

  init(
    _ entry: Catalogue.Entry, of files: any RangedFiles, _ room: SegmentRoom, _ index: DistantIndex?
  ) {
    name = entry.name
    namedSize = entry.size
    self.files = files
    self.room = room
    self.index = index
  }

  private var path: String { "segments/\(name)" }

  var isKnown: Bool { state.withLock { if case .unknown = $0 { false } else { true } } }
  var sealed: SealedSegment? {
    state.withLock { if case .sealed(let sealed, _) = $0 { sealed } else { nil } }
  }
  var isGone: Bool { state.withLock { if case .gone = $0 { true } else { false } } }
  /// What is wrong with it.
  var fault: Failure? { state.withLock { if case .unsound(let failure) = $0 { failure } else { nil } } }

  /// Whether nobody has asked for it since it was known from an earlier time.
  var isOld: Bool { state.withLock { if case .sealed(_, .old) = $0 { true } else { false } } }

  func holds(oneOf paths: Set<StorePath>) -> Bool {
    sealed.map { sealed in paths.contains { $0.place(in: sealed) != nil } } ?? false
  }

  /// Reads the seal, unless it is known from an earlier time.
  /// - Throws: if the place does not answer.
  func look() async throws {
    if let (seal, size) = index?.takeSeal(of: name), let sealed = SealedSegment(seal: seal, ofSize: size) {
      guard room.takes(seal.count) else { return state.withLock { $0 = overfull } }
      return state.withLock { $0 = .sealed(sealed, .old) }
    }
    let found = try await find()
    state.withLock { $0 = found }
  }

  /// Sees whether one that is known from an earlier time is still there.
  /// - Throws: if the place does not answer.
  func lookAgain() async throws {
    // Meanwhile it stays what it was: others read from it. Where nobody answers it is asked when something is looked for again.
    guard case .sealed(let sealed, .old) = state.withLock({ $0 }) else { return }
    if case .bytes(_, ofSize: sealed.size) = try files.read(.last(1), of: path) {
      return state.withLock { $0 = .sealed(sealed, .distant) }
    }
    let found = try await find()
    state.withLock { $0 = found }
  }

  private func find() async throws -> State {
    switch try files.read(.last(DistantSegment.least), of: path) {
    case .missing: return .gone
    case .wholeOnly: return try await findWhole()
    case .bytes(let end, ofSize: let size):
      let isKept = end.count == size && room.takesWhole(size)
      return try state(size, end, isKept ? .memory(end) : .distant) { [files, path] range in
        guard case .bytes(let bytes, ofSize: size) = try files.read(.range(range), of: path),
          bytes.count == range.count
        else { throw changed }
        return bytes
      }
    }
  }

  /// - Parameter read: gets what stands before the end.
  private func state(
    _ size: Int, _ end: [UInt8], _ source: Source, _ read: (Range<Int>) throws -> [UInt8]
  ) throws -> State {
    guard let length = SealedSegment.sealLength(end, ofSize: size) else { return unsound }
    guard room.takes(length) else { return overfull }
    let seal =
      try length <= end.count ? Array(end.suffix(length)) : read(size - length..<size - end.count) + end
    guard let sealed = SealedSegment(seal: seal, ofSize: size) else { return unsound }
    index?.note(seal: seal, of: name, size: size)
    return .sealed(sealed, source)
  }

  private func findWhole() async throws -> State {
    if namedSize <= DistantSegment.least { return try await findSmall() }
    guard room.takesOnDisk(namedSize) else { return overfull }
    let local = LocalFileSystem()
    let place = "\(TemporaryPlace.path)/brake-\(ProcessFolder.randomName())"
    let landing = Landing(path, limit: namedSize, file: (place, local))
    defer { try? local.remove(place) }
    try await files.read([landing])
    guard try landing.isThere() else { return .gone }
    let whole = WholeFile(try InputFile(place, followingLinks: false, files: local))
    let size = whole.file.size
    let count = min(size, DistantSegment.least)
    let end = try whole.file.bytes(at: size - count, count: count)
    return try state(size, end, .file(whole)) {
      try whole.file.bytes(at: $0.lowerBound, count: $0.count)
    }
  }

  private func findSmall() async throws -> State {
    guard let bytes = try await files.bytes(of: path, limit: DistantSegment.least) else { return .gone }
    let source: Source = room.takesWhole(bytes.count) ? .memory(bytes) : .distant
    return try state(bytes.count, bytes, source) { _ in throw changed }
  }

  /// Some of its bytes; nil if it is gone.
  func bytes(_ range: Range<Int>) async throws -> [UInt8]? {
    guard case .sealed(let sealed, let source) = state.withLock({ $0 }) else { return nil }
    switch source {
    case .memory(let bytes): return Array(bytes[range])
    case .file(let whole): return try whole.file.bytes(at: range.lowerBound, count: range.count)
    case .distant, .old:
      switch try files.read(.range(range), of: path) {
      case .bytes(let bytes, ofSize: sealed.size) where bytes.count == range.count: return bytes
      case .wholeOnly: return try await bytesOfWhole(range, sealed.size)
      case .missing:
        state.withLock { $0 = .gone }
        return nil
      default: throw changed
      }
    }
  }

  /// The same from a place that hands out whole files only.
  private func bytesOfWhole(_ range: Range<Int>, _ size: Int) async throws -> [UInt8]? {
    if size <= DistantSegment.least {
      guard let bytes = try await files.bytes(of: path, limit: DistantSegment.least) else {
        state.withLock { $0 = .gone }
        return nil
      }
      guard bytes.count == size else { throw changed }
      return Array(bytes[range])
    }
    switch try await comeWhole() {
    case .sealed(let sealed, .file(let whole)) where sealed.size == size:
      return try whole.file.bytes(at: range.lowerBound, count: range.count)
    case .gone: return nil
    case .unsound(let failure): throw failure
    default: throw changed
    }
  }

  /// Has all of it come, once for all who read from it at the same time.
  private func comeWhole() async throws -> State {
    while true {
      let task = coming.withLock { task in
        if let task { return task }
        let new = Task {
          let found = try await findWhole()
          state.withLock { $0 = found }
          return found
        }
        task = new
        return new
      }
      do {
        return try await withTaskCancellationHandler {
          try await task.value
        } onCancel: {
          task.cancel()
        }
      } catch {
        // Whoever reads next tries again, and so does who was not meant by another one's giving up.
        coming.withLock { if $0 == task { $0 = nil } }
        guard error is CancellationError, !Task.isCancelled else { throw error }
      }
    }
  }

  private var changed: Failure {
    RemoteFailure.lying(files.name, "has another file as \(path) than a moment ago")
  }

  private var unsound: State {
    .unsound(RemoteFailure.lying(files.name, "has something else than a sealed segment as \(path)"))
  }

  private var overfull: State {
    .unsound(
      RemoteFailure.refused(
        files.name,
        "has more in its segments than brake looks through: what says where it stands has more than "
          + "\(SegmentRoom.limit >> 20) MiB, or whole segments more than \(SegmentRoom.diskLimit >> 30) GiB",
        hint: "send what is needed to another place with 'brake push': one has room for about twelve million "
          + "small objects; where it hands out parts of files, nothing is kept on the disk here"))
  }
}

/// How much is kept of the segments of a place at most, whatever it says.
final class SegmentRoom: Sendable {
  static let limit = 512 << 20
  static let diskLimit = 8 << 30
  private let memory = Mutex(limit)
  private let wholes = Mutex(64 << 20)
  private let disk = Mutex(diskLimit)

  func takes(_ count: Int) -> Bool { memory.withLock { SegmentRoom.take(count, of: &$0) } }
  /// Small segments of which all bytes are kept. Those of others are asked for again.
  func takesWhole(_ count: Int) -> Bool { wholes.withLock { SegmentRoom.take(count, of: &$0) } }
  func takesOnDisk(_ count: Int) -> Bool { disk.withLock { SegmentRoom.take(count, of: &$0) } }

  private static func take(_ count: Int, of room: inout Int) -> Bool {
    guard count <= room else { return false }
    room -= count
    return true
  }
}
