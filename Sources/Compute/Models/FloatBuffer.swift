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

  /// - Parameter isSparse: whether most of a large buffer will never be touched.
  init(_ count: Int, isSparse: Bool = false) {
    let bytes = count * MemoryLayout<Float>.stride
    let isLarge = bytes >= 4 * Self.hugePage && !isSparse
    let alignment = isLarge ? Self.hugePage : Self.line
    guard let memory = calloc(bytes + alignment, 1) else {
      fatalError("there is no memory for \(count) floats")
    }
    let aligned = memory.alignedUp(toMultipleOf: alignment)
    // Fewer pages to fault in and to translate; nothing is lost where there are none.
    if isLarge { madvise(aligned, bytes / Self.hugePage * Self.hugePage, MADV_HUGEPAGE) }
    self.memory = memory
    start = aligned.bindMemory(to: Float.self, capacity: count)
    self.count = count
  }

  deinit { free(memory) }
}
