internal import Glibc

typealias Floats = UnsafeMutablePointer<Float>
typealias ConstantFloats = UnsafePointer<Float>

/// Floats in memory, at first zero, that start on a cache line. What is never touched of a large buffer costs nothing.
final class FloatBuffer {
  let start: Floats
  let count: Int
  private let memory: UnsafeMutableRawPointer

  init(_ count: Int) {
    let bytes = count * MemoryLayout<Float>.stride
    let line = 64
    guard let memory = calloc(bytes + line, 1) else {
      fatalError("there is no memory for \(count) floats")
    }
    self.memory = memory
    start = memory.alignedUp(toMultipleOf: line).bindMemory(to: Float.self, capacity: count)
    self.count = count
  }

  deinit { free(memory) }
}
