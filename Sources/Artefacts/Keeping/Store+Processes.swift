internal import System

/// The processes that use a store, by their folders in its `tmp/`.
extension Store {
  /// What this process's folder is called: a name that no other ever has.
  package func processName() throws -> String {
    String(try processFolder().path.split(separator: "/").last ?? "")
  }

  /// Whether a process is at its end. On this machine that is certain; of another one it is believed once its folder is gone, which
  /// whoever watches it for long removes, or has shown no sign of life for long.
  /// - Parameters:
  ///   - name: of its folder.
  ///   - now: by the clock of the store's file system, in nanoseconds.
  ///   - grace: how long no sign of life is needed from elsewhere, beside the time that any watch takes.
  package func hasEnded(process name: String, at now: Int64, grace: Int64) throws -> Bool {
    let folder = root + "/tmp/" + name
    if try files.entry(folder) == nil { return true }
    switch LifeSign.verdict(on: folder, files, burying: {}) {
    case .alive: return false
    case .dead: return true
    case .doubtful:
      // What has no sign yet may be about to begin.
      guard let sign = try files.entry(folder + "/alive") else { return false }
      let patience = LeftoverWatch.patience.components.seconds * 1_000_000_000
      return now - sign.modified > grace + patience
    }
  }
}
