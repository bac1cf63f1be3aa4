import Actions
import System

extension Engine {
  /// How many stages run at once where nobody says how many.
  public static var defaultJobs: Int { Processors.available }

  /// Executes an action once it may run beside those that run already. Who waits for that has no graphics processors meanwhile.
  ///
  /// - Parameter graphics: those that it has waited for; nil if it has none yet.
  /// - Returns: nil if others have those that it needs.
  func holdingToken<Result>(
    _ graphics: GraphicsShare?, for action: Action, _ run: (GraphicsShare) async throws -> Result
  ) async throws -> Result? {
    var graphics = graphics
    var token = jobServer?.tryTake()
    if let jobServer, token == nil {
      graphics?.release()
      graphics = nil
      token = try await jobServer.take()
    }
    defer { if let token { jobServer?.give(token) } }
    guard let share = graphics ?? runner.graphicsAtOnce(for: action) else { return nil }
    return try await run(share)
  }
}
