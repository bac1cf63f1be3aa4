/// Reproducible numbers for tests: multiples of 2^-23 between -1 and 1 from a linear congruential generator.
struct Inputs {
  private var state: UInt32

  init(seed: UInt32) { state = seed }

  mutating func bits() -> UInt32 {
    state = state &* 1_664_525 &+ 1_013_904_223
    return state >> 8
  }

  mutating func values(_ count: Int, scale: Float = 1) -> [Float] {
    (0..<count).map { _ in Float(Int32(bits()) - (1 << 23)) * 0x1p-23 * scale }
  }

  mutating func buffer(_ count: Int, scale: Float = 1) -> Buffer { Buffer(values(count, scale: scale)) }
}

/// Floats at a fixed address, for kernels that take structures of pointers.
final class Buffer {
  let floats: UnsafeMutableBufferPointer<Float>

  init(_ values: [Float]) {
    floats = .allocate(capacity: values.count)
    _ = floats.initialize(from: values)
  }

  convenience init(zeros count: Int) { self.init([Float](repeating: 0, count: count)) }

  deinit { floats.deallocate() }

  var pointer: UnsafeMutablePointer<Float>? { floats.baseAddress }
  var values: [Float] { Array(floats) }
}
