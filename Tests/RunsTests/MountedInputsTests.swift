import Actions
import Artefacts
import Foundation
import JSON
import Support
import Testing

@testable import Pipeline
@testable import Runners
@testable import Runs

/// What a command sees of its inputs in a sandbox, and that it can change none of them.
@Suite(.enabled(if: TestSandbox.works)) struct MountedInputsTests {
  /// Small ones are copied and large ones shared: nobody shall notice.
  private static let sizes = [10, 3 << 20]

  private func restored(_ workspace: Workspace) -> [String] {
    let names = try? FileManager.default.contentsOfDirectory(atPath: workspace.folder["cache/index/restored"])
    return (names ?? []).sorted()
  }

  @Test(arguments: sizes)
  func `A command cannot change its inputs, whoever it is`(size: Int) async throws {
    let workspace = try Workspace(
      """
      stages:
        make: { run: "head -c \(size) /dev/zero > ${out.out}", out: { out: m.bin } }
        try:
          run: |
            for f in ${in.made} ${in.file} ${in.folder}/a; do
              ! echo x >> $f; ! echo x > $f; ! chmod 777 $f; ! rm -f $f; ! mv $f moved; ! truncate -s 0 $f
              ! mount -o remount,rw,bind $f; ! umount $f; ! ln $f linked
            done
            ! touch ${in.folder}/new
            ! unshare -Urm mount -o remount,rw,bind ${in.file} ${in.file}
            sha256sum ${in.made} ${in.file} ${in.folder}/a | cut -c -8 > ${out.out}
            stat -c %a ${in.made} ${in.file} ${in.folder} ${in.folder}/a >> ${out.out}
          in: { made: make, file: file.bin, folder: folder }
          out: { out: o.txt }
      """)
    for name in ["file.bin", "folder/a"] {
      workspace.folder.write([UInt8](repeating: 0, count: size), to: name)
    }
    let digest = Digest(of: [UInt8](repeating: 0, count: size)).hex.prefix(8)
    let summary = try await workspace.run()
    #expect(summary.failed == 0, "\(summary.failures)")
    #expect(
      try workspace.output("try", of: summary) == "\(digest)\n\(digest)\n\(digest)\n644\n644\n755\n644\n")
    #expect(workspace.folder.read("file.bin") == [UInt8](repeating: 0, count: size))
  }

  @Test func `A large input of many commands and runs is written once`() async throws {
    let workspace = try Workspace(
      """
      stages:
        make: { run: "head -c 3000000 /dev/zero > ${out.out}", out: { out: m.bin } }
        use:
          for: { n: [1, 2, 3, 4, 5, 6] }
          run: "stat -c '%i %m' ${in.m} ${in.d}/x > ${out.out}; : ${n} ${round}"
          in: { m: make, d: data }
          out: { out: o.txt }
      params: { round: 1 }
      """)
    workspace.folder.write([UInt8](repeating: 7, count: 2 << 20), to: "data/x")
    var seen: Set<String> = []
    for round in 1...2 {
      let summary = try await workspace.run([], [("round", "\(round)")])
      #expect(summary.failed == 0, "\(summary.failures)")
      for n in 1...6 { seen.insert(try workspace.output("use[\(n)]", of: summary)) }
    }
    #expect(seen.count == 1, "\(seen)")
    #expect(restored(workspace).count == 2)
    // Nobody has to know of them.
    try workspace.store.verify(try #require(try workspace.store.objects().first))
  }

  @Test func `What somebody has changed among the shared bytes is noticed before the next command`()
    async throws
  {
    let workspace = try Workspace(
      """
      stages:
        make: { run: "head -c 3000000 /dev/zero > ${out.out}", out: { out: m.bin } }
        use: { run: "cksum ${in.m} > ${out.out}; : ${round}", in: { m: make }, out: { out: o.txt } }
      params: { round: 1 }
      """)
    let first = try await workspace.output("use", of: workspace.run())
    let path = workspace.folder["cache/index/restored/\(try #require(restored(workspace).first))/content"]
    chmod(path, 0o644)
    let file = try #require(FileHandle(forWritingAtPath: path))
    try file.write(contentsOf: Data("changed".utf8))
    try file.close()
    #expect(try await workspace.output("use", of: workspace.run([], [("round", "2")])) == first)
  }

  @Test
  func
    `Inputs stand at nested places, in folders with outputs, under names with spaces, and can be executed`()
    async throws
  {
    let program = "#!/bin/sh\nprintf '%s\\n' ran\n" + String(repeating: "#", count: 2 << 20) + "\n"
    let workspace = try Workspace(
      """
      stages:
        make: { run: "echo made > ${out.out}; head -c 2000000 /dev/zero > large.txt", out: { out: m.txt, large: large.txt } }
        members: { run: "mkdir m; for i in 1 2 3; do echo $i > m/$i.txt; done; (echo 4; head -c 2000000 /dev/zero) > m/4.txt", out: { m: m/ } }
        use:
          run: |
            cat ${in.made} ${in.a} ${in.deep} > ${out.out}
            cat ${in.members} ${in.large} | tr -d "\\0" | wc -l >> ${out.out}
            ${in.prog} >> ${out.out}; ${in.small} >> ${out.out}
            cat '@HERE/data/a b.txt' @HERE/data/x/y/deep.txt >> ${out.out}; @HERE/prog >> ${out.out}
            ls @HERE/data @HERE/data/x >> ${out.out}
            touch data/beside data/x/beside; cp ${in.a} ${out.copy}
          in: { made: make.out, large: make.large, members: members, a: "data/a b.txt", deep: data/x/y/deep.txt, prog: ./prog, small: ./small }
          out: { out: data/out.txt, copy: data/x/copy.txt }
      """,
      files: [
        "data/a b.txt": "a b\n", "data/x/y/deep.txt": "deep\n", "data/other": "no", "prog": program,
        "small": "#!/bin/sh\necho small\n",
      ])
    for name in ["prog", "small"] { chmod(workspace.folder[name], 0o755) }
    let summary = try await workspace.run()
    #expect(summary.failed == 0, "\(summary.failures)")
    let expected = [
      "made", "a b", "deep", "4", "ran", "small", "a b", "deep", "ran", "\(workspace.folder.path)/data:",
      "a b.txt", "x",
      "", "\(workspace.folder.path)/data/x:", "y", "",
    ]
    #expect(try workspace.output("use", of: summary) == expected.joined(separator: "\n"))
    #expect(try workspace.output("use", "copy", of: summary) == "a b\n")
  }

  @Test func `An output may be a link to an input, or hold some, and is what they are`() async throws {
    let workspace = try Workspace(
      """
      stages:
        make: { run: "head -c 2000000 /dev/zero > ${out.large}; mkdir t; echo 1 > t/one; echo 2 > t/two", out: { large: l.txt, t: t } }
        use:
          run: |
            ln -s ${in.large} ${out.out}; mkdir ${out.all}
            ln -s ../${in.t} all/t; ln -s ../${in.t}/two all/two; ln -s ../${in.file} all/file
          in: { large: make.large, t: make.t, file: data/file.txt }
          out: { out: o.txt, all: all }
        look: { run: "cat ${in.all}/t/one ${in.all}/two ${in.all}/file > ${out.out}; wc -c < ${in.o} >> ${out.out}", in: { all: use.all, o: use.out }, out: { out: o.txt } }
      """, files: ["data/file.txt": "file\n"])
    let summary = try await workspace.run()
    #expect(summary.failed == 0, "\(summary.failures)")
    #expect(try workspace.output("look", of: summary) == "1\n2\nfile\n2000000\n")
  }

  @Test func `A command may read hundreds of files of the workspace`() async throws {
    let names = (0..<300).map { "data/\($0).txt" }.joined(separator: ", ")
    let workspace = try Workspace(
      """
      stages:
        use: { run: "cat data/*.txt | cksum > ${out.out}; cat @HERE/data/*.txt | cksum >> ${out.out}", in: { d: [\(names)] }, out: { out: data/o } }
      """)
    for number in 0..<300 { workspace.folder.write("\(number)", to: "data/\(number).txt") }
    let summary = try await workspace.run()
    #expect(summary.failed == 0, "\(summary.failures)")
    let lines = try workspace.output("use", of: summary).split(separator: "\n")
    #expect(lines.count == 2 && lines[0] == lines[1])
  }

  @Test func `A store outside of the workspace is hidden as well`() async throws {
    let elsewhere = TemporaryFolder()
    let workspace = try Workspace(
      #"stages: { s: { run: "ls -A '\#(elsewhere.path)/store' > ${out.out}; ! touch '\#(elsewhere.path)/store/new'", out: { out: o.txt } } }"#
    )
    let text = String(decoding: workspace.folder.read("brake.yaml")!, as: UTF8.self)
    let store = try Store(at: elsewhere["store"])
    let engine = Engine(
      source: PipelineSource(try PipelineFile(text: text, path: "brake.yaml")), overrides: [],
      root: workspace.folder.path, store: store, registry: workspace.registry)
    let summary = try await engine.run(targets: [])
    #expect(summary.failed == 0, "\(summary.failures)")
    let digest = try #require(Digest(summary.outputs["s"]?["out"]?.string ?? ""))
    #expect(try store.bytes(of: digest) == [])
  }

  @Test func `Without a sandbox a command has copies of its own`() async throws {
    let workspace = try Workspace(
      """
      stages:
        make: { run: "head -c 2000000 /dev/zero > ${out.out}", out: { out: m.txt } }
        use:
          run: "f=${in.m}; chmod u+w $f; echo x > $f; cat $f > ${out.out}"
          sandbox: false
          in: { m: make }
          out: { out: o.txt }
        again: { run: "wc -c < ${in.m} > ${out.out}", sandbox: false, in: { m: make, u: use }, out: { out: o.txt } }
      """)
    let summary = try await workspace.run(["use", "again"])
    #expect(try workspace.output("use", of: summary) == "x\n")
    #expect(try workspace.output("again", of: summary) == "2000000\n")
    #expect(restored(workspace) == [])
  }

  @Test func `Device files can be seen`() async throws {
    let workspace = try Workspace(
      #"stages: { s: { run: "head -c 3 /dev/zero | wc -c > ${out.out}; ls /dev | cksum >> ${out.out}", out: { out: o.txt } } }"#
    )
    let summary = try await workspace.run()
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", "echo 3; ls /dev | LC_ALL=C.UTF-8 cksum"]
    process.standardOutput = pipe
    try process.run()
    let outside = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(try workspace.output("s", of: summary) == outside)
  }
}
