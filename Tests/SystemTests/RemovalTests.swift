import Foundation
import Support
import System
import Testing

@testable import System

@Suite struct RemovalTests {
  let folder = TemporaryFolder()

  private func shell(_ script: String) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = ["-euc", script]
    process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
  }

  @Test func `Names that are no text, paths that are too long and locked folders are removed with the rest`()
    throws
  {
    try shell(
      """
      mkdir -p tree/a/b outside; touch outside/kept; ln -s ../outside tree/link; ln -s ../../outside tree/a/link
      touch tree/$'\\xff\\xfe' tree/a/$'\\x80'; mkdir tree/$'\\xc3'; touch tree/$'\\xc3'/x
      chmod 0 tree/a/b
      long=$(printf 'x%.0s' {1..250})
      cd tree; for i in {1..40}; do mkdir $long; cd $long; touch file; done
      """)
    LocalFileSystem().removeAll(folder["tree"])
    #expect(!FileManager.default.fileExists(atPath: folder["tree"]))
    #expect(folder.read("outside/kept") != nil)
  }

  @Test func `Folders nested a thousand deep take no descriptors`() throws {
    try shell(
      "mkdir tree; cd tree; mkdir -p $(printf 'd/%.0s' {1..900}); cd $(printf 'd/%.0s' {1..900}); mkdir -p $(printf 'd/%.0s' {1..900})"
    )
    LocalFileSystem().removeAll(folder["tree"])
    #expect(!FileManager.default.fileExists(atPath: folder["tree"]))
  }
}
