import System

/// Makes a folder and those above it.
func makeFolders(_ path: String) throws { try LocalFileSystem().makeFolders(path) }

/// Removes a file or a folder with all in it; what cannot be removed stays.
func removeAll(_ path: String) { LocalFileSystem().removeAll(path) }

/// The entries of a folder, sorted. An error is never taken for its end.
func names(in folder: String) throws -> [String] { try LocalFileSystem().names(in: folder) }

enum FileType { case file, folder, link, other }

/// What stands at a path, links not followed; nil if nothing does.
func fileType(_ path: String) throws -> FileType? {
  try LocalFileSystem().entry(path)
    .map { $0.isFile ? .file : $0.isFolder ? .folder : $0.isLink ? .link : .other }
}

/// An absolute path without links; nil for what does not exist.
func realPath(_ path: String) -> String? { try? LocalFileSystem().realPath(path) }

/// Reads a file of at most `limit` bytes; nil if there is none.
func readSmall(_ path: String, limit: Int) throws -> [UInt8]? {
  try LocalFileSystem().contents(of: path, limit: limit)
}
