/// Memory that is given back all at once.
final class Room {
  private var buffers: [FloatBuffer] = []

  func take(_ count: Int) -> Floats {
    let buffer = FloatBuffer(count)
    buffers.append(buffer)
    return buffer.start
  }
}
