import Artefacts
import Synchronization
import System

/// Object files that came only because others are differences from them. They are kept for a while, since whoever wants some
/// objects of a series mostly wants the others next. Several tasks may use them at once.
final class KeptBases: Sendable {
  private struct File {
    let path: String
    let size: Int
    /// How many use it at this moment: it stays where it is then.
    var users = 1
  }

  private struct State {
    var files: [Digest: File] = [:]
    /// What came twice at the same time.
    var surplus: [String] = []
  }

  private let state = Mutex(State())
  private let files: any FileSystem

  /// Bytes that are kept while nobody uses them, at most.
  private static let limit = 8 << 30

  init(files: any FileSystem) { self.files = files }

  deinit {
    for path in state.withLock({ $0.files.values.map(\.path) + $0.surplus }) { try? files.remove(path) }
  }

  /// The file of a base, which is used until `release`.
  func use(_ digest: Digest) -> String? {
    state.withLock { state in
      state.files[digest]?.users += 1
      return state.files[digest]?.path
    }
  }

  /// Takes a file, which is used until `release`.
  func keep(_ path: String, of digest: Digest, size: Int) {
    state.withLock { state in
      if state.files[digest] == nil {
        state.files[digest] = File(path: path, size: size)
      } else {
        state.files[digest]!.users += 1
        state.surplus.append(path)
      }
    }
  }

  /// Says that files are not used any more. All that nobody uses go if there is more than should be.
  func release(_ digests: [Digest]) {
    let gone = state.withLock { state -> [String] in
      for digest in digests { state.files[digest]?.users -= 1 }
      guard state.files.values.reduce(0, { $0 + $1.size }) > KeptBases.limit else { return [] }
      let gone = state.files.filter { $0.value.users == 0 }
      for digest in gone.keys { state.files[digest] = nil }
      return gone.values.map(\.path)
    }
    for path in gone { try? files.remove(path) }
  }

  /// Gives a file away to whoever adopts it; nil if there is none, or somebody uses it.
  func take(_ digest: Digest) -> String? {
    state.withLock { state in
      guard let file = state.files[digest], file.users == 0 else { return nil }
      state.files[digest] = nil
      return file.path
    }
  }
}
