import Artefacts
import System

extension StoreFiles {
  /// Hands out a part of an object's file, piece by piece.
  ///
  /// - Parameters:
  ///   - begin: told of the file's size before the first piece.
  /// - Returns: whether there is such an object.
  func read(
    _ part: WantedPart, of path: String, begin: (Int) throws -> Void,
    _ piece: (UnsafeRawBufferPointer) throws -> Void
  ) throws -> Bool {
    guard case .object(let digest) = StorePath(path) else { throw unknown(path) }
    guard try store.contains(digest) else { return false }
    try store.withKeptFile(digest) { path in
      let file = try InputFile(path, files: store.files)
      let range = part.range(in: file.size)
      try begin(file.size)
      _ = try file.forEachPiece(from: range.lowerBound, limit: range.count) {
        try Task.checkCancellation()
        try piece($0)
      }
    }
    return true
  }
}
