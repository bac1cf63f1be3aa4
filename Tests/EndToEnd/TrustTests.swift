import Foundation
import JSON
import Support
import Testing

/// Two people with secrets and keys of their own, one of whom takes results of the other's.
@Suite(.enabled(if: SSHKeys.isInstalled, "ssh-keygen is not installed"))
struct TrustTests {
  private let ada = TemporaryFolder()
  private let bob = TemporaryFolder()
  private let place = TemporaryFolder()
  private let keys: SSHKeys

  private static let pipeline = """
    stages:
      shout: { run: "tr a-z A-Z < ${in.t} > ${out.o}", in: { t: w.txt }, out: { o: o.txt } }
      count: { run: "wc -c < ${in.t} > ${out.o}", in: { t: shout }, out: { o: o.txt }, publish: n.txt }
    """

  init() throws {
    keys = SSHKeys(in: place)
    for folder in [ada, bob] {
      folder.write("story\n", to: "w.txt")
      folder.write(TrustTests.pipeline, to: "brake.yaml")
    }
    ada.write("signing-key: \(try keys.make("ada"))\n", to: "config")
    _ = try keys.make("eve")
    // Who is allowed stands beside the configuration.
    bob.write("# mine\nallowed-signers: signers\ntrust: [me, signed]\n", to: "config")
    try allow("ada")
  }

  private func allow(_ name: String) throws {
    bob.write(String(decoding: place.read("\(name).key.pub") ?? [], as: UTF8.self), to: "key")
    bob.write("\(name)@example.org " + (bob.text("key") ?? ""), to: "signers")
  }

  private func brake(
    _ folder: TemporaryFolder, _ arguments: String..., status: Int32 = 0
  ) throws -> Finished {
    let run = try BrakeProcess(
      arguments, in: folder,
      environment: ["XDG_STATE_HOME": folder["state"], "BRAKE_CONFIG": folder["config"]]
    ).wait()
    #expect(run.status == status, "\(arguments): \(run.out)\(run.err)")
    return run
  }

  @Test func `What an allowed signer has pushed is a hit, what nobody has signed runs`() throws {
    let store = place["store"]
    _ = try brake(ada, "run")
    let sent = try JSON(parsing: Array(brake(ada, "push", "--to", store, "--json").out.utf8))
    #expect(sent["records"] == 2 && sent["signatures"] == 2)
    let again = try JSON(parsing: Array(brake(ada, "push", "--to", store, "--json").out.utf8))
    #expect(again["signatures"] == 0)

    try allow("eve")
    _ = try brake(bob, "run", "--remote-cache", "read", "--remote", store, "--store", "eves").out
    #expect(try brake(bob, "status", "--store", "eves").out.contains("all up to date"))
    #expect(bob.text("n.txt") == "6\n")
    try allow("ada")
    try FileManager.default.removeItem(atPath: bob["n.txt"])
    let run = try brake(bob, "run", "--remote-cache", "read", "--remote", store)
    #expect(run.out.contains("0 ran, 2 hit"))
    // Only he himself: nothing of hers counts.
    let own = try brake(
      bob, "run", "--remote-cache", "read", "--remote", store, "--trust", "me", "--store", "own")
    #expect(own.out.contains("2 ran, 0 hit"))

    // What he has taken is told of as hers, and found to be true.
    let made = try JSON(parsing: Array(brake(ada, "provenance", "n.txt", "--json").out.utf8))
    let digest = try #require(made["digest"]?.string)
    #expect(made["made_by"]?[digest]?["standing"] == ["who": "me"])
    #expect(try !brake(ada, "provenance", digest).out.contains("signed"))
    let provenance = try brake(bob, "provenance", digest).out
    #expect(provenance.contains("from \(store), signed by ada@example.org"))
    let json = try JSON(parsing: Array(brake(bob, "provenance", digest, "--json").out.utf8))
    let makers = json["made_by"]?.object?.values.map { $0["standing"]?["signer"] } ?? []
    #expect(makers == ["ada@example.org", "ada@example.org"])
    let none = try brake(bob, "audit", "5").out
    #expect(none.contains("2 actions of others, 0 drawn") && none.contains("2 run commands"))
    // What it reads is not here: nothing is compared, and that is no success.
    _ = try brake(bob, "run", "shout", "--store", "blind")
    _ = try brake(bob, "run", "--remote-cache", "read", "--remote", store, "--store", "blind")
    _ = try brake(bob, "rm", "--now", "shout", "--store", "blind")
    let blind = try brake(bob, "audit", "1", "--run-commands", "--store", "blind", status: 2)
    #expect(blind.out.contains("1 drawn") && blind.out.contains("0 identical, 1 left out"))
    #expect(blind.err.contains("nothing was compared") && blind.err.contains("--from"))
    let audit = try JSON(
      parsing: Array(brake(bob, "audit", "5", "--run-commands", "--from", store, "--json").out.utf8))
    #expect(audit["foreign"] == 2)
    #expect(audit["drawn"]?.array?.map { $0["same"] } == [true, true])
    #expect(audit["drawn"]?.array?.first?["standing"]?["who"] == "signed")
    #expect(try brake(bob, "audit", "5", "--run-commands").out.hasPrefix("0 actions of others"))
    #expect(try brake(bob, "verify").status == 0)
  }

  @Test func `In a copy of somebody else's store only what is signed counts`() throws {
    _ = try brake(ada, "run")
    let signed = try JSON(parsing: Array(brake(ada, "sign", "--json").out.utf8))
    #expect(signed["signed"] == 2 && signed["others"] == 0)
    #expect(try brake(ada, "sign").out == "0 records signed, 2 were\n")
    let copy = "copy"
    try FileManager.default.copyItem(atPath: ada["cache"], toPath: bob[copy])
    #expect(try brake(bob, "run", "--store", copy).out.contains("0 ran, 2 hit"))
    let record = try #require(
      try JSON(parsing: Array(brake(bob, "status", "--store", copy, "--json").out.utf8)).array?
        .first?["action"]?.string)
    #expect(record.hasPrefix("sha256:"))
    // Nothing of it is bob's to sign.
    let key = place["eve.key"]
    #expect(
      try brake(bob, "sign", "--store", copy, "--key", key).out
        == "0 records signed, 2 are not known to be yours and were left (--others signs them)\n")
    let signatures = bob["\(copy)/signatures/\(record.dropFirst(7).prefix(2))/\(record.dropFirst(9))"]
    #expect(FileManager.default.fileExists(atPath: signatures))
    try FileManager.default.removeItem(atPath: signatures)
    let status = try brake(bob, "status", "--store", copy).out
    #expect(status.contains("must run"))
    #expect(
      try brake(bob, "why", "--store", copy, "shout").out.contains(
        "must run, although it is recorded: it is not signed"))
    let run = try brake(bob, "run", "--store", copy)
    #expect(run.err.contains("it is not signed"))
    #expect(run.out.contains("1 ran, 1 hit"))
    #expect(try brake(bob, "run", "--store", copy).out.contains("0 ran, 2 hit"))
    try Data("{".utf8).write(to: URL(fileURLWithPath: signatures))
    #expect(try brake(bob, "verify", "--store", copy, status: 2).err.contains("file of signatures"))
  }

  @Test func `What is set wrongly is named`() throws {
    func complaint(_ text: String, _ arguments: String...) throws -> String {
      bob.write(text, to: "config")
      let run = try BrakeProcess(
        arguments, in: bob, environment: ["BRAKE_CONFIG": bob["config"]]
      ).wait()
      #expect(run.status == 2)
      return run.err
    }
    #expect(try complaint("trust: [me, you]\n", "status").contains("'[me, you]' does not say whom to trust"))
    #expect(try complaint("trust me\n").contains("line 1 of \(bob["config"]) is no setting"))
    #expect(try complaint("\nkey: x\n", "run").contains("line 2 of \(bob["config"]) sets 'key'"))
    #expect(try complaint("trust: signed\n", "run").contains("nobody is known whose signatures do"))
    #expect(
      try complaint("trust: signed\nallowed-signers: none\n", "run").contains(
        "there is no file of allowed signers at \(bob["none"])"))
    #expect(try complaint("", "run", "--trust", "").contains("does not say whom to trust"))
    #expect(try complaint("", "sign").contains("there is no key to sign with"))
    try FileManager.default.removeItem(atPath: bob["config"])
    let run = try BrakeProcess(
      ["status"], in: bob, environment: ["BRAKE_CONFIG": bob["config"]]
    ).wait()
    #expect(run.status == 2 && run.err.contains("which BRAKE_CONFIG names"))
  }
}
