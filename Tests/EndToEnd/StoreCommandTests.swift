import Foundation
import JSON
import Support
import Testing

@Suite struct StoreCommandTests {
  @Test func `Nothing replaces a pipe or a device, and a name that was unset is free`() throws {
    let folder = TemporaryFolder()
    folder.write("x", to: "x")
    let digest = try #require(try folder.brake("put", "x").out.split(separator: " ").first.map(String.init))
    _ = try folder.shell("mkfifo pipe")
    #expect(try folder.brake("get", "--force", digest, "-o", "pipe").status == 2)
    #expect(try folder.shell("test -p pipe").status == 0)
    #expect(try folder.brake("ref", "r/s", digest).status == 0)
    #expect(try folder.brake("unref", "r/s").status == 0)
    #expect(try folder.brake("ref", "r", digest).status == 0)
  }

  let folder = TemporaryFolder()

  private func put(_ path: String) throws -> String {
    String(try #require(try folder.brake("put", path).out.split(separator: " ").first))
  }

  @Test func `put prints the digests that sha256sum prints`() throws {
    folder.write("one\n", to: "a")
    folder.write("", to: "empty file")
    let run = try folder.brake("put", "a", "empty file")
    #expect(run.status == 0)
    let sums = try folder.shell("sha256sum a 'empty file' | sed 's/^/sha256:/'")
    #expect(run.out == sums.out)
  }

  @Test func `What cat writes is what put read`() throws {
    var bytes: [UInt8] = []
    var state: UInt64 = 1
    for _ in 0..<2_500_000 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      bytes.append(UInt8(truncatingIfNeeded: state >> 40) & 0x3F)
    }
    folder.write(bytes, to: "bytes")
    let digest = try put("bytes")
    #expect(try folder.shell("\"$BRAKE\" cat \(digest) | cmp - bytes").status == 0)
    let short = String(digest.dropFirst(7).prefix(8))
    #expect(try folder.shell("\"$BRAKE\" cat \(short) | cmp - bytes").status == 0)
  }

  @Test func `put again mends an object that was damaged since`() throws {
    folder.write("text that is put twice", to: "file")
    // Past the age below which the stat cache trusts no time stamp.
    _ = try folder.shell("sleep 0.1")
    let digest = try put("file")
    #expect(try put("file") == digest)
    let object = "cache/objects/\(digest.dropFirst(7).prefix(2))/\(digest.dropFirst(9))"
    _ = try folder.shell("chmod u+w \(object) && truncate -s 40 \(object)")
    #expect(try put("file") == digest)
    #expect(try folder.brake("cat", digest).out == "text that is put twice")
  }

  @Test func `A folder comes back with its files, modes and empty folders`() throws {
    folder.write("text", to: "tree/sub/file")
    folder.write("#!/bin/sh\n", to: "tree/tool")
    _ = try folder.shell("chmod +x tree/tool; mkdir tree/empty; ln tree/sub/file tree/again")
    let digest = try put("tree")
    #expect(try folder.brake("get", digest, "-o", "back").status == 0)
    #expect(try folder.shell("diff -r tree back && test -x back/tool && ! test -x back/again").status == 0)
    #expect(try put("back") == digest)
    let manifest = try JSON(parsing: try folder.brake("cat", digest).out)
    #expect(manifest.object != nil || manifest.array != nil)
    let shown = try JSON(parsing: try folder.brake("show", digest, "--json").out)
    #expect(shown["kind"] == "tree")
    #expect(shown["logical_bytes"] == 18)
  }

  @Test func `get does not overwrite unless it is told to`() throws {
    folder.write("new", to: "file")
    let digest = try put("file")
    folder.write("old", to: "target")
    let refused = try folder.brake("get", digest, "-o", "target")
    #expect(refused.status == 2)
    #expect(refused.err.contains("--force"))
    #expect(folder.text("target") == "old")
    #expect(try folder.brake("get", digest, "-o", "target", "--force").out == "\(digest)  target\n")
    #expect(folder.text("target") == "new")

    let name = String(digest.dropFirst(7).prefix(12))
    #expect(try folder.brake("get", digest).status == 0)
    #expect(folder.text(name) == "new")
    _ = try folder.shell("mkdir inside")
    #expect(try folder.brake("get", digest, "-o", "inside").status == 0)
    #expect(folder.text("inside/\(name)") == "new")
  }

  @Test func `show gives sizes and codecs`() throws {
    folder.write(String(repeating: "abc ", count: 100_000), to: "text")
    let digest = try put("text")
    let shown = try JSON(parsing: try folder.brake("show", "--json", digest).out)
    #expect(shown["digest"]?.string == digest)
    #expect(shown["kind"] == "blob")
    #expect(shown["logical_bytes"] == 400_000)
    #expect(try #require(shown["stored_bytes"]?.integer) < 4000)
    #expect(shown["codecs"]?.object?.isEmpty == false)
    #expect(try folder.brake("show", digest).out.contains("400000"))
  }

  @Test func `ls says of each artefact what it is and where it comes from`() throws {
    let pipeline = WordPipeline()
    _ = try pipeline.folder.brake()
    let listed = try JSON(parsing: try pipeline.folder.brake("ls", "--json").out).array ?? []
    let origins = listed.flatMap { $0["origins"]?.array?.compactMap(\.string) ?? [] }
    #expect(origins.contains("shout.loud"))
    #expect(origins.contains("source words.txt"))
    #expect(origins.contains("log of shout"))
    #expect(try pipeline.folder.brake("ls").outLines.count == listed.count)
  }

  @Test func `Digests that are not there, not digests, or too short are refused`() throws {
    folder.write("x", to: "x")
    _ = try put("x")
    for text in ["abc", "zzzzzzzzzz", String(repeating: "0", count: 64), "sha256:", "../../etc/passwd"] {
      for command in ["cat", "show", "get", "verify", "provenance"] {
        let run = try folder.brake(command, text)
        #expect(run.status == 2, "\(command) \(text)")
        #expect(run.err.hasPrefix("error: "))
      }
    }
  }

  @Test func `provenance of a stage tells of this one, though others have made the same bytes`() throws {
    let folder = TemporaryFolder()
    folder.write(
      """
      params: { lr: 1 }
      stages:
        a: { run: "true ${lr}; echo same > ${out.n}", out: { n: n.txt }, publish: same.txt }
        ev: { for: { i: 1..3 }, run: "true ${i}; echo equal > ${out.n}", out: { n: n.txt } }
        copy: { run: "cp ${in.n} ${out.m}", in: { n: a.n }, out: { m: m.txt } }
      """, to: "brake.yaml")
    for lr in 1...3 { #expect(try folder.brake("lr=\(lr)").status == 0) }
    for lr in 1...3 {
      let text = try folder.brake("provenance", "a", "lr=\(lr)").out
      #expect(text.contains("$ true \(lr);"))
      let digits = try #require(text.split(separator: " ").first).prefix(12)
      let json = try JSON(parsing: try folder.brake("provenance", "a", "lr=\(lr)", "--json").out)
      let makers = try #require(json["made_by"]?.object)
      #expect(makers.count == 1 && makers.keys.allSatisfy { $0.contains(digits) })
      #expect(makers.values.first?["manifest"]?["command"]?.string?.contains("true \(lr);") == true)
    }
    #expect(try folder.brake("provenance", "same.txt", "lr=2").out.contains("$ true 2;"))
    for i in 1...3 { #expect(try folder.brake("provenance", "ev[\(i)]").out.contains("  ev[\(i)].n by run")) }
    // A stage that only copies is told of first, and what it copied behind it.
    let copied = try folder.brake("provenance", "copy").outLines
    #expect(copied.first?.contains("  copy.m by run") == true)
    #expect(copied.contains { $0.contains("  a.n by run") && $0.hasPrefix("└─ n  ") })
  }

  @Test func `provenance goes back to the source files`() throws {
    let pipeline = WordPipeline()
    let run = try JSON(parsing: try pipeline.folder.brake("run", "--json").out)
    let digest = try #require(run["outputs"]?["count"]?["number"]?.string)
    let text = try pipeline.folder.brake("provenance", digest)
    #expect(text.outLines.first?.contains("count.number by run") == true)
    #expect(text.outLines.contains { $0.hasSuffix("$ wc -c < ${in.loud} > ${out.number}") })
    #expect(
      text.outLines.filter { $0.contains(/made \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC in .* on ./) }.count == 2)
    #expect(text.outLines.last?.hasSuffix("source words.txt") == true)
    // When and where is known beside the record, and is no part of it.
    _ = try pipeline.folder.shell("rm -r cache/index")
    let forgotten = try pipeline.folder.brake("provenance", digest)
    #expect(forgotten.status == 0)
    #expect(!forgotten.out.contains(" UTC in "))
    let json = try JSON(parsing: try pipeline.folder.brake("provenance", "--json", digest).out)
    #expect(json["digest"]?.string == digest)
    #expect(json["made_by"]?.object?.count == 2)
  }

  @Test func `verify checks what it is given, or all there is`() throws {
    folder.write("x", to: "x")
    let digest = try put("x")
    let one = try JSON(parsing: try folder.brake("verify", "--json", digest).out)
    #expect(one == ["checked": 1, "damaged": [], "unreadable": [], "lost": [], "incomplete": []])
    let all = try folder.brake("verify")
    #expect(all.status == 0)
    #expect(all.out == "1 checked, none damaged\n")
  }

  @Test func `verify names what records promise and the store has lost, members of folders and logs too`()
    throws
  {
    folder.write(
      """
      stages:
        make: { run: "mkdir ${out.o}; echo one > ${out.o}/a; echo two", out: { o: folder } }
      """, to: "brake.yaml")
    #expect(try folder.brake().status == 0)
    for (text, output) in [("one\n", "make.o"), ("two\n", "the log of make")] {
      let object = try folder.shell(
        "printf '\(text.dropLast())\\n' | sha256sum | cut -c1-64 | sed 's,..,&/,'")
      let path = "cache/objects/" + object.out.trimmingCharacters(in: .newlines)
      _ = try folder.shell("mv \(path) kept")
      let run = try folder.brake("verify")
      #expect(run.status == 2)
      #expect(run.err.hasPrefix("error: \(output) is lost"))
      #expect(run.out.hasSuffix(" 1 lost\n"))
      let json = try JSON(parsing: try folder.brake("verify", "--json").out)
      #expect(json["lost"]?.array?.map { $0["stage"] } == ["make"])
      _ = try folder.shell("mv kept \(path)")
      #expect(try folder.brake("verify").status == 0)
    }
  }

  @Test func `A tree that nothing promises may be incomplete, one that a reference names may not`() throws {
    folder.write("one", to: "tree/a")
    let tree = try put("tree")
    _ = try folder.shell("rm -r cache/objects/$(printf one | sha256sum | cut -c1-2)")
    let run = try folder.brake("verify")
    #expect(run.status == 0)
    #expect(run.err.contains("\(tree) is incomplete"))
    folder.write(tree + "\n", to: "cache/refs/mine")
    #expect(try folder.brake("verify").status == 2)
    #expect(try folder.brake("verify", tree).status == 2)
  }

  @Test(arguments: ["bash", "zsh", "fish"])
  func `A completion script knows the subcommands`(shell: String) throws {
    let run = try folder.brake("--generate-completion-script", shell)
    #expect(run.status == 0)
    for command in ["run", "why", "provenance", "verify"] { #expect(run.out.contains(command)) }
  }

  @Test func `operations describes inputs, parameters and outputs`() throws {
    let all = try JSON(parsing: try folder.brake("operations", "--json").out).array ?? []
    let fit = try #require(all.first { $0["name"] == "curve.fit" })
    let skip = try #require(fit["parameters"]?.array?.first { $0["name"] == "skip" })
    #expect(skip["default"] == 100)
    #expect(skip["unit"]?.string != nil)
    #expect(fit["inputs"]?.array?.isEmpty == false)
    #expect(fit["outputs"]?.array?.isEmpty == false)
    #expect(try folder.brake("operations", "curve.fit").out.hasPrefix("curve.fit  (revision "))
    #expect(try folder.brake("operations", "curve.fti").status == 2)
  }

  @Test func `A reference that leads to nothing is lost, and nothing is damaged`() throws {
    folder.write("gone soon", to: "a")
    let digest = try put("a")
    #expect(try folder.brake("ref", "best", digest).status == 0)
    let hex = digest.dropFirst(7)
    try FileManager.default.removeItem(atPath: folder["cache/objects/\(hex.prefix(2))/\(hex.dropFirst(2))"])
    let run = try folder.brake("verify", "--json")
    #expect(run.status == 2)
    let json = try JSON(parsing: Array(run.out.utf8))
    #expect(json["damaged"]?.array?.isEmpty == true)
    #expect(json["lost"]?.array?.first?["object"]?.string == digest)
  }
}
