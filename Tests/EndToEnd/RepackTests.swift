import Foundation
import JSON
import Support
import Testing

/// Checkpoints as differences, with the real binary.
@Suite struct RepackTests {
  let folder = TemporaryFolder()

  private static let training = """
    stages:
      text: { op: text.synthesise, with: { size: 100000 } }
      tokens: { op: text.tokenise, in: { text: text.text } }
      train: { op: lm.train, in: { train: tokens.train }, with: { steps: 12, batch: 2, checkpoints: 1 } }
    """

  /// The digests of all checkpoints and states.
  private func train() throws -> [String] {
    folder.write(RepackTests.training, to: "brake.yaml")
    let run = try folder.brake("--json")
    #expect(run.status == 0, "\(run.err)")
    let links = try JSON(parsing: run.out)["outputs"]?.object ?? [:]
    return links.sorted { $0.key < $1.key }.flatMap { _, outputs in
      ["checkpoints", "states"].flatMap { name -> [String] in
        let output = outputs[name]
        return output?.object?.values.compactMap(\.string) ?? output?.string.map { [$0] } ?? []
      }
    }
  }

  @Test func `Small results of many runs get into one file, and are what they were`() throws {
    folder.write(
      """
      params: { n: 1 }
      stages:
        some: { for: { i: 1..4 }, run: "echo ${i} ${n} > ${out.o}", out: { o: o.txt } }
        sum: { run: "cat ${in.some} > ${out.o}", in: { some: some.o }, out: { o: o.txt } }
      """, to: "brake.yaml")
    for n in 1...5 { #expect(try folder.brake("n=\(n)").status == 0) }
    let list = try JSON(parsing: folder.brake("ls", "--json").out).array ?? []
    let digests = list.compactMap { $0["digest"]?.string }
    #expect(digests.count > 16)
    let making = try folder.brake("provenance", "sum", "n=3").out
    let files = "find cache/objects cache/actions cache/index/made -type f | wc -l"
    let before = try #require(Int(folder.shell(files).out.filter(\.isNumber)))
    let trial = try folder.brake("repack", "--small", "--dry-run")
    let json = try JSON(parsing: folder.brake("repack", "--small", "--json").out)["small"]
    #expect(trial.out.contains("in \(before) files -> ") && trial.out.hasSuffix("nothing was changed\n"))
    #expect(json?["files_before"]?.integer == before && json?["files"] == 1)
    #expect(try folder.shell(files).out.filter(\.isNumber) == "0")
    try expectReadable(digests)
    #expect(try folder.brake("provenance", "sum", "n=3").out == making)
    for n in 1...5 { #expect(try folder.brake("n=\(n)").out.contains("0 ran")) }
    #expect(try folder.brake("verify").status == 0)
    #expect(try folder.brake("repack", "--small").out == "nothing to repack\n")
    // What nothing needs goes out of the file, and what is needed stays.
    #expect(try folder.brake("gc", "--now", "--runs", "1").out.contains("removed:"))
    #expect(try folder.brake("n=5").out.contains("0 ran"))
    #expect(try folder.brake("n=1").out.contains("5 ran"))
    #expect(try folder.brake("verify").status == 0)
    for arguments in [["--small", "--undo"], ["--small", "sum"]] {
      #expect(try BrakeProcess(["repack"] + arguments, in: folder).wait().status == 2)
    }
  }

  private func expectReadable(_ digests: [String]) throws {
    for digest in digests {
      let sum = try folder.shell("\"$BRAKE\" cat \(digest) | sha256sum").out
      #expect(sum.hasPrefix(digest.dropFirst(7)), "\(digest)")
    }
  }

  @Test func `repack says what it saves, changes no byte that is read, and is undone`() throws {
    let digests = try train()
    #expect(digests.count == 24)
    let rehearsal = try folder.brake("repack", "--dry-run")
    #expect(rehearsal.status == 0 && rehearsal.out.hasSuffix("\nnothing was changed\n"), "\(rehearsal.err)")
    #expect(folder.text("cache/format") != "brake store 3\n")
    let run = try folder.brake("repack")
    #expect(rehearsal.out == run.out + "nothing was changed\n")
    #expect(run.out.contains(/F32 +1[0-9] objects +of .* -> .* \(1\.[1-9][0-9]* times\)/), "\(run.out)")
    #expect(folder.text("cache/format") == "brake store 3\n")
    #expect(try folder.brake("repack").out == "nothing to repack\n")
    let stronger = try folder.brake("repack", "--dry-run", "--predict-weights", "--depth", "4").out
    #expect(stronger.contains(/1[0-9] objects were differences before .*brake repack --undo/), "\(stronger)")
    try expectReadable(digests)
    #expect(try folder.brake("verify").status == 0)
    #expect(try folder.brake("run").out.contains("0 ran"))
    #expect(try folder.brake("show", digests[3]).out.contains("differences"))
    // States are one update apart.
    #expect(try folder.brake("show", "train.states[2]").out.contains("second moments"))
    #expect(try !folder.brake("show", "train.checkpoints[3]").out.contains("updated weights"))
    #expect(try folder.brake("repack", "--undo").status == 0)
    #expect(folder.text("cache/format") == "brake store 2\n")
    try expectReadable(digests)
    #expect(try folder.brake("repack", "--undo").out == "nothing to repack\n")

    // Weights from their updates.
    let smallest = try folder.brake("repack", "--predict-weights").out
    #expect(smallest.contains(/F32 +1[0-9] objects +of .* -> .* \([2-9]\.[0-9]* times\)/), "\(smallest)")
    #expect(try folder.brake("show", "train.checkpoints[3]").out.contains("updated weights"))
    try expectReadable(digests)
    #expect(try folder.brake("repack", "--predict-weights", "--undo").status == 2)
    #expect(try folder.brake("repack", "--undo").status == 0)

    // Some of them.
    let json = try JSON(parsing: folder.brake("repack", "--json", "--depth", "1", "train.checkpoints").out)
    #expect(json["objects"]?.array?.count == 6)
    #expect(try folder.brake("repack", "--depth", "5").status == 2)
    #expect(try folder.brake("repack", "nothing").status == 2)
  }

  @Test func `What is pushed from a repacked store stands for itself`() throws {
    let digests = try train()
    #expect(try folder.brake("repack", "--predict-weights").status == 0)
    #expect(try folder.brake("push", "--to", "\(folder["other"])").status == 0)
    #expect(folder.text("other/format")?.hasPrefix("brake store") == true)
    #expect(folder.text("other/format") != "brake store 3\n")
    let other = ["BRAKE_STORE": folder["other"]]
    #expect(try folder.brake("repack", "--undo", environment: other).out == "nothing to repack\n")
    #expect(try folder.brake("verify", environment: other).status == 0)
    #expect(try folder.brake("cat", digests[5], environment: other).status == 0)
  }

  @Test func `A base that is lost is named by verify, and comes back from another place`() throws {
    let digests = try train()
    #expect(try folder.brake("push", "--to", "\(folder["other"])").status == 0)
    let changes =
      try JSON(parsing: folder.brake("repack", "--predict-weights", "--json").out)["objects"]?.array ?? []
    // Weights are predicted from it, and the next states are a difference from it.
    let states = changes.compactMap { $0["states"]?.string }
    let base = try #require(states.first).dropFirst(7)
    let path = "cache/objects/\(base.prefix(2))/\(base.dropFirst(2))"
    #expect(try folder.shell("chmod u+w \(path) && rm \(path)").status == 0)
    let found = try folder.brake("verify")
    #expect(found.status == 2 && found.err.contains("its base sha256:\(base) is lost"), "\(found.err)")
    #expect(found.out.contains(/none damaged, 2 unreadable, [1-9] lost/), "\(found.out)")
    #expect(!folder.exists("cache/quarantine") || folder.names("cache/quarantine").isEmpty)
    let repaired = try folder.brake("verify", "--repair", "--from", folder["other"])
    #expect(repaired.status == 0, "\(repaired.out)\(repaired.err)")
    try expectReadable(digests)
  }

  @Test func `Wherever repacking and undoing are killed, everything is read, also while it happens`() throws {
    let digests = try train()
    let start = ContinuousClock.now
    #expect(try folder.brake("repack").status == 0)
    let time = ContinuousClock.now - start
    #expect(try folder.brake("repack", "--undo").status == 0)
    var kills = 0
    for part in stride(from: 0.04, to: 1.0, by: 0.08) {
      for arguments in [["repack"], ["repack", "--undo"]] {
        let brake = try BrakeProcess(arguments, in: folder)
        usleep(useconds_t(time / .microseconds(1) * part))
        let read = try folder.brake("verify", digests[kills % digests.count])
        #expect(read.status == 0, "\(read.err)")
        brake.send(SIGKILL)
        if brake.wait().status == 128 + SIGKILL { kills += 1 }
        #expect(try folder.brake("verify").status == 0)
      }
    }
    let writing = try BrakeProcess(["repack"], in: folder)
    for number in 0..<4 {
      folder.write("number \(number)", to: "file")
      #expect(try folder.brake("put", "file").status == 0)
      #expect(try folder.brake("put", "brake.yaml").status == 0)
    }
    #expect(writing.wait().status == 0)
    try expectReadable(digests)
    #expect(try folder.shell("find cache/tmp -type f ! -name bases").out == "")
  }
}

extension TemporaryFolder {
  fileprivate func names(_ folder: String) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: self[folder])) ?? []
  }
}
