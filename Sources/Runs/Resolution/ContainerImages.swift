import Actions
import Artefacts
import Images
import JSON
import Pipeline
import Runners
import Synchronization
import System

/// The container images of the commands of a run: what each of them is, by what it says of its contents.
final class ContainerImages: Sendable {
  private let store: Store
  private let files: StatCache
  /// By the artefact that it is saved as. Reading it once is enough: another artefact is another image.
  private let known = Mutex<[Digest: Digest]>([:])

  init(store: Store, files: StatCache) {
    self.store = store
    self.files = files
  }

  /// Takes the image of a command out of its inputs, since it is none that the command finds in its folder.
  ///
  /// - Returns: nil if the instance declares none.
  /// - Throws: `LostImage`, or if it is no image.
  func take(from inputs: inout [ActionInput], of instance: StageInstance) throws -> CommandImage? {
    guard case .command(let command) = instance.work, command.hasImage,
      let index = inputs.firstIndex(where: { $0.name == ShellCommand.imageInput })
    else { return nil }
    let input = inputs.remove(at: index)
    guard !input.isCollection, let saved = input.members.first else {
      throw PipelineError(
        "image: takes one container image, and is given several artefacts", at: instance.position,
        facts: [("stage", instance.name)], hint: "name one member, such as STAGE.OUTPUT[KEY]")
    }
    do {
      return CommandImage(id: try id(of: saved), saved: saved)
    } catch let error as Failure {
      if saved.origin == .store, store.firstLost(of: [saved.artefact], as: error) != nil {
        throw LostImage(artefact: saved.artefact)
      }
      let place =
        if case .workspace(let name, _) = saved.origin { name } else { saved.artefact.digest.description }
      throw PipelineError(
        error.with(facts: [("stage", instance.name), ("image", place)] + error.facts), at: instance.position)
    }
  }

  private func id(of saved: ActionInput.Member) throws -> Digest {
    let digest = saved.artefact.digest
    if let id = known.withLock({ $0[digest] }) { return id }
    let id = try noted(saved) ?? read(saved)
    known.withLock { $0[digest] = id }
    return id
  }

  /// Reads the image of an action anew when it is asked for next: it turned out to be another one.
  func forget(imageOf action: Action) {
    guard case .command(let command) = action.work, let digest = command.image?.saved.artefact.digest else {
      return
    }
    known.withLock { _ = $0.removeValue(forKey: digest) }
    try? store.files.remove(note(digest))
  }

  private func read(_ saved: ActionInput.Member) throws -> Digest {
    let digest = saved.artefact.digest
    let before = try status(saved)
    let image = try SavedImage(ImageFolder(saved.place(in: store))).image
    if try saved.origin == .store || image.isApptainer && isUnchanged(saved, since: before) {
      IndexNote.write(
        ["image": .string(image.id.description), "read_as": .string(ContainerImage.revision)],
        to: note(digest), in: store)
    }
    return image.id
  }

  private func status(_ saved: ActionInput.Member) throws -> FileStatus? {
    guard case .workspace(_, let path) = saved.origin else { return nil }
    return try store.files.status(path)
  }

  /// Whether a file of the workspace is still what the pipeline was given, so that what was read of it can be said of that for ever.
  private func isUnchanged(_ saved: ActionInput.Member, since before: FileStatus?) throws -> Bool {
    guard case .workspace(_, let path) = saved.origin else { return true }
    // That is read again only where its time does not tell.
    return try status(saved) == before && files.artefact(at: path) == saved.artefact
  }

  /// What an image was when it was read: for one that was removed from the store since, as what was made in it is recorded still, and for
  /// one of Apptainer, of which all has to be read to tell that.
  private func noted(_ saved: ActionInput.Member) -> Digest? {
    guard let note = IndexNote.read(note(saved.artefact.digest), in: store),
      note["read_as"]?.string == ContainerImage.revision
    else { return nil }
    return note["image"]?.string.flatMap { Digest($0) }
  }

  private func note(_ saved: Digest) -> String { "\(store.root)/index/images/\(saved.hex)" }
}

/// A container image that is not in the store, or not whole there. What is to run in it can be told only when it has been fetched, or made
/// again.
struct LostImage: Error {
  let artefact: Artefact
}
