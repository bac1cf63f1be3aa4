import Foundation
import JSON
import Support
import Testing

/// What one person sends and another gets, through places of every kind that can be started here.
@Suite struct SharingTests {
  private let mine = TemporaryFolder()
  private let yours = TemporaryFolder()
  private let place = TemporaryFolder()

  private static let pipeline = """
    params: { n: 1 }
    stages:
      first: { run: "echo ${n} > ${out.o}", out: { o: o.txt } }
      folder: { run: "mkdir d; cp ${in.i} d/one; seq 200000 > d/two; mv d ${out.d}", in: { i: first }, out: { d: folder } }
      last: { run: "wc -l < ${in.d}/two > ${out.o}", in: { d: folder }, out: { o: o.txt }, publish: last.txt }
    """

  init() throws {
    mine.write(SharingTests.pipeline, to: "brake.yaml")
    yours.write(SharingTests.pipeline, to: "brake.yaml")
    #expect(try mine.brake().status == 0)
  }

  @Test func `What was not sent when it was made is sent when nothing has changed, also from a folder above`()
    throws
  {
    let run = try mine.brake("run", "--remote-cache", "write", "--remote", place["lab"])
    #expect(run.status == 0 && run.out.contains("0 ran"), "\(run.out)\(run.err)")
    #expect(try yours.brake("pull", "--from", place["lab"], "last").status == 0)
    let above = TemporaryFolder()
    try FileManager.default.createSymbolicLink(atPath: above["study"], withDestinationPath: mine.path)
    let push = try above.brake("-C", "study", "push", "--to", place["other"], "--json")
    #expect(push.status == 0, "\(push.err)")
    #expect(try JSON(parsing: Array(push.out.utf8))["records"] == 3)
  }

  /// Everything that is done with another place, with one of a kind.
  private func check(_ address: String, environment: [String: String] = [:]) throws {
    func brake(_ folder: TemporaryFolder, _ arguments: [String]) throws -> Finished {
      let run = try BrakeProcess(arguments, in: folder, environment: environment).wait()
      #expect(run.status == 0, "\(arguments): \(run.err)")
      return run
    }
    func brake(_ folder: TemporaryFolder, _ arguments: String...) throws -> Finished {
      try brake(folder, arguments)
    }
    #expect(try brake(mine, "remote", "add", "lab", address).out == "lab  \(address)\n")
    let sent = try JSON(parsing: Array(brake(mine, "push", "--json").out.utf8))
    #expect(sent["objects"] == 4 && sent["records"] == 3)
    let again = try JSON(parsing: Array(brake(mine, "push", "--json").out.utf8))
    #expect(again["objects"] == 0 && again["objects_there"] == 4 && again["records_there"] == 3)

    // The line alone, in an empty folder.
    let shared = try brake(mine, "share", "folder").out
    let line = String(shared.dropFirst("brake get '".count).dropLast(2))
    #expect(shared == "brake get '\(line)'\n")
    let empty = TemporaryFolder()
    _ = try brake(empty, "get", line, "-o", "copy")
    #expect(empty.text("copy/one") == "1\n" && empty.text("copy/two")?.hasSuffix("\n200000\n") == true)
    #expect(try brake(empty, "provenance", String(line.prefix(71))).out.contains("seq 200000"))
    #expect(try brake(empty, "verify").status == 0)
    let asked = try BrakeProcess(["provenance", line], in: empty).wait()
    #expect(asked.status == 2 && asked.err.contains("brake get '\(line)'"), "\(asked.err)")

    // By name.
    _ = try brake(mine, "ref", "best", "last")
    _ = try brake(mine, "push", "@best")
    _ = try brake(empty, "pull", "--from", address, "@best")
    #expect(try brake(empty, "cat", "@best").out == "200000\n")

    // A name that stands for something else is moved only if that is asked for.
    let before = try brake(empty, "refs").out
    _ = try brake(mine, "ref", "best", "folder")
    for (folder, arguments) in [(mine, ["push", "@best"]), (empty, ["pull", "--from", address, "@best"])] {
      let refused = try BrakeProcess(arguments, in: folder, environment: environment).wait()
      #expect(refused.status == 2)
      #expect(refused.err.matches(of: /sha256:[0-9a-f]{64}/).count == 2 && refused.err.contains("--force"))
      #expect(try brake(empty, "refs").out == before)
      _ = try brake(folder, [arguments[0], "--force"] + arguments.dropFirst())
    }
    #expect(try brake(empty, "refs").out == brake(mine, "refs").out)

    // As a cache of results.
    let run = try brake(yours, "run", "--remote-cache", "read", "--remote", address)
    #expect(run.out.contains("0 ran, 3 hit") && yours.text("last.txt") == "200000\n")
    _ = try brake(yours, "run", "--remote-cache", "write", "--remote", address, "n=2")
    try FileManager.default.removeItem(atPath: mine["cache"])
    let back = try brake(mine, "run", "--remote-cache", "read", "--remote", address, "n=2")
    #expect(back.out.contains("0 ran, 3 hit"))
  }

  @Test func `Through a folder`() throws { try check(place["store"]) }

  @Test(.enabled(if: WebDAV.isInstalled, "nginx is not installed"))
  func `Through nginx with WebDAV`() throws {
    let server = try WebDAV(in: place)
    defer { server.stop() }
    try check("http://127.0.0.1:\(server.port)/some/place")
  }

  /// A model as transformers leaves it, behind a web server that has the hub's paths.
  @Test(.enabled(if: WebDAV.isInstalled, "nginx is not installed"))
  func `A published model from a server with the hub's paths`() throws {
    let server = try WebDAV(in: place)
    defer { server.stop() }
    let header = #"{"w":{"dtype":"U8","shape":[300000],"data_offsets":[0,300000]}}"#
    let weights =
      String(Character(Unicode.Scalar(UInt8(header.utf8.count)))) + String(repeating: "\0", count: 7) + header
      + String(repeating: "w", count: 300_000)
    let files = ["config.json": "{}", "model.safetensors": weights, "vocab.json": "{ }"]
    for (name, text) in files { place.write(text, to: "web/lab/tiny-1/resolve/step512/\(name)") }
    let hub = ["HF_ENDPOINT": "http://127.0.0.1:\(server.port)/", "HF_TOKEN": "hf_word"]
    func put(_ arguments: String...) throws -> Finished {
      try BrakeProcess(["put"] + arguments, in: yours, environment: hub).wait()
    }
    let model = try put("hf://lab/tiny-1@step512", "brake.yaml")
    #expect(
      model.status == 0 && model.out.contains("  hf://lab/tiny-1@step512\n")
        && model.out.contains("  brake.yaml\n"))
    #expect(try yours.brake("get", String(model.out.prefix(71)), "-o", "tiny").status == 0)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: yours["tiny"]).sorted() == files.keys.sorted())
    for (name, text) in files { #expect(yours.text("tiny/\(name)") == text) }
    let file = try put("http://127.0.0.1:\(server.port)/lab/tiny-1/resolve/step512/vocab.json")
    #expect(try yours.brake("cat", String(file.out.prefix(71))).out == "{ }")
    let other = try put("hf://lab/tiny-1@step1024")
    #expect(other.status == 2 && other.err.contains("has no config.json at the revision 'step1024'"))
    #expect(try put("hf://lab").status == 2)
  }

  @Test(.enabled(if: SecureShell.isInstalled, "ssh and sshd are not installed, or this is not root"))
  func `Through ssh`() throws {
    let server = try SecureShell(in: place)
    defer { server.stop() }
    try check(
      "ssh://127.0.0.1:\(server.port)\(place["far/store"])",
      environment: ["BRAKE_SSH": server.command, "BRAKE_REMOTE_BRAKE": BrakeProcess.binary])
  }

  @Test(.enabled(if: SecureShell.isInstalled, "ssh and sshd are not installed, or this is not root"))
  func `Through SFTP, where no brake is`() throws {
    let server = try SecureShell(in: place)
    defer { server.stop() }
    try check(
      "sftp://127.0.0.1:\(server.port)\(place["far/above/store"])",
      environment: ["BRAKE_SSH": server.command, "BRAKE_REMOTE_BRAKE": "false"])
    #expect(try place.shell("ls far/above/store/tmp").out == "")
  }

  @Test func `A run goes on without a place that does not answer, and says so once`() throws {
    let run = try BrakeProcess(
      ["run", "--remote-cache", "read", "--remote", "ssh://nobody/x"], in: yours,
      environment: ["BRAKE_SSH": "false"]
    ).wait()
    #expect(run.status == 0 && run.out.contains("3 ran"))
    #expect(run.err.components(separatedBy: "the run goes on without").count == 2)
  }

  @Test func `With what is named by reference or digest comes how it was made, as far as the place says so`()
    throws
  {
    let lab = place["lab"]
    #expect(try mine.brake("ref", "best", "last").status == 0)
    let digest = try #require(try mine.brake("show", "--json", "last").out.firstDigest)
    #expect(try mine.brake("push", "--to", lab, "--no-lineage", "@best").status == 0)
    let refused = try yours.brake("pull", "--from", lab, "--lineage", "@best")
    #expect(refused.status == 2 && refused.err.contains("does not say how @best was made"))
    #expect(try mine.brake("push", "--to", lab, "@best").status == 0)
    #expect(try mine.brake("push", "--to", lab, "folder").status == 0)
    for (sent, place) in [("best", place["bare"]), (String(digest.prefix(8)), place["short"])] {
      #expect(try mine.brake("push", "--to", place, sent).status == 0)
      let pulled = try TemporaryFolder().brake("pull", "--from", place, "--lineage", "sha256:\(digest)")
      #expect(pulled.status == 0, "\(sent): \(pulled.err)")
    }
    for name in ["@best", "sha256:\(digest)"] {
      let empty = TemporaryFolder()
      #expect(try empty.brake("pull", "--from", lab, name).status == 0)
      #expect(try empty.brake("provenance", name).out.contains("seq 200000"))
      let folder = try #require(try mine.brake("show", "--json", "folder").out.firstDigest)
      #expect(try empty.brake("get", folder, "-o", "copy").status == 2)
      #expect(try empty.brake("pull", "--from", lab, "--lineage", name).status == 0)
      #expect(try empty.brake("get", folder, "-o", "copy").status == 0)
    }
  }

  @Test func `What a run has found elsewhere is up to date, is said to be there, and is fetched from there`()
    throws
  {
    let lab = place["lab"]
    #expect(try mine.brake("push", "--to", lab).status == 0)
    #expect(
      try yours.brake("run", "--remote-cache", "read", "--remote", lab).out.contains("0 ran, 3 hit"))
    let status = try yours.brake("status").out
    #expect(status.contains("all up to date") && status.contains("is in \(lab)"))
    #expect(try yours.brake("run").out.contains("0 ran, 3 hit"))
    #expect(try yours.brake("verify").status == 0)
    let missing = try yours.brake("cat", "first")
    #expect(missing.status == 2 && missing.err.contains("brake pull --from '\(lab)' 'first'"))
    // What is recorded needs no bytes.
    #expect(try yours.brake("provenance", "first").out.contains("echo"))
    let shown = try yours.brake("show", "first")
    #expect(shown.status == 0 && shown.out.contains("in \(lab), and not here"), "\(shown.out)\(shown.err)")
    #expect(try yours.brake("pull", "--from", lab, "first").status == 0)
    #expect(try yours.brake("cat", "first").status == 0)
    #expect(try yours.brake("provenance", "last").out.contains("from \(lab)"))
  }

  @Test func `Who has set it in the configuration looks elsewhere in every run`() throws {
    let lab = place["lab"]
    #expect(try mine.brake("push", "--to", lab).status == 0)
    yours.write("remote-cache: read \(lab)\n", to: "config")
    func run(_ arguments: String...) throws -> String {
      try BrakeProcess(["run"] + arguments, in: yours, environment: ["BRAKE_CONFIG": yours["config"]]).wait()
        .out
    }
    #expect(try run("--remote-cache", "off", "--store", "alone").contains("3 ran"))
    #expect(try run().contains("0 ran, 3 hit"))
    yours.write("remote-cache: always\n", to: "config")
    let wrong = try BrakeProcess(["run"], in: yours, environment: ["BRAKE_CONFIG": yours["config"]]).wait()
    #expect(wrong.status == 2 && wrong.err.contains("give read, write or off"))
  }

  @Test func `Where results are sent in every run is said by an address, and not by a store`() throws {
    func run(_ arguments: String...) throws -> Finished {
      try BrakeProcess(["run"] + arguments, in: mine, environment: ["BRAKE_CONFIG": mine["config"]]).wait()
    }
    #expect(try mine.brake("remote", "add", "lab", place["lab"]).status == 0)
    for word in ["", " lab"] {
      mine.write("remote-cache: write\(word)\n", to: "config")
      let refused = try run()
      #expect(refused.status == 2 && refused.err.contains("by an address"), "\(refused.err)")
    }
    for use in ["write", "read"] {
      mine.write("remote-cache: \(use) ./x\n", to: "config")
      let refused = try run()
      #expect(refused.status == 2 && refused.err.contains("another one in each workspace"), "\(refused.err)")
    }
    #expect(!place.exists("lab") && !mine.exists("x"))
    mine.write("remote-cache: write \(place["lab"])\n", to: "config")
    #expect(try run().err.contains("4 objects and 3 records sent"))
    // A name that the store does not know is passed over, and not an address that it spoils.
    mine.write("remote-cache: read other\n", to: "config")
    #expect(try run("n=2").status == 0)
    mine.write("remote-cache: read lab\n", to: "config")
    #expect(try run("n=3").status == 0)
    mine.write("no address\n", to: "cache/remotes/lab")
    let spoilt = try run("n=4")
    #expect(spoilt.status == 2 && spoilt.err.contains("brake remote add lab"), "\(spoilt.err)")
  }

  @Test func `What was shared is listed, and needs not be kept once it is no more`() throws {
    #expect(try mine.brake("share", "last", "--to", place["lab"]).status == 0)
    #expect(try mine.brake("share", "--run", "last", "--to", place["lab"]).status == 0)
    func shared() throws -> Set<Substring> { Set(try mine.brake("unshare").outLines.map { $0.prefix(71) }) }
    let before = try shared()
    let refused = try mine.brake("rm", "last")
    #expect(refused.status == 2 && refused.err.contains("brake unshare"), "\(refused.err)")
    let taken = try mine.brake("unshare", "last").out
    #expect(taken.contains("last.o"))
    // With the list of how it was made, and the rest of the run is shared still.
    let gone = before.subtracting(try shared())
    #expect(gone.count == 2 && gone.contains(taken.prefix(71)) && before.count > 2)
    let again = try mine.brake("unshare", "last")
    #expect(again.status == 2 && again.err.contains("is not shared"))
  }

  @Test func `Who shares a stage with several outputs is told of what stands for all of a run`() throws {
    let folder = TemporaryFolder()
    folder.write(
      "stages: { two: { run: \"echo 1 > ${out.a}; echo 2 > ${out.b}\", out: { a: a.txt, b: b.txt } } }",
      to: "brake.yaml")
    #expect(try folder.brake().status == 0)
    let share = try folder.brake("share", "two", "--to", place["lab"])
    #expect(share.status == 2 && share.err.contains("brake share --run last"))
  }

  @Test func `A damaged object is refused, named, and made again by the run that wanted it`() throws {
    #expect(try mine.brake("push", "--to", place["store"]).status == 0)
    let digest = try #require(try mine.brake("show", "--json", "folder").out.firstDigest)
    let path = place["store/objects/\(digest.prefix(2))/\(digest.dropFirst(2))"]
    _ = try place.shell(
      "chmod u+w '\(path)'; printf X | dd of='\(path)' bs=1 seek=40 conv=notrunc 2>/dev/null")
    let got = try yours.brake("pull", "--from", place["store"], "sha256:\(digest)")
    #expect(got.status == 2 && got.err.contains(place["store"]))
    #expect(try yours.brake("run", "--remote-cache", "read", "--remote", place["store"]).status == 0)
    #expect(yours.text("last.txt") == "200000\n")
  }

  @Test func `What a line says of how something was made is told, and is no result`() throws {
    let shared = try mine.brake("share", "folder", "--to", place["store"]).out
    let line = String(shared.dropFirst("brake get '".count).dropLast(2))
    #expect(try yours.brake("get", line, "-o", "copy").status == 0)
    #expect(try yours.brake("provenance", String(line.prefix(71))).out.contains("by run, as others say"))
    #expect(try yours.brake("run").out.contains("3 ran, 0 hit"))
    #expect(try !yours.brake("provenance", "folder").out.contains("as others say"))
  }

  @Test func `What is damaged or lost is repaired from another place, as far as that has it`() throws {
    #expect(try mine.brake("push", "--to", place["store"]).status == 0)
    let digest = try #require(try mine.brake("show", "--json", "folder").out.firstDigest)
    let tree = mine["cache/objects/\(digest.prefix(2))/\(digest.dropFirst(2))"]
    let others = try mine.shell("find cache/objects -type f ! -path '\(tree)'").outLines.map(String.init)
    for (path, damage) in [
      (tree, "chmod u+w \(tree); printf X | dd of=\(tree) bs=1 seek=40 conv=notrunc"),
      (others[0], "rm -f \(others[0])"),
    ] {
      _ = try mine.shell(damage)
      #expect(try mine.brake("verify").status == 2)
      let repaired = try mine.brake("verify", "--repair", "--from", place["store"])
      #expect(repaired.status == 0 && repaired.out.contains("none damaged"), "\(repaired.err)")
      #expect(try mine.shell("test -f \(path)").status == 0)
    }
    _ = try mine.shell("rm -f \(others[0])")
    #expect(try mine.brake("verify", "--repair", "--from", place["none"]).status == 2)
  }

  @Test func `A file that a line brings ends as its stage calls it, and a new store is told of`() throws {
    let line = try mine.brake("share", "--to", place["store"], "last").out.split(separator: "'")[1]
    let empty = TemporaryFolder()
    let got = try empty.brake("get", String(line))
    let digest = line.prefix(71)
    #expect(
      got.out == "\(digest)  \(digest.dropFirst(7).prefix(12)).txt\n" && got.err.contains("the store cache,"))
    // It was made a moment ago, and how the file was made is not asked for.
    let again = try empty.brake("get", String(line.prefix { $0 != "&" }), "-o", "copy")
    #expect(again.status == 0 && again.err == "")
  }

  @Test func `A store that is served says nothing of one who goes away, and something to one who never came`()
    throws
  {
    // A question is half asked: that many paths follow, and none does.
    let cut = try mine.shell(
      "printf 'brake remote 1\\nP\\003\\000\\000\\000' | \"$BRAKE\" serve-store --stdio 2> told; echo $?")
    #expect(cut.out.hasSuffix("\n2\n") && mine.text("told") == "")
    let none = try mine.brake("serve-store", "--stdio")
    #expect(none.status == 2 && none.err.hasPrefix("error: "))
  }

  @Test func `What is lost and nobody else has is made again`() throws {
    let digest = try #require(try mine.brake("show", "--json", "last").out.firstDigest)
    _ = try mine.shell("rm -f cache/objects/\(digest.prefix(2))/\(digest.dropFirst(2))")
    let lost = try mine.brake("verify")
    #expect(lost.status == 2 && lost.err.contains("brake run 'last'"))
    let repaired = try mine.brake("verify", "--repair")
    #expect(repaired.status == 0 && repaired.out.contains("none damaged"), "\(repaired.out)\(repaired.err)")
    #expect(try mine.brake("cat", "last").out == "200000\n")
    // Without the pipeline nobody knows how.
    _ = try mine.shell("rm -f cache/objects/\(digest.prefix(2))/\(digest.dropFirst(2)) brake.yaml")
    let unknown = try mine.brake("verify", "--repair")
    #expect(unknown.status == 2 && unknown.err.contains("is lost") && !unknown.err.contains("no other place"))
  }

  @Test func `Nothing is made again while the place that may have it does not answer`() throws {
    func object(_ name: String) throws -> String {
      let digest = try #require(try mine.brake("show", "--json", name).out.firstDigest)
      return "cache/objects/\(digest.prefix(2))/\(digest.dropFirst(2))"
    }
    func repair() throws -> Finished {
      try mine.brake("verify", "--repair", environment: ["BRAKE_SSH": "false"])
    }
    let lost = try [object("first"), object("last")]
    #expect(try mine.shell("rm -f \(lost.joined(separator: " "))").status == 0)
    _ = try place.shell("mkdir bare")
    for (address, reason) in [
      ("ssh://nobody/x", "ssh://nobody/x may have what is lost"),
      (place["not-mounted"], "there is no store at \(place["not-mounted"])"),
      (place["bare"], "there is no store at \(place["bare"])"),
    ] {
      #expect(try mine.brake("remote", "add", "lab", address).status == 0)
      let refused = try repair()
      #expect(refused.status == 2 && refused.err.contains(reason), "\(refused)")
      #expect(refused.err.contains("not made again: ") && refused.err.contains("last.o"), "\(refused)")
    }
    #expect(!mine.exists(lost[1]))
    // One that answers and has nothing of it is no reason.
    _ = try place.shell("mkdir empty; echo brake store 1 > empty/format")
    #expect(try mine.brake("remote", "add", "lab", place["empty"]).status == 0)
    mine.write("stages: {", to: "brake.yaml")
    let broken = try repair()
    #expect(broken.status == 2 && broken.err.contains("nothing is made again: brake.yaml"), "\(broken)")
    mine.write(SharingTests.pipeline, to: "brake.yaml")
    // What reads the lost output of another stage, too.
    let repaired = try repair()
    #expect(repaired.status == 0 && repaired.out.contains("none damaged"), "\(repaired)")
  }

  /// Stages that make large files, each an object file of its own, and one that reads two of them.
  private static let large = """
    stages:
      a: { run: "seq 300000 > ${out.o}", out: { o: o.txt } }
      b: { run: "seq 250000 > ${out.o}", out: { o: o.txt } }
      c: { run: "cat ${in.a} ${in.b} | wc -l > ${out.o}", in: { a: a, b: b }, out: { o: o.txt } }
    """

  private func object(_ name: String) throws -> String {
    let digest = try #require(try mine.brake("show", "--json", name).out.firstDigest)
    return "objects/\(digest.prefix(2))/\(digest.dropFirst(2))"
  }

  @Test func `What the place has damaged is made again, and only what it may have is not`() throws {
    mine.write(SharingTests.large, to: "brake.yaml")
    #expect(try mine.brake("run").status == 0 && mine.brake("push", "--to", place["store"], "c").status == 0)
    #expect(try mine.brake("push", "--to", place["store"], "a", "b").status == 0)
    #expect(try mine.brake("remote", "add", "lab", place["store"]).status == 0)
    let (a, b) = (try object("a"), try object("b"))
    #expect(
      try place.shell("cd store && chmod u+w \(a) && echo junk > \(a) && rm -f \(b) && mkdir \(b)").status
        == 0)
    _ = try mine.shell("cd cache && rm -f \(a) \(b)")
    let repaired = try mine.brake("verify", "--repair")
    #expect(repaired.status == 2 && repaired.err.contains("not made again: b.o:"), "\(repaired)")
    #expect(mine.exists("cache/" + a) && !mine.exists("cache/" + b))
  }

  @Test func `What cannot be fetched is made again with the reason, and the rest is fetched`() throws {
    mine.write(SharingTests.large, to: "brake.yaml")
    #expect(try mine.brake("run", "--remote-cache", "write", "--remote", place["store"]).status == 0)
    let a = try object("a")
    #expect(try place.shell("cd store && chmod u+w \(a) && echo junk > \(a)").status == 0)
    yours.write(SharingTests.large.replacing("wc -l", with: "wc -c"), to: "brake.yaml")
    let run = try yours.brake("run", "--remote-cache", "read", "--remote", place["store"])
    #expect(run.status == 0 && run.out.contains("2 ran, 1 hit"), "\(run)")
    #expect(run.err.contains("a runs again: ") && run.err.contains(" cannot be fetched: "), "\(run.err)")
    #expect(!run.err.contains("removed to save room"), "\(run.err)")
  }

  @Test(arguments: [["@best"], ["last"], ["--run", "20260101T000000.123-4711"]])
  func `Where there is no store it is said that there is none, whatever is asked for`(words: [String]) throws
  {
    let pulled = try BrakeProcess(["pull", "--from", place["none"]] + words, in: yours).wait()
    #expect(pulled.status == 2 && pulled.err.contains("there is no store at"), "\(pulled)")
  }

  @Test(arguments: [
    ["verify", "--from", "/x"], ["get", "sha256:\(String(repeating: "0", count: 64))?from=/x#w"],
    ["push", "--to", "nowhere"], ["push", "--to", "ftp://host/x"], ["push"], ["pull", "folder"],
    ["pull", "sha256:12345678"],
    ["get", "sha256:12345678?from=/x"], ["share", "folder", "--to", "https://me:secret@host/"],
    ["remote", "add", "a/b", "/x"], ["remote", "remove", "none"], ["serve-store"], ["run", "--remote", "/x"],
  ])
  func `Mistakes are told with what to do`(_ arguments: [String]) throws {
    let run = try BrakeProcess(arguments, in: mine).wait()
    #expect(run.status == 2 && !run.err.isEmpty && !run.err.contains("secret"))
    #expect(run.err.contains("hint:") || run.err.contains("Usage:"), "\(run.err)")
  }
}

extension String {
  /// The digits of the first digest in it.
  fileprivate var firstDigest: String? {
    range(of: "sha256:[0-9a-f]{64}", options: .regularExpression).map { String(self[$0].dropFirst(7)) }
  }
}

/// Waits until somebody listens at a port.
func wait(for port: UInt16) throws {
  for _ in 0..<200 {
    if Loopback.isOpen(port) { return }
    usleep(20_000)
  }
  Issue.record("nobody listens at port \(port)")
}

/// The real nginx, as any user.
struct WebDAV {
  static let isInstalled = FileManager.default.fileExists(atPath: "/usr/sbin/nginx")

  let port: UInt16
  private let folder: TemporaryFolder

  /// - Parameter methods: what of WebDAV it knows.
  init(in folder: TemporaryFolder, methods: String = "PUT DELETE MKCOL") throws {
    self.folder = folder
    port = Loopback.freePort()
    let path = folder.path
    let user = getuid() == 0 ? "user root;" : ""
    folder.write(
      """
      \(user) worker_processes 1; pid \(path)/pid; error_log \(path)/errors;
      events { worker_connections 256; }
      http {
        access_log \(path)/requests; client_body_temp_path \(path)/body; proxy_temp_path \(path)/proxy; fastcgi_temp_path \(path)/f;
        uwsgi_temp_path \(path)/u; scgi_temp_path \(path)/s; client_max_body_size 0;
        server {
          listen 127.0.0.1:\(port); root \(path)/web;
          location / { dav_methods \(methods); create_full_put_path on; dav_access user:rw group:r all:r; }
        }
      }
      """, to: "nginx.conf")
    _ = try folder.shell(
      "mkdir -p '\(path)/web'; /usr/sbin/nginx -c '\(path)/nginx.conf' -e '\(path)/errors'")
    try wait(for: port)
  }

  func stop() { _ = try? folder.shell("kill $(cat '\(folder.path)/pid')") }
}

/// The real sshd, with a key of its own.
struct SecureShell {
  static let isInstalled =
    getuid() == 0
    && ["/usr/sbin/sshd", "/usr/bin/ssh", "/usr/bin/ssh-keygen"].allSatisfy(FileManager.default.fileExists)

  let port: UInt16
  private let folder: TemporaryFolder

  init(in folder: TemporaryFolder) throws {
    self.folder = folder
    port = Loopback.freePort()
    let path = folder.path
    _ = try folder.shell(
      """
      mkdir -p /run/sshd '\(path)/far'; ssh-keygen -q -t ed25519 -N '' -f '\(path)/host'
      ssh-keygen -q -t ed25519 -N '' -f '\(path)/key'; cp '\(path)/key.pub' '\(path)/authorized'
      printf '%s\\n' 'Port \(port)' 'ListenAddress 127.0.0.1' 'HostKey \(path)/host' \
        'AuthorizedKeysFile \(path)/authorized' 'StrictModes no' 'PasswordAuthentication no' 'UsePAM no' \
        'Subsystem sftp internal-sftp' 'PermitRootLogin prohibit-password' 'PidFile \(path)/pid' > '\(path)/sshd'
      /usr/sbin/sshd -f '\(path)/sshd' -E '\(path)/log'
      """)
    try wait(for: port)
  }

  var command: String {
    "ssh -F none -i \(folder["key"]) -o IdentitiesOnly=yes -o StrictHostKeyChecking=no "
      + "-o UserKnownHostsFile=\(folder["known"]) -o LogLevel=ERROR"
  }

  func stop() { _ = try? folder.shell("kill $(cat '\(folder.path)/pid')") }
}
