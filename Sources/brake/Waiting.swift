import Dispatch

/// Does what waits for other things on threads of its own, and returns when it has been done.
func waiting<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) throws -> Value {
  nonisolated(unsafe) var result: Result<Value, any Error>?
  let hasEnded = DispatchSemaphore(value: 0)
  Task.detached {
    do { result = .success(try await body()) } catch { result = .failure(error) }
    hasEnded.signal()
  }
  hasEnded.wait()
  return try result!.get()
}
