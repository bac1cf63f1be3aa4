import Actions
import Artefacts
import JSON
import System

/// What is known of an instance that is done, in this run or before.
struct KnownInstance: Sendable {
  let key: Digest
  let outputs: [Record.Output]
  /// The files and folders of the workspace that it has read.
  let sources: [Source]
  /// A moment of this machine's monotonic clock after which nobody has looked whether it is still recorded so.
  let moment: Int64
  /// The programs whose digests are part of its key, and where they were found; nil if one was asked for its version, or it runs
  /// in a Python environment or container image of its own.
  let tools: [String: Digest]?

  struct Source: Hashable, Sendable {
    let path: String
    let digest: Digest
  }

  init(_ action: Action, outputs: [Record.Output]) {
    moment = SystemTime.monotonic()
    key = action.key
    self.outputs = outputs
    sources = action.inputs.lazy.flatMap(\.members).compactMap { member in
      guard case .workspace(_, let path) = member.origin else { return nil }
      return Source(path: path, digest: member.artefact.digest)
    }
    let identities = action.manifest["tools"]?.object ?? [:]
    let digests = identities.compactMapValues { $0.string.flatMap { Digest($0) } }
    let isOfBytes =
      digests.count == identities.count && action.manifest["python"] == nil
      && action.manifest["image"] == nil
    tools = isOfBytes ? digests : nil
  }
}
