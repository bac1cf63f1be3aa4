import Artefacts
import Foundation
import JSON
import Remotes
import Support
import System
import Testing

@testable import Signing

@Suite(.enabled(if: SSHKeys.isInstalled, "ssh-keygen is not installed"))
struct RecordSigningTests {
  private let folder = TemporaryFolder()
  private let keys: SSHKeys
  private let store: Store

  init() throws {
    keys = SSHKeys(in: folder)
    store = try Store(at: folder["store"])
  }

  private static func record(_ number: Int, _ text: String = "made") -> Record {
    let artefact = Artefact(digest: Digest(of: Array(text.utf8)), kind: .blob, size: text.utf8.count)
    return Record(
      manifest: ["operation": "test", "number": .integer(Int64(number))],
      outputs: [.init(name: "o", artefact: artefact)], log: nil, stage: "s[\(number)]", sources: [:])
  }

  private func add(_ records: [Record], to store: Store) throws {
    let publication = store.publication()
    for record in records { try publication.add(record: record) }
    try publication.commit()
  }

  private func finding(_ record: Record, _ check: SignatureCheck) throws -> SignatureCheck.Finding {
    try check.finding(for: record, store.signatures(of: record.key))
  }

  @Test func `Many records are signed at once, and each by itself is found to be signed`() throws {
    let key = try keys.make("ada")
    let records = (0..<100).map { RecordSigningTests.record($0) }
    #expect(try RecordSigner(key: key).sign(records, in: store) == 100)
    // So that who cannot list the store knows that there are some.
    #expect(
      try store.files.contents(of: "\(store.root)/\(Store.signedMark.path)", limit: 64)
        == Store.signedMark.bytes)
    // An earlier brake did not say so.
    try store.files.remove("\(store.root)/\(Store.signedMark.path)")
    #expect(try RecordSigner(key: key).sign(records, in: store) == 0)
    #expect(folder.read("store/\(Store.signedMark.path)") != nil)
    let check = try SignatureCheck(allowed: keys.allow(["ada"]))
    var signatures: Set<String> = []
    for record in records {
      #expect(try finding(record, check) == .signed(by: "ada@example.org"))
      signatures.formUnion(try #require(try store.signatures(of: record.key)).all.map(\.signature))
    }
    #expect(signatures.count == 1)
  }

  @Test func `A record with other outputs is not the one that was signed`() throws {
    let key = try keys.make("ada")
    try RecordSigner(key: key).sign([RecordSigningTests.record(1)], in: store)
    let check = try SignatureCheck(allowed: keys.allow(["ada"]))
    let tampered = RecordSigningTests.record(1, "tampered with")
    #expect(tampered.key == RecordSigningTests.record(1).key)
    #expect(try finding(tampered, check) == .notSigned)
    #expect(try finding(RecordSigningTests.record(1), check) == .signed(by: "ada@example.org"))
  }

  @Test func `A signature by somebody who is not allowed does not count`() throws {
    let record = RecordSigningTests.record(1)
    _ = try keys.make("ada")
    try RecordSigner(key: keys.make("mallory")).sign([record], in: store)
    guard case .notAllowed(let key) = try finding(record, SignatureCheck(allowed: keys.allow(["ada"]))) else {
      Issue.record("it counts")
      return
    }
    #expect(try key == SSHKeygen().fingerprint(ofKey: folder["mallory.key"]))
    #expect(try finding(record, SignatureCheck(allowed: nil)) == .notAllowed(key: key))
    // The other one signs as well, and both stay.
    try RecordSigner(key: folder["ada.key"]).sign([record], in: store)
    #expect(try store.signatures(of: record.key)?.all.count == 2)
    #expect(
      try finding(record, SignatureCheck(allowed: keys.allow(["ada"]))) == .signed(by: "ada@example.org"))
  }

  @Test func `The signature of another record does not count`() throws {
    let key = try keys.make("ada")
    let (one, other) = (RecordSigningTests.record(1), RecordSigningTests.record(2))
    try RecordSigner(key: key).sign([one], in: store)
    let signature = try #require(try store.signatures(of: one.key)?.all.first)
    let check = try SignatureCheck(allowed: keys.allow(["ada"]))
    #expect(try check.finding(for: other, RecordSignatures([signature])) == .notSigned)
    let forged = RecordSignature(record: other.digest, way: signature.way, signature: signature.signature)
    let finding = try check.finding(for: other, RecordSignatures([forged]))
    #expect(finding != .signed(by: "ada@example.org") && finding != .notSigned)
  }

  @Test func `A signature for something else than records does not count`() throws {
    _ = try keys.make("ada")
    let record = RecordSigningTests.record(1)
    let check = try SignatureCheck(allowed: keys.allow(["ada"]))
    let message = RecordSignature.message(root: HashTree.root(from: record.digest, by: []))
    func finding(namespace: String) throws -> SignatureCheck.Finding {
      let text = try keys.sign(message, with: "ada", namespace: namespace)
      return try check.finding(
        for: record,
        RecordSignatures([RecordSignature(record: record.digest, way: [], signature: text)]))
    }
    #expect(try finding(namespace: "file") != .signed(by: "ada@example.org"))
    #expect(try finding(namespace: RecordSignature.namespace) == .signed(by: "ada@example.org"))
  }

  @Test func `A key that was valid until some day does not count any more`() throws {
    let key = try keys.make("ada")
    let record = RecordSigningTests.record(1)
    try RecordSigner(key: key).sign([record], in: store)
    let past = try keys.allow(["ada"], options: #"valid-before="20200101""#)
    #expect(try finding(record, SignatureCheck(allowed: past)) != .signed(by: "ada@example.org"))
  }

  @Test func `Signatures of what a record said before make room for those of what it says now`() throws {
    let key = try keys.make("ada")
    let record = RecordSigningTests.record(1)
    let before = (0..<RecordSignatures.most).map { number in
      RecordSignature(record: Digest(of: [UInt8(number)]), way: [], signature: "earlier")
    }
    #expect(try store.add([record.key: RecordSignatures(before)]) == 1)
    #expect(try RecordSigner(key: key).sign([record], in: store) == 1)
    let allowed = try keys.allow(["ada"])
    #expect(try finding(record, SignatureCheck(allowed: allowed)) == .signed(by: "ada@example.org"))
    #expect(try store.signatures(of: record.key)?.all.count == 1)
  }

  @Test func `A signature that only claims to be by a key does not keep the key from signing`() throws {
    let key = try keys.make("ada")
    let record = RecordSigningTests.record(1)
    try RecordSigner(key: key).sign([record], in: store)
    let signature = try #require(try store.signatures(of: record.key)?.all.first)
    var lines = signature.signature.split(whereSeparator: \.isNewline).map(String.init)
    // The last bytes are those of the signature itself; the key and its name stand before them.
    let place = lines.count - 2
    lines[place] = String(lines[place].map { $0 == "A" ? "B" : $0 == "B" ? "A" : $0 == "c" ? "d" : $0 })
    lines[place - 1] = String(lines[place - 1].map { $0 == "A" ? "B" : $0 == "c" ? "d" : $0 })
    let forged = RecordSignature(
      record: signature.record, way: signature.way, signature: lines.joined(separator: "\n") + "\n")
    #expect(
      SSHSignature(armoured: forged.signature)?.fingerprint
        == SSHSignature(armoured: signature.signature)?.fingerprint)
    let other = try Store(at: folder["other"])
    try other.add([record.key: RecordSignatures([forged])])
    let check = try SignatureCheck(allowed: keys.allow(["ada"]))
    #expect(
      try check.finding(for: record, other.signatures(of: record.key)) != .signed(by: "ada@example.org"))
    #expect(try RecordSigner(key: key).sign([record], in: other) == 1)
    #expect(
      try check.finding(for: record, other.signatures(of: record.key)) == .signed(by: "ada@example.org"))
    #expect(try other.signatures(of: record.key)?.all.contains(forged) == false)
    #expect(try RecordSigner(key: key).sign([record], in: other) == 0)
  }

  @Test func `Where no more signatures are kept, that is said`() throws {
    let key = try keys.make("ada")
    let record = RecordSigningTests.record(1)
    let others = (0..<RecordSignatures.most).map {
      RecordSignature(record: record.digest, way: [], signature: "another \($0)")
    }
    try store.add([record.key: RecordSignatures(others)])
    #expect {
      try RecordSigner(key: key).sign([record], in: store)
    } throws: {
      "\($0)".contains("no room for another signature")
    }
  }

  @Test func `Of two who add signatures at once neither loses any`() async throws {
    let records = (0..<200).map { RecordSigningTests.record($0) }
    let path = store.root
    try await withThrowingTaskGroup(of: Void.self) { group in
      for name in 0..<3 {
        group.addTask {
          let store = try Store(at: path)
          let signatures = records.map { record in
            (record.key, RecordSignatures([.init(record: record.digest, way: [], signature: "by \(name)")]))
          }
          #expect(try store.add(Dictionary(uniqueKeysWithValues: signatures)) == records.count)
        }
      }
      try await group.waitForAll()
    }
    for record in records { #expect(try store.signatures(of: record.key)?.all.count == 3) }
  }

  @Test func `What is cut short or too large is no file of signatures`() throws {
    let key = try keys.make("ada")
    let record = RecordSigningTests.record(1)
    try RecordSigner(key: key).sign([record, RecordSigningTests.record(2)], in: store)
    let signatures = try #require(try store.signatures(of: record.key))
    let bytes = signatures.bytes
    #expect(try RecordSignatures(bytes: bytes, of: record.key) == signatures)
    for count in 0..<bytes.count {
      #expect(throws: Failure.self) {
        try RecordSignatures(bytes: Array(bytes.prefix(count)), of: record.key)
      }
    }
    let one = signatures.all[0]
    let long = RecordSignature(
      record: one.record, way: Array(repeating: one.way[0], count: 41), signature: one.signature)
    #expect(throws: Failure.self) {
      try RecordSignatures(bytes: RecordSignatures([long]).bytes, of: record.key)
    }
    let newer = String(decoding: bytes, as: UTF8.self).replacingOccurrences(
      of: "signatures 1", with: "signatures 2")
    #expect { try RecordSignatures(bytes: Array(newer.utf8), of: record.key) } throws: {
      ($0 as? Failure)?.code == .newer
    }
    // In a store it is named, and counts for nothing.
    let path = "store/signatures/\(record.key.hex.prefix(2))/\(record.key.hex.dropFirst(2))"
    try FileManager.default.removeItem(atPath: folder[path])
    folder.write(String(decoding: bytes.prefix(100), as: UTF8.self), to: path)
    #expect(throws: Failure.self) { try store.signatures(of: record.key) }
    #expect(try RecordSigner(key: key).sign([record], in: store) == 1)
    #expect(try store.signatures(of: record.key)?.all.count == 1)
  }

  @Test func `Without ssh-keygen it is said what to install`() throws {
    let key = try keys.make("ada")
    let empty = folder["empty"]
    try FileManager.default.createDirectory(atPath: empty, withIntermediateDirectories: true)
    #expect {
      try RecordSigner(key: key, searchPath: empty).sign([RecordSigningTests.record(1)], in: store)
    } throws: {
      ($0 as? Failure)?.hint?.contains("openssh-client") == true
    }
  }

  @Test func `What is no key is named`() throws {
    folder.write("no key\n", to: "none")
    #expect {
      try RecordSigner(key: folder["none"]).sign([RecordSigningTests.record(1)], in: store)
    } throws: {
      "\($0)".contains("is no key")
    }
  }

  @Test func `Signatures travel with records, and stay beside those of others`() async throws {
    let record = RecordSigningTests.record(1)
    let (ada, bob) = (try keys.make("ada"), try keys.make("bob"))
    let place = try Store(at: folder["place"])
    for (key, name) in [(ada, "one"), (bob, "two")] {
      let own = try Store(at: folder[name])
      try add([record], to: own)
      try RecordSigner(key: key).sign([record], in: own)
      let push = Push(artefacts: [], records: [record])
      #expect(try await push.run(from: own, to: StoreFiles(place)).signatures == 1)
      #expect(try await push.run(from: own, to: StoreFiles(place)).signatures == 0)
    }
    #expect(try place.signatures(of: record.key)?.all.count == 2)
    let source = RemoteStore(StoreFiles(place), scratch: store)
    let found = try await source.signatures(for: [record.key, RecordSigningTests.record(2).key])
    #expect(found.keys.sorted() == [record.key])
    let check = try SignatureCheck(allowed: keys.allow(["bob"]))
    #expect(try check.finding(for: record, found[record.key]) == .signed(by: "bob@example.org"))
  }

  @Test func `Signatures of records that are gone are removed, others stay`() throws {
    let key = try keys.make("ada")
    let (here, told, gone) = (
      RecordSigningTests.record(1), RecordSigningTests.record(2), RecordSigningTests.record(3)
    )
    try add([here], to: store)
    try store.add(toldBy: told, from: "somewhere")
    try RecordSigner(key: key).sign([here, told, gone], in: store)
    try store.files.remove("\(store.root)/\(Store.signedMark.path)")
    #expect(try store.removeSignaturesWithoutRecords(writtenBefore: 0) == 0)
    #expect(folder.read("store/\(Store.signedMark.path)") != nil)
    #expect(try store.removeSignaturesWithoutRecords(writtenBefore: .max) == 1)
    #expect(try store.keysOfSignatures() == [here.key, told.key].sorted())
    #expect(store.originOfTold(told.key) == "somewhere")
  }
}
