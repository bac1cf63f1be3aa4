import System
import Testing

@testable import Artefacts
@testable import Remotes

@Suite struct DistantFileTests {
  private struct Strange: Error {}

  /// A place that breaks off behind the first part.
  private struct BrokenPlace: RangedFiles {
    let name = "there"

    func read(_ part: WantedPart, of path: String) throws -> FilePart {
      guard case .last(let count) = part else { throw Strange() }
      return .bytes([UInt8](repeating: 0, count: count), ofSize: 1 << 20)
    }

    func present(among paths: [String]) async throws -> Set<String> { [] }
    func read(_ landings: [Landing]) async throws {}
    func write(_ shipments: [Shipment]) async throws {}
  }

  @Test func `What keeps a part from being read is kept as the cause`() throws {
    let file = try DistantFile("segment", of: BrokenPlace(), progress: TransferProgress())
    let failure = try #require(throws: Failure.self) { try file.opened.bytes(at: 0, count: 10) }
    #expect(failure.code == .remote && failure.cause(Strange.self) != nil, "\(failure)")
  }
}
