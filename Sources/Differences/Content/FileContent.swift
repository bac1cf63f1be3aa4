public import Artefacts
import System

/// A file or folder outside of any store, as it stands there now. Links are followed.
public struct FileContent: Content {
  public let isFolder: Bool
  public var digest: Digest? { nil }
  private let path: String
  private let depth: Int

  /// Folders in folders: links can lead in circles.
  private static let depthLimit = 128

  public init(_ path: String) throws { try self.init(path, depth: 0) }

  private init(_ path: String, depth: Int) throws {
    guard let status = try LocalFileSystem().status(path) else {
      throw Failure(.notFound, "there is nothing at '\(path)'")
    }
    guard status.isFile || status.isFolder else {
      throw Failure(.refused, "\(path) is \(status.kind), neither a file nor a folder")
    }
    if depth > FileContent.depthLimit {
      throw Failure(.refused, "\(path) is nested deeper than \(FileContent.depthLimit) folders")
    }
    self.path = path
    self.depth = depth
    isFolder = status.isFolder
  }

  public func open() throws -> any ByteSource { try FileBytes(path) }

  public func entries() throws -> [ContentEntry] {
    let files = LocalFileSystem()
    return try files.names(in: path).map { name in
      let inner = path + "/" + name
      return ContentEntry(
        name: name, isExecutable: try files.status(inner).map { $0.isFile && $0.isExecutable } ?? false,
        content: try FileContent(inner, depth: depth + 1))
    }
  }
}

/// An open file.
private final class FileBytes: ByteSource {
  let size: Int
  private let path: String
  private let file: Int32
  private let files = LocalFileSystem()

  init(_ path: String) throws {
    self.path = path
    file = try files.open(path)
    let status = try files.status(of: file, path: path)
    size = Int(status.size)
    // What stood here a moment ago may have given way to a pipe.
    if !status.isFile { throw Failure(.refused, "\(path) is \(status.kind), where a file is needed") }
  }

  deinit { try? files.close(file, path: path) }

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws {
    guard try files.read(into: buffer, from: file, at: offset, path: path) == buffer.count else {
      throw Failure(
        .refused, "\(path) became shorter while it was read",
        hint: "wait until nothing writes to it any more")
    }
  }
}
