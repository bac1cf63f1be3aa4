import Foundation
import Support
import System
import Testing

@testable import Bundles

@Suite struct FolderCopyTests {
  private let folder = TemporaryFolder()
  private let files = LocalFileSystem()

  init() throws {
    folder.write("a", to: "from/a")
    folder.write("b", to: "from/inner/b")
    try files.setMode(folder["from/inner/b"], to: 0o700)
  }

  private func copy(_ links: FolderCopy.Links, to target: String = "to") throws {
    try FolderCopy(files: files, links: links).copy(folder["from"], to: folder[target])
  }

  @Test func `Bytes and whether they can be executed are copied`() throws {
    try copy(.refused)
    #expect(folder.read("to/a").map { Array($0) } == Array("a".utf8))
    #expect(try files.status(folder["to/inner/b"])?.isExecutable == true)
    #expect(try files.status(folder["to/a"])?.isExecutable == false)
  }

  @Test func `Links are followed in one's own workspace, and refused in a bundle`() throws {
    folder.write("secret", to: "elsewhere")
    try FileManager.default.createSymbolicLink(
      atPath: folder["from/link"], withDestinationPath: folder["elsewhere"])
    try copy(.followed)
    #expect(folder.read("to/link").map { Array($0) } == Array("secret".utf8))
    #expect(try files.status(folder["to/link"], followingLinks: false)?.isFile == true)
    #expect { try copy(.refused, to: "again") } throws: { ($0 as? Failure)?.code == .refused }
  }

  @Test func `A link that leads in a circle ends with an error`() throws {
    try FileManager.default.createSymbolicLink(
      atPath: folder["from/inner/loop"], withDestinationPath: folder["from"])
    #expect(throws: Failure.self) { try copy(.followed) }
  }
}
