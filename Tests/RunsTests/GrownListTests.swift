import Artefacts
import Foundation
import Support
import Testing

@testable import Runs

/// The list of what an attempt has kept while it grows.
@Suite struct GrownListTests {
  private let folder = TemporaryFolder()

  private func member(_ number: Int, size: Int) -> SavedList.Member {
    SavedList.Member(
      output: "ckpt", key: "\(number)", path: "ckpt/\(number).pt", digest: Digest(of: [UInt8(number % 256)]),
      size: size, isExecutable: number % 3 == 0, modified: Int64(number))
  }

  @Test func `What joins and leaves in memory is what stands in the file`() throws {
    let store = try Store(at: folder["store"])
    try store.make()
    let key = Digest(of: [1])
    var expected = SavedList(of: key, in: store)
    expected.timesResumed = 3
    expected.members = (0..<5).map { member($0, size: 1) }
    var list = GrownList(expected)
    #expect(!list.isChanged && !list.isEmpty)
    var state: UInt64 = 1
    for round in 0..<2000 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let number = Int(state >> 33) % 60
      let path = "ckpt/\(number).pt"
      expected.members.removeAll { $0.path == path }
      if round % 5 < 2 {
        list.remove(path)
      } else {
        expected.members.append(member(number, size: round))
        list.add(member(number, size: round))
      }
      if round % 97 == 0 {
        try list.write(for: key, in: store)
        #expect(!list.isChanged)
        #expect(SavedList(of: key, in: store) == expected)
      }
    }
    #expect(list.member(at: "ckpt/60.pt") == nil)
    #expect(list.member(at: expected.members[3].path) == expected.members[3])
    try list.write(for: key, in: store)
    let bytes = folder.read("store/failed/\(key.hex)-saved.json")
    try expected.write(for: key, in: store)
    #expect(folder.read("store/failed/\(key.hex)-saved.json") == bytes)
  }
}
