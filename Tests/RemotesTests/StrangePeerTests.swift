import Support
import System
import Testing

@testable import Artefacts
@testable import Remotes

/// Machines that send something else than they should, or nothing at all.
@Suite struct StrangePeerTests {
  private let folder = TemporaryFolder()

  /// A program that begins to talk as brake does and, where the shell's condition holds, sends for a file what never ends and is no object.
  private func files(sendingJunkIf condition: String) -> PipeFiles {
    let script = """
      echo talk >> '\(folder["talks"])'; printf 'brake remote 1\\n\\000'
      if \(condition); then printf '\\001'; while printf '\\020\\000\\000\\000<html><html><htm'; do :; done; fi
      printf '\\000'; exec cat > /dev/null
      """
    return PipeFiles(["sh", "-c", script], name: "the machine")
  }

  private func landings(_ count: UInt8) -> [Landing] {
    (0..<count).map { Landing(StorePath.object(Digest(of: [$0])).text, limit: 1 << 20) }
  }

  private var talks: Int { folder.read("talks")?.count { $0 == 10 } ?? 0 }

  @Test func `What is no object ends at its first bytes, and others come nevertheless`() async throws {
    let landings = landings(2)
    try await files(sendingJunkIf: "mkdir '\(folder["first"])'").read(landings)
    #expect(landings[0].error.map { "\($0)".contains("no object") } == true && landings[0].count < 100)
    #expect(landings[1].outcome != nil && landings[1].error == nil && talks == 2)
  }

  @Test func `An object of a newer brake keeps no others from coming`() async throws {
    let landings = landings(2)
    var header = ObjectFormat.header
    header[13] = 100
    let script = """
      printf 'brake remote 1\\n\\000'
      if mkdir '\(folder["first"])'; then
        printf '\\001'; printf '\\\(String(header.count, radix: 8))\\000\\000\\000'; cat '\(folder["newer"])'
      fi
      printf '\\000'; exec cat > /dev/null
      """
    folder.write(String(decoding: header, as: UTF8.self), to: "newer")
    try await PipeFiles(["sh", "-c", script], name: "the machine").read(landings)
    #expect((landings[0].error as? Failure)?.code == .newer)
    #expect(landings[1].outcome != nil && landings[1].error == nil)
  }

  @Test func `Who sends nothing but what is no object is asked no more`() async throws {
    await #expect(throws: Failure.self) { try await files(sendingJunkIf: "true").read(landings(100)) }
    #expect(2..<50 ~= talks)
  }

  @Test func `Who says nothing is given up`() async throws {
    for files in [
      PipeFiles(["sleep", "100"], name: "x", patience: 1),
      SFTPFiles(["sleep", "100"], root: "/x", name: "x", patience: 1),
    ] as [any RemoteFiles] {
      await #expect {
        try await files.present(among: ["format"])
      } throws: {
        "\($0)".contains("it has said nothing for 1 seconds")
      }
    }
  }

  @Test func `Who can do without a machine gives it up sooner, but not between two signs of life`() throws {
    func patience(_ address: String, silence: Int?) throws -> Int? {
      let files = try RemoteAddress(address).open(silence: silence)
      return (files as? PipeFiles)?.patience ?? ((files as? SegmentedFiles)?.files as? SFTPFiles)?.patience
    }
    for address in ["ssh://host/x", "sftp://host/x"] {
      let (short, long) = (try patience(address, silence: 5), try patience(address, silence: nil))
      #expect(try 20..<60 ~= #require(short) && #require(long) > 60)
    }
  }
}
