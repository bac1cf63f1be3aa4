typealias Floats = UnsafeMutablePointer<Float>
typealias ConstantFloats = UnsafePointer<Float>

/// Floats in memory, at first zero, that start on a cache line.
final class FloatBuffer {
  let start: Floats
  let count: Int

  init(_ count: Int) {
    let bytes = count * MemoryLayout<Float>.stride
    let raw = UnsafeMutableRawPointer.allocate(byteCount: max(64, bytes), alignment: 64)
    start = raw.bindMemory(to: Float.self, capacity: count)
    start.initialize(repeating: 0, count: count)
    self.count = count
  }

  deinit { UnsafeMutableRawPointer(start).deallocate() }
}
