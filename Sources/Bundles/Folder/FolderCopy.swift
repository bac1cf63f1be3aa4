import Artefacts
import System

/// Copies files and folders: bytes and whether they can be executed, and nothing else.
struct FolderCopy {
  /// What is done about links.
  enum Links {
    /// What they lead to is copied.
    case followed
    /// They are refused.
    case refused
  }

  let files: any FileSystem
  let links: Links

  private static let mostEntries = 10_000_000
  private static let deepest = 128

  /// - Parameter target: its folder is there. A file that is there stays, and of a folder what it lacks is added: what is
  ///   copied twice, as a file and within its folder, is the same.
  func copy(_ path: String, to target: String) throws {
    var count = 0
    try copy(path, to: target, depth: 0, &count)
  }

  private func copy(_ path: String, to target: String, depth: Int, _ count: inout Int) throws {
    try Task.checkCancellation()
    count += 1
    guard depth <= FolderCopy.deepest, count <= FolderCopy.mostEntries else {
      throw Failure(.refused, "\(path) holds too many files, or folders in folders")
    }
    guard let status = try files.status(path, followingLinks: links == .followed) else {
      throw Failure(.notFound, "there is nothing at \(path)")
    }
    if status.isFile {
      if try files.entry(target) != nil { return }
      let file = try InputFile(path, followingLinks: links == .followed, files: files)
      try files.copy(0..<file.size, of: file, to: target, mode: 0o644)
      try files.setMode(target, to: status.isExecutable ? 0o755 : 0o644)
    } else if status.isFolder {
      try files.makeFolder(target)
      for name in try files.names(in: path) {
        if let fault = EntryName.fault(of: name) {
          throw Failure(.refused, "\(path) has an entry \(name.debugDescription): \(fault)")
        }
        try copy(path + "/" + name, to: target + "/" + name, depth: depth + 1, &count)
      }
    } else {
      throw Failure(
        .refused, "\(path) is \(status.kind), neither a file nor a folder",
        hint: status.isLink ? "put what it leads to in its place" : nil)
    }
  }
}
