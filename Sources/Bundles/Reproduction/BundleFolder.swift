import Actions
public import Artefacts
public import Pipeline
import Runs
import System

/// A bundle that is there. It is only read.
public struct BundleFolder: Sendable {
  /// Absolute.
  public let path: String
  public let manifest: BundleManifest
  /// What was made, and how.
  public let store: Store

  /// - Throws: if it is no bundle, or one of a later version.
  public init(at folder: String) throws {
    let disk = LocalFileSystem()
    guard let path = try disk.realPath(folder),
      let bytes = try disk.contents(
        of: path + "/" + BundleManifest.fileName, limit: BundleManifest.sizeLimit)
    else {
      throw Failure(
        .notFound, "'\(folder)' is no bundle: it has no \(BundleManifest.fileName)",
        hint: "a bundle is a folder that 'brake bundle' has written")
    }
    self.path = path
    manifest = try BundleManifest(bytes: bytes)
    // Links would lead out of it.
    for part in ["workspace", "store"] where try disk.entry("\(path)/\(part)")?.isLink == true {
      throw Failure(
        .refused, "in the bundle '\(folder)' \(part)/ is a link, and what it leads to is not in the bundle",
        hint: "ask for a bundle as 'brake bundle' has written it")
    }
    guard try disk.entry(path + "/store/format") != nil else {
      throw Failure(
        .notFound, "the bundle '\(folder)' has no store/",
        hint: "copy the whole folder, with all that is in it")
    }
    store = try Store(at: path + "/store", files: ReadOnlyFiles())
  }

  /// Unpacks a bundle that is one file.
  /// - Parameter folder: is there and empty.
  public static func unpack(_ archive: String, to folder: String) throws {
    try TarReader(files: LocalFileSystem()).unpack(archive, to: folder)
  }

  /// The pipeline, of which nothing has run. What it includes is in the bundle, or is not read.
  public func pipelineFile() throws -> PipelineFile {
    try PipelineFile(text: text(manifest.pipeline), path: manifest.pipeline, read: text)
  }

  /// - Parameter path: relative to the workspace.
  private func text(_ path: String) throws -> String {
    try check(path, of: manifest.pipeline, in: self.path + "/workspace")
    let (disk, file) = (LocalFileSystem(), "\(self.path)/workspace/\(path)")
    guard try disk.entry(file)?.isFile == true,
      let bytes = try disk.contents(of: file, limit: BundleManifest.sizeLimit)
    else { throw Failure(.notFound, "the bundle has no file '\(path)'", hint: "copy the whole folder") }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw Failure(.malformed, "'\(path)' is not UTF-8 text")
    }
    return text
  }

  /// Whether a folder that may not be there yet is in the bundle.
  public func holds(_ folder: String) throws -> Bool {
    var folder = folder
    while folder.count > 1, folder.hasSuffix("/") { folder.removeLast() }
    let parent = parentFolder(of: folder)
    let above = try LocalFileSystem().realPath(parent.isEmpty ? "." : parent) ?? parent
    return (above + "/").hasPrefix(path + "/")
  }

  /// Copies what the pipeline is and reads.
  /// - Parameter folder: is empty.
  public func copyWorkspace(to folder: String) throws {
    let disk = LocalFileSystem()
    for name in try disk.names(in: path + "/workspace") {
      if let fault = EntryName.fault(of: name) {
        throw Failure(.refused, "the bundle has a source \(name.debugDescription): \(fault)")
      }
      try FolderCopy(files: disk, links: .refused)
        .copy("\(path)/workspace/\(name)", to: "\(folder)/\(name)")
    }
  }

  /// The sources that are not what they were when the bundle was written.
  /// - Parameter folder: a copy of the workspace.
  public func changedSources(in folder: String) throws -> [String] {
    let disk = LocalFileSystem()
    return try manifest.sources.filter { source in
      let path = folder + "/" + source.path
      guard try disk.status(path) != nil else { return true }
      return try StatCache.artefact(reading: path, files: disk) != source.artefact
    }.map(\.path)
  }

  /// Throws if the pipeline includes a file, or one of these stages reads one, that is not in the workspace: what comes of it
  /// would not be of the bundle, and somebody else's pipeline has no business with it.
  public func check(_ file: PipelineFile, _ instances: [StageInstance], in folder: String) throws {
    for path in file.includedPaths { try check(path, of: file.path, in: folder) }
    for instance in instances {
      for input in instance.inputs { try check(input.source, of: instance.name, in: folder) }
    }
  }

  private func check(_ source: InputSource, of reader: String, in folder: String) throws {
    switch source {
    case .file(let path): try check(path, of: reader, in: folder)
    case .collection(let members):
      for member in members { try check(member.source, of: reader, in: folder) }
    case .artefact, .output, .members: break
    }
  }

  private func check(_ path: String, of reader: String, in folder: String) throws {
    if !path.hasPrefix("/"), ArtefactNames.relative(path, to: folder) != nil { return }
    throw Failure(
      .refused, "'\(reader)' of the bundle reads '\(path)', which is not in it",
      hint: "a bundle that 'brake bundle' has written holds all that it reads")
  }
}
