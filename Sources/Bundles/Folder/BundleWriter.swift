import Actions
import Archives
import Artefacts
import JSON
import Pipeline
public import Remotes
import Runs
public import System

/// Writes a bundle: the folder is there as a whole, or not at all.
///
///     README.md              how to check it, and how to run it again
///     index.html             all of it for a browser
///     ro-crate-metadata.json all of it for programs that know research objects
///     bundle.json            all of it for brake
///     SHA256SUMS             for sha256sum -c
///     workspace/             the pipeline, and all that it reads
///     store/                 what it made, and the records of how: a store
///     files/                 results under the names that people know
public struct BundleWriter: Sendable {
  private let analysis: Analysis
  private let title: BundleTitle
  private let options: BundleOptions
  private let files: any FileSystem

  public init(
    _ analysis: Analysis, _ title: BundleTitle, _ options: BundleOptions,
    files: any FileSystem = LocalFileSystem()
  ) {
    self.analysis = analysis
    self.title = title
    self.options = options
    self.files = files
  }

  /// Whether a path means one file, and not a folder.
  public static func isArchive(_ path: String) -> Bool { path.hasSuffix(".tar") }

  /// - Parameter path: is not there, or an empty folder. What is called `.tar` becomes a tar file with the folder in it.
  public func write(to path: String, progress: TransferProgress) async throws -> BundleSummary {
    var target = path
    while target.count > 1, target.hasSuffix("/") { target.removeLast() }
    try check(target)
    let parent = parentFolder(of: target)
    guard try files.status(parent.isEmpty ? "." : parent)?.isFolder == true else {
      throw Failure(.notFound, "there is no folder '\(parent)' to write into", hint: "make it first")
    }
    if let real = try files.realPath(parent.isEmpty ? "." : parent),
      let store = try files.realPath(analysis.store.root), "\(real)/".hasPrefix("\(store)/")
    {
      throw Failure(
        .refused, "'\(target)' is in the store that is to be bundled", hint: "give a folder outside of it")
    }
    // What is incomplete stands here, and goes with this process, however that ends.
    let own = try ProcessFolder(
      in: (parent.isEmpty ? "." : parent) + "/.brake-partial", isAreaTemporary: true, files: files)
    defer { own.remove() }
    let place = try own.newPath()
    defer { files.removeAll(place) }
    let summary = try await fill(place, progress)
    try Task.checkCancellation()
    guard BundleWriter.isArchive(target) else {
      try synchroniseAll(around: place)
      try check(target)
      try files.rename(place, to: target)
      try files.synchronise(parent.isEmpty ? "." : parent)
      return summary
    }
    let name = target.dropLast(4).split(separator: "/").last.map(String.init) ?? "bundle"
    let archive = try own.newPath()
    try TarWriter(files: files).write(place, as: name, to: archive)
    try files.synchronise(archive)
    guard try files.renameIfAbsent(archive, to: target) else { throw taken(target) }
    try files.synchronise(parent.isEmpty ? "." : parent)
    return summary
  }

  /// Thousands of files at once.
  private func synchroniseAll(around folder: String) throws {
    let opened = try files.open(folder)
    defer { try? files.close(opened, path: folder) }
    try files.synchroniseAll(around: opened, path: folder)
  }

  private func check(_ target: String) throws {
    guard let status = try files.entry(target) else { return }
    if status.isFolder, !BundleWriter.isArchive(target), try files.names(in: target).isEmpty { return }
    throw taken(target)
  }

  private func taken(_ target: String) -> Failure {
    Failure(
      .refused, "'\(target)' is there already",
      hint: "give a folder that is not there, or is empty, or a .tar file that is not there")
  }

  private func fill(_ place: String, _ progress: TransferProgress) async throws -> BundleSummary {
    try files.makeFolder(place)
    try writeWorkspace(place + "/workspace")
    let omitted = try await writeStore(place + "/store", progress)
    let written = analysis.written(options.files)
    for result in written { try write(result, to: place) }
    let contents = BundleContents(
      analysis: analysis, title: title, results: written, omitted: omitted,
      files: try BundledFiles.all(in: place, files: files))
    let manifest = BundleManifest(analysis, title, omitted: omitted)
    try write(Array((manifest.json.pretty + "\n").utf8), "bundle.json", place)
    try write(Array((Crate(contents).json.pretty + "\n").utf8), "ro-crate-metadata.json", place)
    try write(try BundlePage(contents, analysis.store).bytes, "index.html", place)
    try write(Array(Readme(contents).text.utf8), "README.md", place)
    let documents = try BundleWriter.documents.map { name in
      try BundledFiles.file(place + "/" + name, as: name, files: files)
    }
    let all = (contents.files + documents).sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    try write(Array(BundledFiles.checksums(all).utf8), "SHA256SUMS", place)
    let artefacts = Set(analysis.stages.flatMap { $0.record.outputs.map(\.artefact.digest) })
    return BundleSummary(
      stages: analysis.stages.count, actions: Set(analysis.stages.map(\.record.key)).count,
      artefacts: artefacts.count, omitted: omitted.count, files: all.count + 1,
      bytes: all.reduce(0) { $0 + $1.size })
  }

  /// What is written beside the data, in this order.
  private static let documents = ["bundle.json", "ro-crate-metadata.json", "index.html", "README.md"]

  private func write(_ bytes: [UInt8], _ name: String, _ place: String) throws {
    try files.write(bytes, to: place + "/" + name)
    try files.setMode(place + "/" + name, to: 0o644)
  }

  // MARK: Workspace

  /// Copies what is read, and checks that it still is what was.
  private func writeWorkspace(_ folder: String) throws {
    try files.makeFolder(folder)
    let copy = FolderCopy(files: files, links: .followed)
    for source in analysis.sources {
      let path = folder + "/" + source.path
      try files.makeFolders(parentFolder(of: path))
      try copy.copy(analysis.location(source), to: path)
    }
    for source in analysis.sources {
      let copied = try StatCache.artefact(reading: folder + "/" + source.path, files: files)
      guard copied == source.artefact else {
        throw Failure(
          .refused, "'\(source.path)' has changed since it was looked up",
          hint: "run the pipeline and bundle it again")
      }
    }
  }

  // MARK: Store

  /// Sends what is kept as `brake push` would.
  /// - Returns: what is named and not kept.
  private func writeStore(_ folder: String, _ progress: TransferProgress) async throws -> Set<Digest> {
    let records = analysis.records
    let made = analysis.stages.flatMap { $0.record.outputs.map(\.artefact) }
    let results = analysis.results.map(\.artefact)
    let logs = records.compactMap(\.log).map { Artefact(digest: $0, kind: .blob, size: 0) }
    let kept = try analysis.store.unremoved((options.resultsOnly ? results : made) + logs) + analysis.given
    let push = Push(artefacts: kept, records: records)
    // The store is let go of before what only stores in use need is removed.
    do {
      let store = try Store(at: folder, files: files)
      _ = try await push.run(
        from: analysis.store, to: StoreFiles(store, name: "the bundle", gathers: false), progress: progress)
    }
    for name in try files.names(in: folder)
    where !["format", "objects", "actions", "shared", "signatures"].contains(name) {
      files.removeAll(folder + "/" + name)
    }
    return Set(made.map(\.digest)).subtracting(kept.map(\.digest))
  }

  // MARK: Results

  private func write(_ result: WrittenResult, to place: String) throws {
    let path = place + "/" + result.path
    try files.makeFolders(parentFolder(of: path))
    try analysis.store.restore(result.artefact.digest, to: path, executable: result.isExecutable)
    if result.artefact.kind == .blob { try files.setMode(path, to: result.isExecutable ? 0o755 : 0o644) }
  }
}
