import Artefacts
import Glibc

/// What failed actions printed last, in the store's `index/`. They have no record that could keep it.
struct FailureLogs: Sendable {
  let store: Store

  private var folder: String { store.root + "/index/failures" }

  func keep(_ log: String, of key: Digest) {
    try? makeFolders(folder)
    // An empty log is kept too: it says that the action failed without a word.
    if rename(log, path(key)) != 0 { try? write([], to: path(key)) }
  }

  func forget(_ key: Digest) { unlink(path(key)) }

  func log(of key: Digest) -> String? {
    try? readSmall(path(key), limit: 1 << 30).map { String(decoding: $0, as: UTF8.self) }
  }

  func path(_ key: Digest) -> String { "\(folder)/\(key.hex).log" }
}
