import Foundation
import Support
import System
import Testing

@testable import Remotes

/// Programs that say by what one is known to S3, as profiles name them.
@Suite struct S3CredentialProcessTests {
  private let folder = TemporaryFolder()

  private func credentials(_ script: String, patience: Duration = .seconds(30)) throws -> S3Credentials {
    folder.write("#!/bin/sh\n" + script, to: "my program")
    chmod(folder["my program"], 0o755)
    var process = try S3CredentialProcess(
      "\"\(folder["my program"])\" --for 'a lab'", of: "the profile 'lab'")
    process.patience = patience
    return try process.credentials()
  }

  @Test func `What it prints are credentials, with their end`() throws {
    let found = try credentials(
      """
      test "$1/$2" = "--for/a lab" || exit 3
      echo '{"Version":1,"AccessKeyId":"a","SecretAccessKey":"b","SessionToken":"c","Expiration":"2026-11-21T14:03:05+00:00"}'
      """)
    #expect(found == S3Credentials(key: "a", secret: "b", token: "c", end: 1_795_269_785))
    #expect(
      try credentials(#"echo '{"Version":1,"AccessKeyId":"a","SecretAccessKey":"b"}'"#)
        == S3Credentials(key: "a", secret: "b"))
  }

  @Test(arguments: [
    ("echo expired >&2; exit 1", "failed: expired"), ("exit 1", "says nothing of why"),
    ("echo secret", "something else than credentials"), ("yes", "printed more than"),
    ("sleep 60", "did not end"),
  ])
  func `What goes wrong with it is told, and its output is not`(_ script: String, _ words: String) throws {
    let error = #expect(throws: Failure.self) { try credentials(script, patience: .seconds(1)) }
    #expect("\(error!)".contains(words) && "\(error!)".contains("the profile 'lab'"))
    #expect(!"\(error!)".contains("secret"))
  }

  @Test func `Its command is words, and no shell's`() throws {
    for (line, words) in [
      ("a b", ["a", "b"]), (#"  "a b"  c'd e' ""  "#, ["a b", "cd e", ""]),
      (#"a\ b "c\"d\e" '\f'"#, ["a b", "c\"d\\e", "\\f"]),
      ("$HOME `id` ; *", ["$HOME", "`id`", ";", "*"]),
    ] {
      #expect(S3CredentialProcess.words(of: line) == words)
    }
    for line in ["\"a", "a'", "a\\", "", "  "] {
      #expect(throws: Failure.self) { try S3CredentialProcess(line, of: "the profile 'lab'") }
    }
    #expect(throws: Failure.self) {
      try S3CredentialProcess("/no/such/program", of: "the profile 'lab'").credentials()
    }
  }

  @Test func `A profile is a section of lines with names and values`() {
    let text = """
      [default]
      region = x
      [ profile  lab ]
        credential_process = "/a b/c"  --for 'lab = 1'
      aws_access_key_id=k
      # region = y
      [other]
      region = z
      """
    #expect(
      S3Profile.values(of: "profile lab", in: text).filter { !$0.key.hasPrefix("#") }
        == ["credential_process": "\"/a b/c\"  --for 'lab = 1'", "aws_access_key_id": "k"])
    #expect(S3Profile.values(of: "none", in: text).isEmpty)
  }
}
