import Foundation
import JSON
import Support
import Testing

/// Signatures that travel through places of every kind that can be started here, and what somebody does to them who may write there.
@Suite(.enabled(if: SSHKeys.isInstalled, "ssh-keygen is not installed"))
struct SignedPlacesTests {
  private let ada = TemporaryFolder()
  private let bob = TemporaryFolder()
  private let eve = TemporaryFolder()
  private let place = TemporaryFolder()
  private let keys: SSHKeys

  private static let pipeline = """
    stages:
      shout: { run: "tr a-z A-Z < ${in.t} > ${out.o}", in: { t: w.txt }, out: { o: o.txt } }
      count: { run: "wc -c < ${in.t} > ${out.o}", in: { t: shout }, out: { o: o.txt }, publish: n.txt }
    """

  init() throws {
    keys = SSHKeys(in: place)
    for folder in [ada, bob, eve] {
      folder.write("story\n", to: "w.txt")
      folder.write(SignedPlacesTests.pipeline, to: "brake.yaml")
    }
    for (folder, name) in [(ada, "ada"), (eve, "eve")] {
      folder.write("signing-key: \(try keys.make(name))\n", to: "config")
    }
    _ = try keys.allow(["ada"])
    bob.write("allowed-signers: \(place["allowed"])\n", to: "config")
  }

  private func brake(
    _ folder: TemporaryFolder, _ environment: [String: String], _ arguments: String..., status: Int32 = 0
  ) throws -> Finished {
    let own = ["XDG_STATE_HOME": folder["state"], "BRAKE_CONFIG": folder["config"]]
    let run = try BrakeProcess(arguments, in: folder, environment: own.merging(environment) { $1 }).wait()
    #expect(run.status == status, "\(arguments): \(run.out)\(run.err)")
    return run
  }

  /// - Parameters:
  ///   - addresses: two empty places.
  ///   - folder: where the files of the first one are on this machine.
  private func check(
    _ addresses: (String, String), in folder: String, environment: [String: String] = [:]
  ) throws {
    let (address, other) = addresses
    _ = try brake(ada, environment, "run")
    let sent = try JSON(
      parsing: Array(brake(ada, environment, "push", "--to", address, "--json").out.utf8))
    #expect(sent["records"] == 2 && sent["signatures"] == 2)

    // What she has signed is a hit, and is said to be hers.
    let run = try brake(
      bob, environment, "run", "--trust", "signed", "--remote-cache", "read", "--remote", address)
    #expect(run.out.contains("0 ran, 2 hit") && bob.text("n.txt") == "6\n")
    let pulled = try brake(
      bob, environment, "pull", "--trust", "signed", "--from", address, "--store", "pulled", "count")
    #expect(pulled.out.contains("count.o  from \(address), signed by ada@example.org"))
    #expect(
      try brake(bob, environment, "show", "--store", "pulled", "count").out.contains(
        "signed by ada@example.org"))
    #expect(
      try brake(bob, environment, "run", "--trust", "signed", "--store", "pulled").out.contains(
        "0 ran, 2 hit"))

    // A stranger's signature travels as well, and counts for nothing.
    _ = try brake(eve, environment, "run")
    _ = try brake(eve, environment, "push", "--to", other)
    let strange = try brake(
      bob, environment, "run", "--trust", "signed", "--remote-cache", "read", "--remote", other, "--store",
      "s")
    #expect(strange.out.contains("2 ran, 0 hit"))
    let refused = try brake(
      bob, environment, "pull", "--trust", "signed", "--from", other, "--store", "t", "count", status: 2)
    #expect(
      refused.err.contains("what \(other) has recorded of 'shout' does not count: it is signed with SHA256:"))
    #expect(!bob.exists("t/actions"))
    let taken = try brake(bob, environment, "pull", "--from", other, "--store", "t", "count", "--json")
    let json = try JSON(parsing: Array(taken.out.utf8)).array?.first
    #expect(json?["standing"]?["who"] == "not allowed" && json?["from"]?.string == other)

    // Who may write there says that shouting makes what counting makes. Whoever believes everybody believes it.
    try forge(in: folder)
    _ = try brake(
      bob, environment, "run", "--remote-cache", "read", "--remote", address, "--store", "any")
    #expect(bob.text("n.txt") == "2\n")
    let signed = try brake(
      bob, environment, "run", "--trust", "signed", "--remote-cache", "read", "--remote", address, "--store",
      "signed")
    #expect(signed.out.contains("1 ran, 1 hit") && bob.text("n.txt") == "6\n")
    let forged = try brake(
      bob, environment, "pull", "--trust", "signed", "--from", address, "--store", "u", "count", status: 2)
    #expect(forged.err.contains("of 'shout' does not count: it is not signed"))
  }

  /// Gives the record of `shout` in a store the output of `count`, and a sum that is right.
  private func forge(in folder: String) throws {
    let record = { (stage: String) throws -> (path: String, text: String) in
      let path = try place.shell("grep -l '\"stage\":\"\(stage)\"' '\(folder)'/actions/*/*").out
        .trimmingCharacters(in: .newlines)
      return (path, try String(contentsOfFile: path, encoding: .utf8))
    }
    func output(_ text: String) throws -> String {
      let outputs = try #require(try JSON(parsing: Array(text.utf8))["outputs"]).canonical
      return String(outputs)
    }
    let (path, text) = try record("shout")
    let changed = text.replacing(try output(text), with: try output(record("count").text))
    let body = try #require(changed.range(of: ",\"sum\"")).lowerBound
    place.write(String(changed[..<body]), to: "unsummed")
    let sum = try place.shell("sha256sum unsummed").out.prefix(64)
    place.write(changed[..<body] + ",\"sum\":\"\(sum)\"}", to: "forged")
    _ = try place.shell("cp forged new && mv -f new '\(path)'")
    #expect(try record("shout").text.contains(String(sum)))
  }

  @Test func `Through a folder`() throws {
    try check((place["one"], place["two"]), in: place["one"])
  }

  @Test(.enabled(if: WebDAV.isInstalled, "nginx is not installed"))
  func `Through nginx with WebDAV`() throws {
    let server = try WebDAV(in: place)
    defer { server.stop() }
    let base = "http://127.0.0.1:\(server.port)"
    try check(("\(base)/one", "\(base)/two"), in: place["web/one"])
  }

  @Test(.enabled(if: SecureShell.isInstalled, "ssh and sshd are not installed, or this is not root"))
  func `Through ssh`() throws {
    let server = try SecureShell(in: place)
    defer { server.stop() }
    let base = "ssh://127.0.0.1:\(server.port)"
    try check(
      ("\(base)\(place["far/one"])", "\(base)\(place["far/two"])"), in: place["far/one"],
      environment: ["BRAKE_SSH": server.command, "BRAKE_REMOTE_BRAKE": BrakeProcess.binary])
  }

  @Test func `The name in a certificate commands no terminal`() throws {
    let authority = try keys.make("authority")
    _ = try place.shell("ssh-keygen -q -s '\(authority)' -I id -n \"$(printf 'eve\\033[31m')\" eve.key.pub")
    _ = try place.shell("echo \"* cert-authority $(cat authority.key.pub)\" > allowed")
    eve.write("signing-key: \(place["eve.key-cert.pub"])\n", to: "config")
    _ = try brake(eve, [:], "run")
    _ = try brake(eve, [:], "push", "--to", place["one"])
    for arguments in [
      ["pull", "--from", place["one"], "count"], ["show", "count"], ["provenance", "count"],
      ["log", "count"],
    ] {
      let run = try BrakeProcess(
        arguments, in: bob,
        environment: ["XDG_STATE_HOME": bob["state"], "BRAKE_CONFIG": bob["config"]]
      ).wait()
      #expect((run.out + run.err).contains("signed by eve\\e[31m"), "\(arguments): \(run)")
      #expect(!(run.out + run.err).contains("\u{1B}"))
    }
  }
}
