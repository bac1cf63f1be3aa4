import Artefacts
import System

extension Store {
  /// The first of some artefacts that is not to be had: the one that an error is about, or one of which something is
  /// missing.
  func firstLost(of artefacts: some Sequence<Artefact>, as error: any Error) -> Digest? {
    let told = (error as? Failure).flatMap { error in
      [.damaged, .notFound, .unreadable].contains(error.code) ? error.tree ?? error.object : nil
    }
    return artefacts.first { $0.digest == told || (try? isWhole($0)) == false }?.digest
  }

  /// The digests of an artefact and of everything that it names.
  func members(of artefact: Artefact) throws -> Set<Digest> {
    var members: Set<Digest> = [artefact.digest]
    guard artefact.kind == .tree else { return members }
    var folders = [artefact.digest]
    while let folder = folders.popLast() {
      for entry in try tree(folder).entries where members.insert(entry.digest).inserted {
        if entry.mode == .tree { folders.append(entry.digest) }
      }
    }
    return members
  }
}
