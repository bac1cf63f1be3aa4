package import Actions
package import Artefacts
package import Images
import Synchronization
import System

/// The container images in which the commands of one runner run, each unpacked once: with the inputs that are written out for all
/// commands (`RestoredInputs`), or where nothing can be shared, as in a store on a network, in a folder of this process.
final class UnpackedImages: Sendable {
  private let store: Store
  private let restored: RestoredInputs
  private let gates = Mutex<[Digest: Gate]>([:])

  /// One thread unpacks an image, and others that want it wait.
  private final class Gate: Sendable { let image = Mutex<UnpackedImage?>(nil) }

  init(store: Store, restored: RestoredInputs) {
    self.store = store
    self.restored = restored
  }

  /// - Parameters:
  ///   - threads: how many may unpack it.
  ///   - tell: called before what takes long.
  /// - Throws: `InputChanged` if what is saved there is another image by now, and what is wrong with it.
  func unpacked(_ image: CommandImage, threads: Int, tell: () -> Void) throws -> UnpackedImage {
    let gate = gates.withLock { gates in
      if let gate = gates[image.id] { return gate }
      let gate = Gate()
      gates[image.id] = gate
      return gate
    }
    return try gate.image.withLock { known in
      if let known { return known }
      let found = try make(image, threads, tell)
      known = found
      return found
    }
  }

  private func make(_ image: CommandImage, _ threads: Int, _ tell: () -> Void) throws -> UnpackedImage {
    let saved = try SavedImage(ImageFolder(image.saved.place(in: store)), as: image.id)
    guard saved.image.id == image.id else { throw InputChanged(input: image.saved.name) }
    guard saved.image.platform == Platform.own else {
      throw Failure(
        .refused, "the container image is for another kind of machine",
        facts: [("image", saved.image.platform), ("here", Platform.own)],
        hint: saved.image.isApptainer
          ? "pull or build it for this one, as with apptainer pull --arch"
          : "save it for this one, as with skopeo --override-arch copy")
    }
    let files = store.files
    func unpack(to path: String) throws {
      do { try ImageUnpacking(saved, to: path, files: files, threads: threads).run() } catch is ImageChanged {
        throw InputChanged(input: image.saved.name)
      }
    }
    let shared = try restored.borrow(rootOf: image.id) { path in
      tell()
      try unpack(to: path)
    }
    if let shared { return UnpackedImage(saved.image, at: shared.path, holding: shared) }
    tell()
    let folder = try store.temporaryFolder()
    do {
      try unpack(to: folder + "/root")
      // bubblewrap may be in another folder than brake, to which the path of a store may be relative.
      let path = try files.realPath(folder + "/root") ?? folder + "/root"
      return UnpackedImage(saved.image, at: path, holding: PrivateFolder(folder, files))
    } catch {
      files.removeAll(folder)
      throw error
    }
  }

  private final class PrivateFolder: Sendable {
    let path: String
    let files: any FileSystem

    init(_ path: String, _ files: any FileSystem) {
      self.path = path
      self.files = files
    }

    deinit { files.removeAll(path) }
  }
}

/// A container image as a folder that nobody removes as long as this is held.
final class UnpackedImage: Sendable {
  let image: ContainerImage
  /// Absolute.
  let path: String
  private let holder: any Sendable

  init(_ image: ContainerImage, at path: String, holding holder: any Sendable) {
    self.image = image
    self.path = path
    self.holder = holder
  }

  /// Its variables; of one that it names twice, the last.
  var environment: [String: String] {
    Dictionary([("PATH", UnpackedImage.usualPath)] + image.environment.map { ($0.name, $0.value) }) { $1 }
  }

  /// What a container has that says nothing of it.
  private static let usualPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

  /// Whether scripts in it say more of its environment.
  func hasScripts(_ files: any FileSystem) throws -> Bool {
    try image.isApptainer
      && ImageLookup(root: path, files: files).status(ImageScripts.folder)?.isFolder == true
  }

  var searchPath: String { environment["PATH"] ?? "" }

  /// Where a program is in the image, for one that is started in it; nil if it is not there.
  func program(_ name: String, in searchPath: String, _ files: any FileSystem) throws -> String? {
    let candidates = name.contains("/") ? [name] : searchPath.split(separator: ":").map { "\($0)/\(name)" }
    let lookup = ImageLookup(root: path, files: files)
    return try candidates.first { path in
      guard path.hasPrefix("/"), let found = try lookup.status(path) else { return false }
      return found.isFile && found.isExecutable
    }
  }
}

extension ActionInput.Member {
  /// Where the image is that is saved as this.
  package func place(in store: Store) -> ImageFolder.Place {
    switch origin {
    case .store: .artefact(artefact, in: store)
    case .workspace(_, let path): .path(path, files: store.files)
    }
  }

  /// As the pipeline calls it.
  fileprivate var name: String {
    if case .workspace(let name, _) = origin { name } else { artefact.digest.description }
  }
}
