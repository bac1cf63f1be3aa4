import Foundation
import Glibc
import Support
import System
import Testing

@testable import Artefacts
@testable import Remotes

/// Parts of objects over a pipe, as over ssh.
@Suite struct PipePartsTests {
  private let there: TestStore
  private let path: String
  private let bytes: [UInt8]

  init() throws {
    there = try TestStore()
    path = StorePath.object(there.large.digest).text
    bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: there.path(of: there.large.digest))))
  }

  @Test func `A part comes as it stands in the object's file, and no more`() throws {
    let pair = try PipePair(there.store, isReadOnly: true)
    let files = try #require(pair.client as? any RangedFiles)
    try TestStore.expectParts(of: bytes, from: files, at: path)
    #expect(throws: Failure.self) { try files.read(.last(1), of: "refs/best") }
    #expect(throws: Failure.self) { try files.read(.last(1), of: "objects/../format") }
    // What was refused did not end the talk.
    guard case .bytes = try files.read(.last(1), of: path) else {
      Issue.record("the talk has ended")
      return
    }
  }

  @Test func `A part of an object that stands in a segment comes, too`() async throws {
    let small = try there.store.tree(there.tree.digest).entries.first { $0.name == "small" }!.digest
    let pair = try PipePair(there.store, isReadOnly: true)
    let here = try TestStore(isEmpty: true)
    let remote = RemoteStore(pair.client, scratch: here.store)
    let object = try #require(try remote.parts(of: small))
    var read = [UInt8](repeating: 0, count: object.size)
    try read.withUnsafeMutableBytes { try object.read(into: $0, at: 0) }
    #expect(read == Array("small".utf8))
  }

  /// Someone at the other end who greets, answers whether there are parts, and says something to the question for the last four bytes.
  private func peer(_ answers: String...) -> PipeFiles {
    let question = 1 + 4 + 2 + path.utf8.count + 8 + 8
    let script = """
      head -c 15 > /dev/null; printf 'brake remote 1\\n'; head -c 12 > /dev/null; printf '\(answers[0])'
      head -c \(question) > /dev/null; printf '\(answers.dropFirst().joined())'; cat > /dev/null
      """
    return PipeFiles(["/bin/sh", "-c", script], name: "the other end")
  }

  @Test func `An older one is known to send whole files only`() throws {
    guard case .wholeOnly = try peer("\\000").read(.last(4), of: path) else {
      Issue.record("an older one has sent a part")
      return
    }
  }

  @Test(arguments: [
    (#"\001\144\0\0\0\0\0\0\0"#, #"\005\0\0\0aaaaa\0\0\0\0"#, "sends more than"),
    (#"\001\144\0\0\0\0\0\0\0"#, #"\003\0\0\0aaa\0\0\0\0"#, "another part"),
    (#"\001\003\0\0\0\0\0\0\0"#, #"\004\0\0\0aaaa\0\0\0\0"#, "another part"),
    (#"\001\377\377\377\377\377\377\377\377"#, #"\004\0\0\0aaaa\0\0\0\0"#, "another part"),
    (#"\001\144\0\0\0\0\0\0\0"#, #"\377\377\377\377\004\0lost"#, "lost"), (#"\002\003\0"#, "bad", "bad"),
  ])
  func `What is not the part is refused`(_ head: String, _ rest: String, _ words: String) throws {
    let error = #expect(throws: Failure.self) { try peer("\\001", head, rest).read(.last(4), of: path) }
    #expect("\(error!)".contains(words) && "\(error!)".contains("the other end"))
  }

  @Test func `Large records go a few at a time, and small ones many`() {
    let files = PipeFiles([], name: "the other end")
    func batches(_ count: Int, of size: Int) -> [Int] {
      let bytes = [UInt8](repeating: 1, count: size)
      return files.small((0..<count).map { Shipment(path: "refs/\($0)", content: .bytes(bytes)) }).map(
        \.count)
    }
    #expect(batches(5, of: 32 << 20) == [2, 2, 1])
    #expect(batches(1500, of: 100) == [1000, 500])
  }

  @Test func `Who is at it says so again and again, and not behind the answer`() async throws {
    var ends: [Int32] = [0, 0]
    let isMade = pipe(&ends) == 0
    try #require(isMade)
    defer { for end in ends { close(end) } }
    let wire = Wire(input: ends[0], output: ends[1], name: "the other end", patience: 60)
    let signs = SignsOfLife(wire)
    let come = try await signs.during(every: .milliseconds(1)) {
      try await RemoteStore.waiting { try Array(wire.receive(3)) }
    }
    #expect(come == [3, 3, 3] && !signs.give())
  }

  @Test func `Signs of life change nothing of what comes and goes`() async throws {
    let pair = try PipePair(there.store, isReadOnly: true, pulse: .microseconds(20))
    let here = try TestStore(isEmpty: true)
    #expect(try await RemoteStore(pair.client, scratch: here.store).fetch(there.tree.digest) == there.tree)
    let target = try Store(at: here.folder["target"], files: .withoutSynchronising)
    let other = try PipePair(target, isReadOnly: false, pulse: .microseconds(20))
    _ = try await Push(artefacts: [there.tree]).run(from: there.store, to: other.client)
    try target.verify(there.tree.digest)
  }

  @Test(arguments: [true, false])
  func `Who is asked for a file may need time, and an older one says nothing`(isNew: Bool) async throws {
    // The question for signs of life, and that for the file.
    let script = """
      head -c 15 > /dev/null; printf 'brake remote 1\\n'; head -c 32 > /dev/null
      printf '\(isNew ? "\\001\\003\\003" : "\\000")\\001\\005\\000\\000\\000hello\\000\\000\\000\\000'; cat > /dev/null
      """
    let landing = Landing("refs/a", limit: 100)
    try await PipeFiles(["/bin/sh", "-c", script], name: "the other end").read([landing])
    #expect(try landing.isThere() && landing.bytes == Array("hello".utf8))
  }
}
