import Dispatch

/// Does what waits for other things on threads of its own, and returns when it has been done.
///
/// - Parameter body: is alone with what it has been given until it ends.
func waiting<Value: Sendable>(_ body: @escaping () async throws -> Value) throws -> Value {
  nonisolated(unsafe) let body = body
  nonisolated(unsafe) var result: Result<Value, any Error>?
  let hasEnded = DispatchSemaphore(value: 0)
  Task.detached {
    do { result = .success(try await body()) } catch { result = .failure(error) }
    hasEnded.signal()
  }
  hasEnded.wait()
  return try result!.get()
}
