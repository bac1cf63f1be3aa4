import Artefacts
import Support
import System
import Testing

@testable import brake

/// Names for what comes from other places.
@Suite struct ReferringTests {
  private let folder = TemporaryFolder()

  @Test func `A reference that was set while something came is moved only if that is asked for`() async throws
  {
    let store = try Store(at: folder["store"])
    let publication = store.publication()
    let (one, two) = (try publication.add(bytes: [1]).digest, try publication.add(bytes: [2]).digest)
    try publication.commit()
    let error = await #expect(throws: Failure.self) {
      try await store.referring("best", to: one, force: false) { try store.setReference("best", to: two) }
    }
    #expect(try error?.code == .refused && store.reference("best") == two)
    // Nothing comes then.
    await #expect(throws: Failure.self) {
      try await store.referring("best", to: one, force: false) { Issue.record("it came") }
    }
    try await store.referring("best", to: one, force: true) {}
    #expect(try store.reference("best") == one)
  }
}
