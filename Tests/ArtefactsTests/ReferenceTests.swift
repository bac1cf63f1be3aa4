import Artefacts
import Foundation
import Support
import System
import Testing

@Suite struct ReferenceTests {
  let folder = TemporaryFolder()
  var store: Store { get throws { try Store(at: folder["store"]) } }

  @Test func `A reference names a digest until it is changed or removed`() throws {
    let (one, two) = (Digest(of: [1]), Digest(of: [2]))
    #expect(try store.reference("runs/a") == nil)
    #expect(try store.references() == [])
    try store.setReference("runs/a", to: one)
    try store.setReference("b", to: two)
    #expect(try store.reference("runs/a") == one)
    try store.setReference("runs/a", to: two)
    #expect(try store.reference("runs/a") == two)
    #expect(try store.references() == ["b", "runs/a"])
    #expect(folder.read("store/refs/b") == Array("\(two)\n".utf8))
    try store.removeReference("runs/a")
    #expect(try store.references() == ["b"])
    let error = #expect(throws: Failure.self) { try store.removeReference("runs/a") }
    #expect(error?.code == .notFound)
  }

  @Test func `What cannot be a reference is passed over, and links lead nowhere`() throws {
    try store.setReference("a/b", to: Digest(of: []))
    folder.write("", to: "store/refs/.nfs0001")
    folder.write("", to: "store/refs/a b")
    let files = FileManager.default
    for index in 0..<20 {
      for side in ["left", "right"] {
        try files.createDirectory(atPath: folder["store/refs/\(index)"], withIntermediateDirectories: true)
        try files.createSymbolicLink(
          atPath: folder["store/refs/\(index)/\(side)"], withDestinationPath: "../\(index + 1)")
      }
    }
    #expect(try store.references() == ["a/b"])
  }

  @Test(arguments: [
    "", "/a", "a/", "a//b", "..", "../a", "a/../b", ".a", "a/.b", "a b", "a\nb", "a\u{0}b", "a\u{9B}b",
    "a\u{202E}b", "a\u{A0}b", String(repeating: "a/", count: 16) + "a",
  ])
  func `A name that could leave its folder is refused`(name: String) throws {
    let error = #expect(throws: Failure.self) { try store.setReference(name, to: Digest(of: [])) }
    #expect(error?.code == .refused)
    #expect(throws: Failure.self) { try store.reference(name) }
    #expect(throws: Failure.self) { try store.removeReference(name) }
  }

  @Test(arguments: ["", "sha256:12\n", "garbage"])
  func `A reference that holds no digest is damaged`(text: String) throws {
    folder.write("brake store 1\n", to: "store/format")
    folder.write(text, to: "store/refs/a")
    let error = #expect(throws: Failure.self) { try store.reference("a") }
    #expect(error?.code == .damaged)
  }
}
