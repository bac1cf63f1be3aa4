import Artefacts
import System

/// An artefact that could not be brought into the store.
struct NotFetched: Sendable {
  let digest: Digest
  let error: Failure

  /// What the last place said that was asked; nil if none was.
  var reason: String? {
    if let cause = error.cause(Failure.self) { return cause.headline }
    return error.code == .refused ? error.headline : nil
  }
}
