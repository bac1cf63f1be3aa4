import Artefacts
import Remotes

extension Store {
  /// Gives a name to what comes from another place.
  /// - Parameters:
  ///   - force: whether a name that stands for something else is moved.
  ///   - body: brings what it is to stand for, which may take hours.
  /// - Throws: `.refused` if it stands for something else, before or by then.
  func referring<Value>(
    _ name: String, to digest: Digest, force: Bool, _ body: () async throws -> Value
  ) async throws -> Value {
    if !force { try MovedReference.refuse(name, from: reference(name), to: digest, "here") }
    let value = try await body()
    if !force { try MovedReference.refuse(name, from: reference(name), to: digest, "here") }
    try setReference(name, to: digest)
    return value
  }
}
