import Foundation
import JSON
import Support
import Testing

/// `brake bundle` and `brake reproduce`: what one person writes beside a paper, and another runs again.
@Suite struct BundleTests {
  private let mine = TemporaryFolder()
  private let yours = TemporaryFolder()

  /// Operations with a keyed output, commands, a folder that is read, and names that want to be more than text.
  private static let pipeline = #"""
    params: { note: "<script>alert('note')</script>", noise: 0.02 }
    include: [common/loud.yaml]
    stages:
      curves: { op: curve.generate, with: { runs: [14M, 144M], noise: "${noise}" } }
      prepare:
        for: { run: "curves.curves" }
        op: curve.prepare
        in: { curve: "curves.curves[${run}]" }
      fit:
        for: { run: "curves.curves" }
        op: curve.fit
        in: { curve: "prepare[${run}]" }
        with: { skip: 100, bootstrap: 0, starts: 8 }
        publish: results/
      parts:
        run: |
          mkdir d
          for i in 1 2 3; do echo "${note} $i" > d/$i.txt; done
          mv d/* ${out.parts}/ 2>/dev/null || { mkdir -p ${out.parts}; mv d/* ${out.parts}/; }
          printf '<img src=x onerror=alert(1)> \033[31mred\n'
        out: { parts: parts/ }
      all:
        run: cat ${in.parts} ${in.loud} ${in.data}/* > ${out.all}
        in: { parts: parts, loud: loud, data: data }
        out: { all: "all <b>.txt" }
        publish: results/
    """#

  init() throws {
    mine.write(BundleTests.pipeline, to: "brake.yaml")
    mine.write(
      """
      stages:
        loud: { run: "tr a-z A-Z < ${in.text} > ${out.o}", in: { text: words.txt }, out: { o: o.txt } }
      """, to: "common/loud.yaml")
    mine.write("hello\n", to: "words.txt")
    mine.write("1\n", to: "data/one")
    mine.write("2\n", to: "data/two & more/three")
    mine.write("not read\n", to: "secret.txt")
    try FileManager.default.removeItem(atPath: mine["data/two & more"])
    mine.write("2\n", to: "data/two & more")
    let run = try mine.brake("run")
    #expect(run.status == 0, "\(run)")
  }

  @discardableResult private func bundle(_ more: String..., to name: String = "bundle") throws -> Finished {
    let run = try BrakeProcess(["bundle", "--to", yours[name]] + more, in: mine).wait()
    #expect(run.status == 0, "\(run)")
    return run
  }

  private func reproduce(_ arguments: String...) throws -> Finished {
    try BrakeProcess(["reproduce", "bundle"] + arguments, in: yours).wait()
  }

  private func listing(_ name: String) throws -> String {
    try yours.shell("cd '\(name)'; find . -type f -printf '%m ' -exec sha256sum {} + | sort").out
  }

  @Test func `All of it is there, and runs again to the same bytes where nothing else is`() throws {
    let told = try bundle()
    #expect(told.out.contains("8 actions and 11 artefacts in "))
    try FileManager.default.removeItem(atPath: mine.path)
    #expect(yours.text("bundle/workspace/words.txt") == "hello\n")
    #expect(yours.text("bundle/workspace/data/two & more") == "2\n")
    #expect(!yours.exists("bundle/workspace/secret.txt"))
    #expect(yours.text("bundle/files/results/all <b>.txt")?.contains("HELLO") == true)
    #expect(yours.exists("bundle/files/results/14M/fit.json"))
    #expect(try yours.shell("cd bundle; sha256sum -c --quiet SHA256SUMS").status == 0)
    #expect(
      try yours.shell("cd bundle; find . -type f ! -name SHA256SUMS | wc -l").out
        == yours.shell("wc -l < bundle/SHA256SUMS").out)
    let before = try listing("bundle")

    let refused = try reproduce()
    #expect(refused.status == 2 && refused.err.contains("3 stages run commands"), "\(refused)")
    let run = try reproduce("--run-commands")
    #expect(run.status == 0, "\(run)")
    #expect(run.out.hasSuffix("11 of 11 artefacts are identical\n"))
    #expect(run.out.contains("parts: identical (3 artefacts)"))
    #expect(try listing("bundle") == before)

    let kept = try reproduce("--run-commands", "--to", "again", "--json", "fit*")
    #expect(kept.status == 0, "\(kept)")
    let json = try JSON(parsing: kept.out)
    #expect(json["identical"] == true && json["artefacts"] == 6)
    #expect(yours.exists("again/cache/format") && yours.exists("again/results/14M/fit.json"))
    #expect(try yours.brake("-q", "fit", at: "again").status == 0)
  }

  @Test func `The same store makes the same bytes, and a store can be read where it stands`() throws {
    try bundle()
    try bundle(to: "other")
    #expect(try listing("bundle") == listing("other"))
    let digest = try mine.shell("sha256sum 'results/all <b>.txt' | cut -c1-64").out.prefix(64)
    let pulled = try yours.brake("pull", "--from", yours["bundle/store"], "sha256:\(digest)")
    #expect(pulled.status == 0, "\(pulled)")
    #expect(try yours.brake("cat", "sha256:\(digest)").out.contains("HELLO"))
    let way = try yours.brake("provenance", "--store", "bundle/store", String(digest))
    #expect(way.out.contains("source words.txt"), "\(way)")
    #expect(try yours.brake("verify", "--store", "bundle/store").status == 0)
  }

  @Test func `The bundle of what was run again is the same bundle, byte for byte`() throws {
    try bundle("--date", "2026-11-21")
    #expect(try reproduce("--run-commands", "--to", "again").status == 0)
    let run = try yours.brake("bundle", "-C", "again", "--to", yours["other"], "--date", "2026-11-21")
    #expect(run.status == 0, "\(run)")
    #expect(try listing("bundle") == listing("other"))
  }

  @Test func `One file does, too`() throws {
    let told = try bundle(to: "paper.tar")
    #expect(told.out.contains("\nfile: \(yours["paper.tar"])\n"))
    #expect(try mine.brake("bundle", "--to", yours["paper.tar"]).err.contains("is there already"))
    try bundle(to: "paper")
    #expect(
      try yours.shell("tar xf paper.tar -C . --transform s/^paper/unpacked/ && diff -r paper unpacked").status
        == 0)
    let run = try yours.brake("reproduce", "paper.tar", "--run-commands")
    #expect(run.status == 0 && run.out.hasSuffix("11 of 11 artefacts are identical\n"), "\(run)")
    yours.write("no archive", to: "text.tar")
    let refused = try yours.brake("reproduce", "text.tar")
    #expect(refused.status == 2 && refused.err.contains("the archive cannot be read"), "\(refused)")
  }

  @Test(arguments: ["bundle", "paper.tar"])
  func `A clone has the pipeline and all that was made`(name: String) throws {
    try bundle(to: name)
    try FileManager.default.removeItem(atPath: mine.path)
    let made = try yours.brake("clone", name, "copy")
    #expect(made.status == 0 && made.out.hasPrefix("11 artefacts and 8 records in copy/cache\n"), "\(made)")
    let command = try #require(made.outLines.last)
    #expect(command == "brake -C copy -f brake.yaml")
    let other = try yours.brake("clone", name, "second", environment: ["BRAKE_STORE": "elsewhere"])
    #expect(other.out.hasSuffix("brake -C second -f brake.yaml --store cache\n"), "\(other)")
    #expect(try yours.brake("verify", "-C", "copy").status == 0)
    let run = try yours.brake("-C", "copy", "-f", "brake.yaml")
    #expect(run.out.contains("8 planned: 0 ran, 8 hit"), "\(run)")
    #expect(yours.text("copy/results/all <b>.txt")?.contains("HELLO") == true)
    // Only what depends on a change runs.
    yours.write("good day\n", to: "copy/words.txt")
    #expect(try yours.brake("-C", "copy").out.contains("2 ran, 6 hit"))

    #expect(try yours.brake("clone", name, "copy").err.contains("is there already"))
    #expect(try yours.brake("clone", "copy", "other").err.contains("is no bundle"))
    #expect(!yours.exists("other"))
  }

  @Test func `A bundle of which something is lost is told, with what to do`() throws {
    try bundle()
    let (path, digest) = try lostObject()
    #expect(try yours.shell("rm -f 'bundle/store/\(path)'").status == 0)
    let cloned = try yours.brake("clone", "bundle", "copy")
    #expect(
      cloned.status == 2 && cloned.err.contains(digest) && cloned.err.contains("sha256sum -c SHA256SUMS"),
      "\(cloned.err)")
  }

  /// The file in a bundle's store of what `all` has made.
  private func lostObject() throws -> (path: String, digest: String) {
    let shown = try mine.brake("show", "all", "--json").out
    let digest = try #require(try JSON(parsing: Array(shown.utf8))["digest"]?.string)
    let hex = digest.dropFirst(7)
    return ("objects/\(hex.prefix(2))/\(hex.dropFirst(2))", digest)
  }

  @Test func `A clone of a bundle with results alone makes nothing again that nobody reads`() throws {
    try bundle("--results-only")
    let made = try JSON(parsing: try yours.brake("clone", "bundle", "copy", "--json").out)
    #expect((made["omitted"]?.integer ?? 0) > 0 && made["records"] == 8)
    #expect(try yours.brake("verify", "-C", "copy").status == 0)
    #expect(try yours.brake("-C", "copy").out.contains("0 ran"))
  }

  @Test func `A source that was changed is named, and what comes of it is told by how much`() throws {
    try bundle()
    yours.write("hullo\n", to: "bundle/workspace/words.txt")
    let run = try reproduce("--run-commands")
    #expect(run.status == 1, "\(run)")
    #expect(run.err.contains("words.txt is not what it was when the bundle was written"))
    #expect(run.out.contains("loud: 0 of 1 artefacts identical\n  made with another input text: "))
    #expect(run.out.contains("- HELLO") && run.out.contains("+ HULLO"))
    #expect(run.out.contains("fit[14M]: identical (1 artefact)"))
    #expect(run.out.hasSuffix("9 of 11 artefacts are identical, 2 different\n"))
    let json = try JSON(parsing: reproduce("--run-commands", "--json").out)
    #expect(json["changed_sources"] == ["words.txt"] && json["identical"] == false)
    let loud = json["stages"]?.array?.first { $0["stage"] == "loud" }?["outputs"]?.array?.first
    #expect(loud?["verdict"] == "different" && loud?["difference"]?["kind"] == "text")
  }

  @Test func `Numbers that differ are told by how much`() throws {
    try bundle("noise=0.02", to: "bundle")
    let text = try #require(yours.text("bundle/bundle.json"))
    #expect(text.contains(#""noise""#))
    yours.write(text.replacing("\"0.02\"", with: "\"0.03\""), to: "bundle/bundle.json")
    let run = try reproduce("--run-commands", "fit")
    #expect(run.status == 1, "\(run)")
    #expect(
      run.out.contains(
        "curves: 0 of 2 artefacts identical\n  made with another parameter noise: 0.02 -> 0.03"))
    #expect(run.out.contains("values differ"), "\(run.out)")
  }

  @Test func `A store that is damaged is told of only where its bytes are wanted, and stays as it is`() throws
  {
    try bundle()
    let objects = try yours.shell("find bundle/store/objects -type f").outLines.map(String.init)
    for path in objects {
      _ = try yours.shell(
        "chmod u+w '\(path)'; printf X | dd of='\(path)' bs=1 seek=40 conv=notrunc 2>/dev/null")
    }
    let before = try listing("bundle")
    #expect(try reproduce("--run-commands").status == 0)
    yours.write("hullo\n", to: "bundle/workspace/words.txt")
    let run = try reproduce("--run-commands")
    #expect(run.status == 1 && run.out.contains("by how much cannot be said"), "\(run)")
    yours.write("hello\n", to: "bundle/workspace/words.txt")
    #expect(try listing("bundle") == before)
    #expect(try yours.shell("cd bundle; sha256sum -c --quiet SHA256SUMS").status != 0)
  }

  @Test func `What is between sources and results can be left out`() throws {
    let told = try bundle("--results-only", "--files", "none")
    #expect(told.out.contains("of which 8 are recorded and not kept"), "\(told.out)")
    #expect(!yours.exists("bundle/files"))
    let run = try reproduce("--run-commands")
    #expect(run.status == 0 && run.out.hasSuffix("11 of 11 artefacts are identical\n"), "\(run)")
    yours.write("hullo\n", to: "bundle/workspace/words.txt")
    let changed = try reproduce("--run-commands")
    #expect(changed.out.contains("  o: other bytes; by how much cannot be said: "), "\(changed.out)")
  }

  @Test func `What the pipeline names by digest comes from the bundle's store`() throws {
    mine.write("given\n", to: "given.txt")
    let put = try mine.brake("put", "given.txt").out.prefix(71)
    mine.write(
      """
      stages:
        count: { run: "wc -c < ${in.x} > ${out.o}", in: { x: "\(put)" }, out: { o: o.txt } }
      """, to: "brake.yaml")
    #expect(try mine.brake("run").status == 0)
    try bundle()
    #expect(try reproduce("--run-commands").status == 0)
  }

  @Test func `Names, parameters and logs are text in the page, which asks nobody for anything`() throws {
    try bundle("--name", "</title><script>alert(0)</script>", "--author", "A & B <c@d>")
    let page = try #require(yours.text("bundle/index.html"))
    for tag in ["<script", "<img", "onerror=alert(1)>", "<b>", "</title><script", "<c@d>"] {
      let isThere = page.contains(tag)
      #expect(!isThere, "\(tag)")
    }
    #expect(page.contains("&lt;script&gt;alert(") && page.contains("&lt;img src=x onerror=alert(1)&gt; red"))
    #expect(!page.contains("\u{1B}"))
    #expect(yours.text("bundle/README.md")?.hasPrefix("# \\</title\\>\\<script\\>alert(0)") == true)
    // Nothing is fetched: what it names is a part of the page, or stands beside it.
    let addresses = page.matches(of: /(?:href|src)="([^"]*)"/).map { String($0.1) }
    #expect(addresses.count > 30)
    for address in addresses {
      if address.hasPrefix("#") {
        let isThere = page.contains("id=\"\(address.dropFirst())\"")
        #expect(isThere, "\(address)")
      } else {
        let path = try #require(address.removingPercentEncoding)
        #expect(yours.exists("bundle/" + path), "\(address)")
      }
    }
    #expect(
      try yours.shell("xmllint --noout --html bundle/index.html 2>&1 | grep -c 'Unexpected end tag' || true")
        .out.hasPrefix("0"))
  }

  @Test func `The crate names what stands there, with its digest and size`() throws {
    try bundle("--date", "2026-11-21", "--license", "CC-BY-4.0")
    let crate = try JSON(parsing: #require(yours.text("bundle/ro-crate-metadata.json")))
    let entities = try #require(crate["@graph"]?.array)
    let ids = entities.compactMap { $0["@id"]?.string }
    #expect(Set(ids).count == ids.count)
    let root = try #require(entities.first { $0["@id"] == "./" })
    #expect(root["datePublished"] == "2026-11-21")
    #expect(root["license"]?["@id"] == "https://spdx.org/licenses/CC-BY-4.0")
    #expect(root["mainEntity"]?["@id"] == "workspace/brake.yaml")
    var files = 0
    for entity in entities {
      let types = entity["@type"]?.array?.compactMap(\.string) ?? [entity["@type"]?.string ?? ""]
      guard types.contains("File") else { continue }
      files += 1
      let path = try #require(entity["@id"]?.string?.removingPercentEncoding)
      let bytes = try #require(yours.read("bundle/" + path), "\(path)")
      if let size = entity["contentSize"] { #expect(size == .string(String(bytes.count))) }
      if let digest = entity["sha256"]?.string {
        #expect(try yours.shell("sha256sum 'bundle/\(path)'").out.hasPrefix(digest))
      }
    }
    #expect(files > 10)
    // Whatever is named is told of.
    func references(_ json: JSON) -> [String] {
      switch json {
      case .array(let list): list.flatMap(references)
      case .object(let members):
        members.count == 1 ? [members["@id"]?.string].compactMap(\.self) : members.values.flatMap(references)
      default: []
      }
    }
    for id in entities.flatMap(references) where !id.hasPrefix("https://") {
      #expect(ids.contains(id), "\(id)")
    }
    let actions = entities.filter { $0["@type"] == "CreateAction" }
    #expect(actions.count == 9)
    #expect(actions.allSatisfy { $0["instrument"] != nil && $0["result"] != nil })
    // The profile: each part of the workflow is a tool that an action used.
    let workflow = try #require(entities.first { $0["@id"] == "workspace/brake.yaml" })
    let tools = references(workflow["hasPart"] ?? .null)
    let used = Set(actions.compactMap { $0["instrument"]?["@id"]?.string })
    #expect(tools.count == 6 && tools.allSatisfy(used.contains))
  }

  @Test func `What cannot be bundled is refused in words, and leaves nothing`() throws {
    mine.write("x", to: "full/x")
    for (pipeline, arguments, told) in [
      (BundleTests.pipeline, ["--to", "full"], "is there already"),
      (BundleTests.pipeline, ["--to", ""], "--to names no folder"),
      (BundleTests.pipeline, ["--to", "cache/out"], "is in the store"),
      (BundleTests.pipeline, ["--to", "none/there"], "there is no folder 'none'"),
      (BundleTests.pipeline, ["--to", "out", "noise=0.5"], "is not recorded"),
      (BundleTests.pipeline, ["--to", "out", "--date", "yesterday"], "is no date"),
      (
        "stages: { a: { run: 'cp ${in.x} ${out.o}', in: { x: '\(yours["far.txt"])' }, out: { o: o } } }",
        ["--to", "out"], "is an absolute path"
      ),
      (
        "stages: { a: { run: 'cp ${in.x} ${out.o}', in: { x: '../\(yours.path.split(separator: "/").last!)/far.txt' }, out: { o: o } } }",
        ["--to", "out"], "leads out of the workspace"
      ),
    ] {
      yours.write("far\n", to: "far.txt")
      mine.write(pipeline, to: "brake.yaml")
      if !arguments.contains("noise=0.5") { #expect(try mine.brake("run").status == 0) }
      let run = try BrakeProcess(["bundle"] + arguments, in: mine).wait()
      #expect(run.status == 2 && run.err.contains(told), "\(run)")
      #expect(!mine.exists("out") && !mine.exists(".brake-partial"))
    }
  }

  @Test func `What is no bundle, or a hostile one, is refused in words`() throws {
    #expect(try yours.brake("reproduce", "nothing").status == 2)
    yours.write("x", to: "folder/x")
    #expect(try yours.brake("reproduce", "folder").err.contains("is no bundle"))
    try bundle()
    let pipeline = try #require(yours.text("bundle/workspace/brake.yaml"))
    yours.write("stages: { o: { op: curve.generate, with: { runs: [14M] } } }", to: "outside.yaml")
    for hostile in [
      "stages: { a: { op: curve.fit, in: { curve: /etc/passwd } } }",
      "stages: { a: { op: curve.fit, in: { curve: ../../x } } }",
      """
      stages:
        c: { op: curve.generate, with: { runs: [14M] } }
        a: { for: { r: c.curves }, run: "cat ${in.x} > ${out.o}", in: { x: "/etc/${r}/../passwd" }, out: { o: o } }
      """,
      "include: [\(yours["outside.yaml"])]\nstages: { a: { op: curve.generate, with: { runs: [14M] } } }",
    ] {
      yours.write(hostile, to: "bundle/workspace/brake.yaml")
      let run = try reproduce("--run-commands")
      #expect(run.status == 2, "\(run)")
      #expect(hostile.contains("/etc/${r}") || run.err.contains("is not in it"), "\(run)")
    }
    yours.write(pipeline, to: "bundle/workspace/brake.yaml")
    try FileManager.default.createSymbolicLink(
      atPath: yours["bundle/workspace/data/link"], withDestinationPath: "/etc/passwd")
    let linked = try reproduce("--run-commands")
    #expect(linked.status == 2 && linked.err.contains("is a link"), "\(linked)")
    try FileManager.default.removeItem(atPath: yours["bundle/workspace/data/link"])
    #expect(try reproduce("--to", "folder", "--run-commands").err.contains("is there already"))
  }

  @Test func `Interrupted or killed, no half of a bundle is left`() throws {
    // An artefact that takes long enough to copy.
    mine.write(
      "stages: { big: { run: 'head -c 200000000 /dev/urandom > ${out.o}', out: { o: o.bin } } }",
      to: "brake.yaml")
    #expect(try mine.brake("run").status == 0)
    for signal in [SIGINT, SIGKILL] {
      let process = try BrakeProcess(["bundle", "--to", "out"], in: mine)
      #expect(mine.appears(".brake-partial"))
      process.send(signal)
      let ended = process.wait()
      #expect(ended.status == 128 + signal, "\(ended)")
      #expect(!mine.exists("out"))
    }
    #expect(try mine.brake("bundle", "--to", "out", "--files", "none").status == 0)
    #expect(!mine.exists(".brake-partial"))
  }

  @Test func `A stage that fails is told, and the rest is compared`() throws {
    try bundle()
    let pipeline = try #require(yours.text("bundle/workspace/brake.yaml"))
    yours.write(
      pipeline.replacing("cat ${in.parts}", with: "false; cat ${in.parts}"), to: "bundle/workspace/brake.yaml"
    )
    let run = try reproduce("--run-commands")
    #expect(run.status == 2, "\(run)")
    #expect(
      run.out.contains("all: not made") && run.out.contains("10 of 11 artefacts are identical, 1 not made"))
  }

  @Test func `Files of the same name in different folders are all written out`() throws {
    let folder = TemporaryFolder()
    folder.write(
      "stages: { s: { run: 'echo 1 > a/x.txt; echo 2 > b/x.txt', out: { one: a/x.txt, two: b/x.txt } } }",
      to: "brake.yaml")
    #expect(try folder.brake().status == 0)
    let bundle = try folder.brake("bundle", "--to", "bundle")
    #expect(bundle.status == 0, "\(bundle.err)")
    #expect(folder.text("bundle/files/stages/s/one/x.txt") == "1\n")
    #expect(folder.text("bundle/files/stages/s/two/x.txt") == "2\n")
  }
}
