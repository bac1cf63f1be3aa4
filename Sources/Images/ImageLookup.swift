internal import Glibc
package import System

/// What stands in the file system of an image that is unpacked.
package struct ImageLookup {
  private let root: ImageRoot

  /// - Parameter root: the folder.
  package init(root: String, files: any FileSystem) {
    self.root = ImageRoot(path: root, files: files, mostSteps: 100_000)
  }

  /// What stands at an absolute path, or at the end of the links that do, which lead nowhere out of the image; nil if nothing does, as where
  /// links lead in a circle or a name is too long.
  package func status(_ path: String) throws -> FileStatus? {
    do {
      guard let found = try root.resolved(ImagePath.parts(path)) else { return nil }
      return try root.files.entry(try root.path(found))
    } catch let error as Failure {
      if error.code == .refused || error.errno == ENAMETOOLONG { return nil }
      throw error
    }
  }
}
