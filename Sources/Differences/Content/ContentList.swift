public import Artefacts
import System

/// Several artefacts under names, such as the outputs of a stage: a folder that stands nowhere.
public struct ContentList: Content {
  public var isFolder: Bool { true }
  public var digest: Digest? { nil }
  private let list: [ContentEntry]

  public init(_ entries: [ContentEntry]) {
    list = entries.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
  }

  public func entries() -> [ContentEntry] { list }

  public func open() throws -> any ByteSource {
    throw Failure(.refused, "several artefacts are no file")
  }
}
