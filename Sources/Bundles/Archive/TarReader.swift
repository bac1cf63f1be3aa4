import Archives
import Artefacts
import System

/// Unpacks the tar file of a bundle. It may come from anyone: only files and folders are made, under one folder, whose name
/// in the archive does not matter.
struct TarReader {
  let files: any FileSystem

  /// - Parameter folder: is there and empty.
  func unpack(_ path: String, to folder: String) throws {
    do {
      var entries = TarEntries(FileBytes(try InputFile(path, files: files)))
      while let entry = try entries.next() {
        guard entry.kind == .file || entry.kind == .folder else {
          throw Failure(
            .refused, "the archive holds something that is neither a file nor a folder, such as a link",
            hint: "a bundle has no links")
        }
        if let target = try target(entry.name, in: folder) { try make(target, entry, &entries) }
      }
    } catch let error as Failure where error.code == .malformed {
      throw Failure(
        .malformed, error.headline, facts: error.facts, hint: "give a bundle as a folder, or as a .tar file")
    }
  }

  private func make(_ target: String, _ entry: TarEntries.Entry, _ entries: inout TarEntries) throws {
    try files.makeFolders(parentFolder(of: target))
    if entry.kind == .folder { return try files.makeFolder(target) }
    guard try files.entry(target) == nil else {
      throw Failure(.refused, "the archive names '\(target)' twice")
    }
    try files.writeFile(target, mode: entry.mode & 0o100 != 0 ? 0o755 : 0o644) { append in
      try entries.forEachPiece(append)
    }
  }

  /// Where an entry goes; nil for the folder of all.
  private func target(_ name: String, in folder: String) throws -> String? {
    if name.hasPrefix("/") {
      throw Failure(
        .refused,
        "the archive holds \(name.debugDescription), an absolute path, which leads out of the bundle",
        hint: "pack the bundle from the folder above it: tar -cf NAME.tar -C FOLDER NAME")
    }
    var parts = name.split(separator: "/", omittingEmptySubsequences: false)
    if parts.last == "" { parts.removeLast() }
    if parts.first == "." { parts.removeFirst() }
    if parts.isEmpty { return nil }
    for part in parts {
      guard let fault = EntryName.fault(of: String(part)) else { continue }
      throw Failure(.refused, "the archive holds \(name.debugDescription): \(fault)")
    }
    return parts.count == 1 ? nil : folder + "/" + parts.dropFirst().joined(separator: "/")
  }
}
