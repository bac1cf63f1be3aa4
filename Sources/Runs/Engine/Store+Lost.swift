import Artefacts
import Pipeline
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

  /// The error for an input that is there whenever it is looked for, and missing whenever it is read.
  func comesAndGoes(_ digest: Digest) -> Failure {
    Failure(
      .system, "the input \(digest) comes and goes in \(root)",
      hint: "another process removes it again and again: run again when it has ended")
  }
}
