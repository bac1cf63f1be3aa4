/// Why bytes are not a safetensors file, or cannot be written as one.
public struct SafetensorsError: Error, Hashable, CustomStringConvertible {
  public let description: String

  init(_ description: String) { self.description = description }
}
