import Synchronization
import System

/// Who asks an S3 service: looked for when it is first asked, and again before what was found runs out, so that a long push comes
/// to its end.
final class S3Identity: Sendable {
  private struct State {
    var credentials: S3Credentials?
    /// Seconds since 1970 before which nobody is asked again.
    var rest = 0
  }

  private let state = Mutex(State())
  private let find: @Sendable () throws -> S3Credentials
  private let now: @Sendable () -> Int

  /// Seconds before the end from which on new ones are asked for.
  private static let early = 600
  /// Seconds between two questions while what is there still counts.
  private static let pause = 60

  init(
    now: @escaping @Sendable () -> Int = { SystemTime.milliseconds() / 1000 },
    find: @escaping @Sendable () throws -> S3Credentials = { try S3Credentials.found() }
  ) {
    self.find = find
    self.now = now
  }

  /// What counts at this moment. Others who ask meanwhile wait, and get the same.
  func current() throws -> S3Credentials {
    try state.withLock { state in
      let now = now()
      if let known = state.credentials {
        guard let end = known.end, end - now < S3Identity.early else { return known }
        if now < end, now < state.rest { return known }
        state.rest = now + S3Identity.pause
        do { state.credentials = try find() } catch {
          // There is still time for whoever gives them to come back.
          guard now < end else { throw error }
        }
      } else {
        state.credentials = try find()
        state.rest = now + S3Identity.pause
      }
      return state.credentials!
    }
  }

  /// What one can do whom the service does not let in.
  var hint: String {
    state.withLock { $0.credentials?.source }
      .map { "the credentials are those of \($0): check them, and what they allow" }
      ?? "check the credentials for the bucket"
  }

  /// Looks again because those that were used have run out, or may have.
  /// - Returns: whether there are others now.
  func renew(unlike used: S3Credentials?) throws -> Bool {
    try state.withLock { state in
      if state.credentials == used { state.credentials = try find() }
      return state.credentials != used
    }
  }
}
