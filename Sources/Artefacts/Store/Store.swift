internal import Synchronization
public import System

/// A folder that keeps artefacts, each named by its digest, and the records of the actions that made them.
///
///     format           `brake store 1`
///     objects/ab/…     one file an object, named by the 64 digits of its digest, read-only
///     actions/ab/…     one record an action, named by its key
///     segments/NAME    many small objects and records each
///     catalogue/N      which of them are sealed, for who cannot list them
///     refs/NAME        a digest each
///     index/           digests of source files and runs that found nothing to do: what can be found again, and is
///                      never trusted by verification
///     pins/, shared/   what is kept besides, `runs/` what runs needed: see `Keeping`
///     aside/, removed/ what nothing needs any more
///     leases/, tmp/, quarantine/
///
/// Only regular files, written once and renamed into place, but for segments, which one process writes each: no lock, no
/// database, and any number of processes on any number of machines may use it at once.
public final class Store: Sendable {
  public let root: String
  /// Where it reads and writes.
  public let files: any FileSystem
  let coders = CoderPool()
  let segments: Segments
  /// Those that were set aside.
  let segmentsAside: Segments
  private let intake: Intake
  private let wholeTrees = Mutex<Set<Digest>>([])
  private let ownFolders = Mutex<Set<String>>([])
  private let reliedOnByThis = Mutex<Set<Digest>?>([])
  /// The digests in the files of `removed/` with these names, which are those of their bytes.
  private let removedByNames = Mutex<(names: [String], digests: Set<Digest>)>(([], []))

  /// Opens the store in a folder, or one that is to be made there: nothing is written before something is stored.
  /// - Throws: if the folder is neither a store nor one that can become one, because it is empty but for a README.
  public init(at root: String, files: any FileSystem = LocalFileSystem()) throws(Failure) {
    self.root = root
    self.files = files
    intake = Intake(root: root, files: files)
    segments = Segments(root: root, files: files)
    segmentsAside = Segments(root: root + "/aside", files: files)
    _ = try StoreFolder(root: root, files: files).isStore()
  }

  // Names.

  func objectPath(_ digest: Digest) -> String { path("/objects/", digest) }
  func recordPath(_ key: Digest) -> String { path("/actions/", key) }

  private func path(_ folder: String, _ digest: Digest) -> String {
    var path = root + folder + digest.hex
    path.insert("/", at: path.utf8.index(path.endIndex, offsetBy: -62))
    return path
  }

  /// Throws if the folder in which an object or record has its place is a link: what it leads to belongs to someone else.
  func checkFolder(of path: String) throws(Failure) {
    let folder = parentFolder(of: path)
    if ownFolders.withLock({ $0.contains(folder) }) { return }
    if try files.checkOwnFolder(folder) { ownFolders.withLock { _ = $0.insert(folder) } }
  }

  /// Makes a folder of the store, and those above it, so that all can write to them who can write to the store's own: what
  /// the user's umask keeps from the others of a group that shares a store.
  /// - Returns: the folders that have a new entry and are to be synchronised.
  @discardableResult package func makeFolders(_ path: String) throws(Failure) -> [String] {
    try intake.makeFolders(path)
  }

  /// The folder of this process in `tmp/`, in a store that is ready to be written to.
  func processFolder() throws -> ProcessFolder { try intake.folder() }

  /// A name under `tmp/` that nothing has, in a store that is ready to be written to.
  package func temporaryPath() throws -> String { try intake.folder().newPath() }

  /// Tells what is settled of files. Nothing is written to a store that is not one yet.
  package var clock: FileClock {
    FileClock(
      files: files, folder: root,
      newPath: {
        guard (try? self.files.status(self.root + "/format")) ?? nil != nil else { return nil }
        return try? self.temporaryPath()
      })
  }

  /// Makes what a store needs before its first write.
  public func make() throws { _ = try processFolder() }

  /// A new folder under `tmp/`, on the file system of the store. The caller removes it; if the caller dies, another
  /// process that uses the store does.
  public func temporaryFolder() throws -> String {
    let path = try temporaryPath()
    try files.makeFolder(path)
    return path
  }

  /// Makes the folder that is to hold a file.
  /// - Returns: folders whose entries must be made durable, and then reported to `noteDurable`.
  func prepareFolder(for path: String) throws(Failure) -> [String] {
    try intake.prepareFolder(for: path)
  }
  func noteDurable(_ folders: some Sequence<String>) { intake.noteDurable(folders) }
  /// Makes durable which shelves there are, of objects or of records, the first time that this is asked.
  func settleShelves(of kind: Aside.Kind) throws(Failure) { try settleFolders(in: kind.rawValue) }

  /// The same of the folders in a folder of the store that nobody removes. Another brake may have made them and been killed before they
  /// were durable.
  func settleFolders(in folder: String) throws(Failure) { try intake.settle("\(root)/\(folder)") }

  // Trees of which this process has seen that nothing of them is missing.

  func isKnownWhole(_ tree: Digest) -> Bool { wholeTrees.withLock { $0.contains(tree) } }
  func noteWhole(_ trees: Set<Digest>) { wholeTrees.withLock { $0.formUnion(trees) } }
  /// Notes what this process relies on; nil once it cannot be noted here.
  func noteReliance<Result>(_ body: (inout Set<Digest>?) -> Result) -> Result {
    reliedOnByThis.withLock { body(&$0) }
  }
  /// What was read of `removed/` while its files had these names.
  func knownRemoved(_ names: [String], reading read: () throws -> Set<Digest>) throws -> Set<Digest> {
    if let known = removedByNames.withLock({ $0.names == names ? $0.digests : nil }) { return known }
    let digests = try read()
    removedByNames.withLock { $0 = (names, digests) }
    return digests
  }
  /// Something turned out to be missing or damaged.
  package func forgetWhole() { wholeTrees.withLock { $0 = [] } }
}
