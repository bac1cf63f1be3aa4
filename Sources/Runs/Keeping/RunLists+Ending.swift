import Artefacts
import System

extension RunLists {
  /// Ends the lists of runs that were killed. From then on they are like those of runs that failed: what they needed stays as long
  /// as that of the last runs does, and no longer.
  func endLeft(at now: Int64, _ rules: KeepingRules) throws {
    for list in try pipelines().flatMap(\.lists) where try list.isOpen && isLeft(list, at: now, rules) {
      // Another collection may end it as well.
      do { try end(list) } catch let error as Failure where error.code == .notFound {}
    }
  }

  /// Whether nobody adds to a list any more, since its process is at its end. Of one that does not say whose it is that is believed
  /// when it has not changed for very long.
  func isLeft(_ list: List, at now: Int64, _ rules: KeepingRules) throws -> Bool {
    guard list.isOpen, let owner = try owner(of: list) else { return now - list.modified >= RunLists.silence }
    return try store.hasEnded(process: owner, at: now, grace: rules.graceOfFiles)
  }

  /// In nanoseconds.
  private static let silence: Int64 = 30 * 86_400 * 1_000_000_000

  private func end(_ list: List) throws {
    let keys = try keys(of: list)
    let target = parentFolder(of: list.path) + "/" + Digest(of: DigestList.bytes(keys.sorted())).hex
    let known = try files.entry(target)
    // One of the same keys that is newer says more.
    if try keys.isEmpty || (known?.modified ?? 0) > list.modified && isWhole(target) {
      return try files.remove(list.path)
    }
    try files.synchronise(list.path)
    try files.rename(list.path, to: target)
    try files.synchronise(parentFolder(of: target))
  }
}
