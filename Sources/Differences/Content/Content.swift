public import Artefacts

/// One side of a comparison: a file or a folder, wherever it is kept.
public protocol Content: Sendable {
  var isFolder: Bool { get }
  /// Of the bytes, or of a folder's manifest, where it is known without reading them.
  var digest: Digest? { get }
  /// Opens a file.
  func open() throws -> any ByteSource
  /// What a folder holds, sorted by name.
  func entries() throws -> [ContentEntry]
}

/// Something in a folder, under its name.
public struct ContentEntry: Sendable {
  public let name: String
  public let isExecutable: Bool
  public let content: any Content

  public init(name: String, isExecutable: Bool = false, content: any Content) {
    self.name = name
    self.isExecutable = isExecutable
    self.content = content
  }
}

/// Bytes that can be read at any place.
public protocol ByteSource {
  var size: Int { get }
  /// Fills the buffer with the bytes from a place on, of which there are enough.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws
}

extension ByteSource {
  /// The first bytes, at most `count` of them.
  func prefix(_ count: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: min(count, size))
    try bytes.withUnsafeMutableBytes { try read(into: $0, at: 0) }
    return bytes
  }
}
