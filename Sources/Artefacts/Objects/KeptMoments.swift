internal import Synchronization

/// Room for a chunk of first moments, and for those of before, or for first and second ones.
final class MomentRoom: Sendable {
  private let buffers: (now: ChunkCoder.Buffer, before: ChunkCoder.Buffer)

  init(_ count: Int) { buffers = (ChunkCoder.Buffer(count), ChunkCoder.Buffer(count)) }

  func now(_ count: Int) -> UnsafeMutableRawBufferPointer { .init(rebasing: buffers.now.bytes[..<count]) }
  func before(_ count: Int) -> UnsafeMutableRawBufferPointer {
    .init(rebasing: buffers.before.bytes[..<count])
  }

  func moments(_ count: Int) -> BesideBytes {
    (UnsafeRawBufferPointer(now(count)), UnsafeRawBufferPointer(before(count)))
  }
}

/// First moments that were decoded when it was their turn, and wait for the second ones that are predicted from them. Those of larger
/// files than there is room for are decoded once more.
final class KeptMoments: Sendable {
  private struct State {
    var rooms: [Int: MomentRoom] = [:]
    /// Those that are being filled, too.
    var count = 0
    /// Chunks whose second moments have been decoded before the first ones were there: nobody takes these any more.
    var passed: Set<Int> = []
  }

  private let state = Mutex(State())

  /// Chunks, at most: two megabytes each.
  private static let limit = 32

  /// - Returns: nil if there is none.
  func room(for count: Int) -> MomentRoom? {
    let isFree = state.withLock { state in
      if state.count == KeptMoments.limit { return false }
      state.count += 1
      return true
    }
    return isFree ? MomentRoom(count) : nil
  }

  func keep(_ room: MomentRoom, of chunk: Int) {
    state.withLock { state in
      if state.passed.remove(chunk) == nil { state.rooms[chunk] = room } else { state.count -= 1 }
    }
  }

  func take(_ chunk: Int) -> MomentRoom? {
    state.withLock { state in
      guard let room = state.rooms.removeValue(forKey: chunk) else {
        state.passed.insert(chunk)
        return nil
      }
      state.count -= 1
      return room
    }
  }
}
