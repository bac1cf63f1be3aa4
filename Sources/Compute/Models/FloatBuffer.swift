internal import Glibc

typealias Floats = UnsafeMutablePointer<Float>
typealias ConstantFloats = UnsafePointer<Float>

/// Floats in memory, at first zero, that start on a cache line. What is never touched of a large buffer costs nothing.
final class FloatBuffer {
  let start: Floats
  let count: Int
  private let memory: UnsafeMutableRawPointer

  private static let line = 64
  private static let hugePage = 1 << 21

  /// - Parameter sparse: how many floats at the start will for the most part never be touched.
  init(_ count: Int, sparse: Int = 0) {
    let bytes = count * MemoryLayout<Float>.stride
    let isLarge = bytes >= 4 * Self.hugePage
    let alignment = isLarge ? Self.hugePage : Self.line
    guard let memory = calloc(bytes + alignment, 1) else {
      fatalError("there is no memory for \(count) floats")
    }
    let aligned = memory.alignedUp(toMultipleOf: alignment)
    // Fewer pages to fault in and to translate; nothing is lost where there are none.
    if isLarge {
      let first = (sparse * MemoryLayout<Float>.stride + Self.hugePage - 1) / Self.hugePage * Self.hugePage
      let end = bytes / Self.hugePage * Self.hugePage
      if first < end { madvise(aligned + first, end - first, MADV_HUGEPAGE) }
    }
    self.memory = memory
    start = aligned.bindMemory(to: Float.self, capacity: count)
    self.count = count
  }

  deinit { free(memory) }
}
