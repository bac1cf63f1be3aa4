import Artefacts
import Synchronization
import System

/// A segment that another place names in its catalogue. Its seal is read when something is first looked for in it.
final class DistantSegment: Sendable {
  let name: String
  /// Bytes, as the catalogue says.
  private let namedSize: Int
  private let files: any RangedFiles
  private let state = Mutex(State.unknown)

  private enum State {
    case unknown
    case sealed(SealedSegment, Source)
    /// There is none any more.
    case gone
    case unsound(Failure)
  }

  private enum Source {
    case distant
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

  init(_ entry: Catalogue.Entry, of files: any RangedFiles) {
    name = entry.name
    namedSize = entry.size
    self.files = files
  }

  private var path: String { "segments/\(name)" }

  var isKnown: Bool { state.withLock { if case .unknown = $0 { false } else { true } } }
  var sealed: SealedSegment? {
    state.withLock { if case .sealed(let sealed, _) = $0 { sealed } else { nil } }
  }
  var isGone: Bool { state.withLock { if case .gone = $0 { true } else { false } } }
  /// What is wrong with it.
  var fault: Failure? { state.withLock { if case .unsound(let failure) = $0 { failure } else { nil } } }

  /// Reads the seal.
  /// - Throws: if the place does not answer.
  func look(_ room: SegmentRoom) async throws {
    let found = try await find(room)
    state.withLock { $0 = found }
  }

  private func find(_ room: SegmentRoom) async throws -> State {
    switch try files.read(.last(DistantSegment.least), of: path) {
    case .missing: return .gone
    case .wholeOnly: return try await findWhole(room)
    case .bytes(let end, ofSize: let size):
      let source: Source = end.count == size ? .memory(end) : .distant
      return try state(size, end, room, source) { [files, path] range in
        guard case .bytes(let bytes, ofSize: size) = try files.read(.range(range), of: path),
          bytes.count == range.count
        else { throw changed }
        return bytes
      }
    }
  }

  /// - Parameter read: gets what stands before the end.
  private func state(
    _ size: Int, _ end: [UInt8], _ room: SegmentRoom, _ source: Source, _ read: (Range<Int>) throws -> [UInt8]
  ) throws -> State {
    guard let length = SealedSegment.sealLength(end, ofSize: size) else { return unsound }
    let kept = if case .memory(let bytes) = source { length + bytes.count } else { length }
    guard room.takes(kept) else { return overfull }
    let seal =
      try length <= end.count ? Array(end.suffix(length)) : read(size - length..<size - end.count) + end
    guard let sealed = SealedSegment(seal: seal, ofSize: size) else { return unsound }
    return .sealed(sealed, source)
  }

  private func findWhole(_ room: SegmentRoom) async throws -> State {
    if namedSize <= DistantSegment.least { return try await findSmall(room) }
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
    return try state(size, end, room, .file(whole)) {
      try whole.file.bytes(at: $0.lowerBound, count: $0.count)
    }
  }

  private func findSmall(_ room: SegmentRoom) async throws -> State {
    guard let bytes = try await files.bytes(of: path, limit: DistantSegment.least) else { return .gone }
    return try state(bytes.count, bytes, room, .memory(bytes)) { _ in throw changed }
  }

  /// Some of its bytes; nil if it is gone.
  func bytes(_ range: Range<Int>) throws -> [UInt8]? {
    guard case .sealed(let sealed, let source) = state.withLock({ $0 }) else { return nil }
    switch source {
    case .memory(let bytes): return Array(bytes[range])
    case .file(let whole): return try whole.file.bytes(at: range.lowerBound, count: range.count)
    case .distant:
      switch try files.read(.range(range), of: path) {
      case .bytes(let bytes, ofSize: sealed.size) where bytes.count == range.count: return bytes
      case .missing:
        state.withLock { $0 = .gone }
        return nil
      default: throw changed
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
    .unsound(RemoteFailure.lying(files.name, "has more in its segments than can be kept in mind"))
  }
}

/// How much is kept of the segments of a place at most, whatever it says.
final class SegmentRoom: Sendable {
  private let memory = Mutex(512 << 20)
  private let disk = Mutex(8 << 30)

  func takes(_ count: Int) -> Bool { memory.withLock { SegmentRoom.take(count, of: &$0) } }
  func takesOnDisk(_ count: Int) -> Bool { disk.withLock { SegmentRoom.take(count, of: &$0) } }

  private static func take(_ count: Int, of room: inout Int) -> Bool {
    guard count <= room else { return false }
    room -= count
    return true
  }
}
