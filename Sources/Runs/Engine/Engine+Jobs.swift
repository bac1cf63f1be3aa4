import Actions
import System

extension Engine {
  /// How many stages run at once where nobody says how many.
  public static var defaultJobs: Int { Processors.available }

  /// Executes an action once it may run beside those that run already.
  func holdingToken(
    for action: Action, _ run: () async -> ActionRun.Outcome
  ) async -> ActionRun.Outcome {
    guard let jobServer else { return await run() }
    do {
      let token = try await jobServer.take()
      defer { jobServer.give(token) }
      return await run()
    } catch {
      return .failed(PipelineError(wrapping: error, in: action), seconds: 0, notes: [])
    }
  }
}
