import Artefacts
import Foundation
import JSON
import Support
import System
import Testing

@testable import Actions
@testable import Pipeline
@testable import Runners
@testable import Runs

/// Commands in container images that skopeo and umoci have saved.
@Suite(.enabled(if: SampleImages.canBeMade && TestSandbox.works)) struct ContainerImageTests {
  private static let look = """
    params: { image: image }
    stages:
      look:
        run: |
          cat /etc/os-release ${in.data} > ${out.out}
          cat /old/file /kept/stays >> ${out.out}
          echo $GREETING >> ${out.out}
        image: "${image}"
        shell: sh -eu
        in: { data: folder/data.txt }
        out: { out: o.txt }
    """

  private func workspace(
    _ sample: SampleImages, _ pipeline: String = look, files: [String: String] = [:]
  ) throws -> Workspace {
    let workspace = try Workspace(
      pipeline, files: files.merging(["folder/data.txt": "data\n", "hidden.txt": "hidden\n"]) { $1 })
    try sample.shell("cp -r \(sample.layout) \(workspace.folder["image"])")
    return workspace
  }

  @Test func `A command sees the files of its image, what it declares, and none of the machine's`()
    async throws
  {
    let workspace = try workspace(
      SampleImages(),
      """
      stages:
        look:
          run: |
            cat /etc/os-release ${in.data} > ${out.out}
            test -x /bin/only-here; echo $GREETING >> ${out.out}
            ! test -e @HERE; ! test -e /usr/bin/bash; ! test -e folder/other.txt
            echo x > /tmp/y; echo x > $TMPDIR/z; echo x > $HOME/w; echo x > /dev/null
            ! touch /etc/new; ! echo x >> ${in.data}
            echo ${in.data} $PATH $TMPDIR $(ls) >> ${out.out}
          image: image
          shell: sh -eu
          in: { data: folder/data.txt }
          out: { out: o.txt }
      """, files: ["folder/other.txt": "other"])
    let summary = try await workspace.run()
    #expect(summary.failures.isEmpty, "\(summary.failures)")
    #expect(
      try workspace.output("look", of: summary)
        == "NAME=sample\ndata\nhello\n./folder/data.txt /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        + " /media/brake/tmp folder o.txt\n")
  }

  @Test func `The same image saved otherwise is a hit, and another one a miss that is named`() async throws {
    let sample = try SampleImages()
    let workspace = try workspace(sample)
    let first = Events()
    try await workspace.run(events: first)
    #expect(first.ran == ["look"])
    try sample.save("oci-archive", as: "a.tar")
    try sample.save("docker-archive", as: "d.tar")
    try sample.save("oci", as: "zstd", "--dest-compress --dest-compress-format zstd")
    let (home, other) = (workspace.folder.path, try SampleImages(greeting: "goodbye"))
    try sample.shell(
      "cp -r \(sample.folder["a.tar"]) \(sample.folder["d.tar"]) \(sample.folder["zstd"]) \(home); cp -r \(other.layout) \(home)/other"
    )
    for name in ["image", "a.tar", "d.tar", "zstd"] {
      let again = Events()
      try await workspace.run([], [("image", name)], events: again)
      #expect(again.ran.isEmpty, "\(name)")
    }
    // The roots of those that were hits were never made.
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: workspace.folder["cache/index/restored"]).count == 1
    )
    let why = try #require(try await workspace.engine([("image", "other")]).why(targets: ["look"]).first)
    #expect(why.differences.map(\.what) == ["container image"], "\(why)")
    let summary = try await workspace.run([], [("image", "other")])
    #expect(try workspace.output("look", of: summary).hasSuffix("goodbye\n"))
    // What is written over is read again.
    try sample.shell("rm -r \(home)/image; cp -r \(other.layout) \(home)/image")
    let changed = Events()
    let now = try await workspace.run(events: changed)
    #expect(try workspace.output("look", of: now).hasSuffix("goodbye\n"))
    #expect(changed.ran.isEmpty)
  }

  @Test func `An image that a stage has made is one like any other`() async throws {
    let sample = try SampleImages()
    let workspace = try workspace(
      sample,
      """
      stages:
        build: { run: "cat ${in.a} ${in.end} > ${out.image}", in: { a: a.tar, end: end }, out: { image: made.tar } }
        copy: { run: "cp -r ${in.image} ${out.layout}", in: { image: image }, out: { layout: layout } }
        look: { run: "cat /etc/os-release > ${out.out}", image: build.image, shell: sh -eu, out: { out: o.txt } }
        folder: { run: "cat /old/file > ${out.out}", image: copy.layout, shell: sh -eu, out: { out: o.txt } }
      """)
    try sample.save("oci-archive", as: "a.tar")
    try sample.shell("cp \(sample.folder["a.tar"]) \(workspace.folder.path)")
    workspace.folder.write([UInt8](repeating: 0, count: 1024), to: "end")
    let summary = try await workspace.run()
    #expect(summary.failures.isEmpty, "\(summary.failures)")
    #expect(try workspace.output("look", of: summary) == "NAME=sample\n")
    #expect(try workspace.output("folder", of: summary) == "second\n")
    // A result comes also from what its image was made from.
    let digest = try #require(Digest(summary.outputs["look"]?["out"]?.string ?? ""))
    let lineage = try Lineage(of: digest, in: workspace.store)
    let look = try #require(lineage.makers[digest])
    #expect(look.inputs.map(\.name) == ["container.image"])
    #expect(look.inputs.map { lineage.makers[$0.digest]?.record.stage } == ["build"])
  }

  @Test func `One that a stage has made and that is not in the store any more is made again`() async throws {
    let workspace = try workspace(
      SampleImages(),
      """
      stages:
        build: { run: "cp -r ${in.image} ${out.layout}", in: { image: image }, out: { layout: layout } }
        look: { run: "cat /old/file > ${out.out}", image: build.layout, shell: sh -eu, out: { out: o.txt } }
      """)
    let first = try await workspace.run()
    #expect(first.failures.isEmpty, "\(first.failures)")
    for gone in [["objects"], ["index", "objects"], ["objects"]] {
      // As a collection does that makes room: then what made it does not run again before somebody misses it.
      let all = workspace.folder["cache/objects"]
      let digests = try FileManager.default.subpathsOfDirectory(atPath: all).filter { $0.contains("/") }
        .map { $0.replacing("/", with: "") + "\n" }.sorted().joined()
      let name = Digest(of: Array(digests.utf8)).hex
      workspace.folder.write(digests, to: "cache/removed/\(name)")
      for name in gone {
        let path = workspace.folder["cache/\(name)"]
        for inner in try FileManager.default.contentsOfDirectory(atPath: path) {
          try FileManager.default.removeItem(atPath: path + "/" + inner)
        }
      }
      let events = Events()
      let summary = try await workspace.run(events: events)
      #expect(summary.failures.isEmpty, "\(gone): \(summary.failures)")
      #expect(events.ran.contains("build"), "\(gone)")
      #expect(try workspace.output("look", of: summary) == "second\n")
    }
  }

  @Test func `The machine's shared memory is not seen and not written to`() async throws {
    let name = "brake-test-\(UUID().uuidString)"
    let shared = "/dev/shm/" + name
    try Data("theirs".utf8).write(to: URL(fileURLWithPath: shared))
    defer { try? FileManager.default.removeItem(atPath: shared) }
    let workspace = try workspace(
      SampleImages(),
      """
      stages:
        look:
          run: |
            ! test -e \(shared)
            echo mine > \(shared); echo mine > \(shared)-new
            cat \(shared) > ${out.out}
          image: image
          shell: sh -eu
          out: { out: o.txt }
      """)
    let summary = try await workspace.run()
    #expect(summary.failures.isEmpty, "\(summary.failures)")
    #expect(try String(contentsOfFile: shared, encoding: .utf8) == "theirs")
    #expect(!FileManager.default.fileExists(atPath: shared + "-new"))
  }

  @Test func `One that is damaged fails its stage and leaves nothing`() async throws {
    let sample = try SampleImages()
    let workspace = try workspace(sample)
    let blobs = workspace.folder["image/blobs/sha256"]
    try sample.shell(
      "file=$(ls -S \(blobs) | head -1); printf x | dd of=\(blobs)/$file bs=1 seek=5000 conv=notrunc status=none"
    )
    let failure = try #require(try await workspace.run().failures.first)
    #expect(failure.headline.contains("damaged"), "\(failure)")
    #expect(failure.facts.contains { $0 == ("image", "image") }, "\(failure)")
    let restored = try? FileManager.default.contentsOfDirectory(
      atPath: workspace.folder["cache/index/restored"])
    #expect(restored ?? [] == [])
    // It can be mended.
    try sample.shell(
      "rm -r \(workspace.folder["image"]); cp -r \(sample.layout) \(workspace.folder["image"])")
    #expect(try await workspace.run().failures.isEmpty)
  }

  @Test func `An image is unpacked once for all who run in it`() async throws {
    let workspace = try workspace(
      SampleImages(),
      """
      stages:
        look:
          for: { n: [1, 2, 3, 4] }
          run: "echo ${n} > ${out.out}"
          image: image
          shell: sh -eu
          out: { out: o.txt }
      """)
    var options = RunOptions()
    options.jobs = 4
    let events = Events()
    let summary = try await workspace.run(options: options, events: events)
    #expect(summary.ran == 4, "\(summary.failures)")
    #expect(unpackings(events) == 1)
  }

  @Test func `Two runs that unpack an image at once leave one root of it`() async throws {
    let workspace = try workspace(
      SampleImages(),
      """
      stages:
        one: { run: "cat /etc/os-release > ${out.out}", image: image, shell: sh -eu, out: { out: o.txt } }
        two: { run: "cat /old/file > ${out.out}", image: image, shell: sh -eu, out: { out: o.txt } }
      """)
    async let one = workspace.run(["one"])
    async let two = workspace.run(["two"])
    let summaries = try await [one, two]
    for summary in summaries { #expect(summary.failures.isEmpty, "\(summary.failures)") }
    #expect(try workspace.output("one", of: summaries[0]) == "NAME=sample\n")
    #expect(try workspace.output("two", of: summaries[1]) == "second\n")
    let restored = workspace.folder["cache/index/restored"]
    #expect(try FileManager.default.contentsOfDirectory(atPath: restored).count == 1)
    // Whoever comes later unpacks nothing.
    var options = RunOptions()
    options.always = true
    let later = Events()
    try await workspace.run(options: options, events: later)
    #expect(later.ran.count == 2 && unpackings(later) == 0)
  }

  /// How often an image was unpacked.
  private func unpackings(_ events: Events) -> Int {
    events.all.count { event in
      guard case .progress(_, _, let text) = event else { return false }
      return text.hasPrefix("unpacks the container image")
    }
  }

  @Test func `The shell is looked for in the PATH that the command has`() async throws {
    let sample = try SampleImages()
    try sample.shell("umoci config --image \(sample.layout):a --config.env PATH=/nowhere")
    let workspace = try workspace(
      sample,
      """
      stages:
        passed: { run: "echo $PATH > ${out.out}", image: image, shell: sh -eu, pass-env: [PATH], out: { out: o.txt } }
        given: { run: "echo $PATH > ${out.out}", image: image, shell: sh -eu, env: { PATH: /bin }, out: { out: o.txt } }
        own: { run: "echo own $PATH > ${out.out}", image: image, shell: sh -eu, out: { out: o.txt } }
      """)
    let summary = try await workspace.run(["passed", "given"])
    #expect(summary.failures.isEmpty, "\(summary.failures)")
    #expect(try workspace.output("given", of: summary) == "/bin\n")
    let failure = try #require(try await workspace.run(["own"]).failures.first)
    #expect("\(failure)".contains("/nowhere"), "\(failure)")
  }

  @Test func `A root that somebody has changed is made anew`() async throws {
    let sample = try SampleImages()
    let workspace = try workspace(sample)
    #expect(try await workspace.run().failures.isEmpty)
    let restored = workspace.folder["cache/index/restored"]
    let name = try #require(try FileManager.default.contentsOfDirectory(atPath: restored).first)
    try sample.shell("echo NAME=other > \(restored)/\(name)/content/etc/os-release")
    var options = RunOptions()
    options.always = true
    let summary = try await workspace.run(options: options)
    #expect(try workspace.output("look", of: summary).hasPrefix("NAME=sample\n"))
  }

  @Test func `What cannot be is said in words`() async throws {
    let sample = try SampleImages()
    let workspace = try workspace(
      sample,
      """
      stages:
        bash: { run: "true > ${out.o}", image: image, out: { o: o.txt } }
        program: { run: "python3 > ${out.o}", image: image, shell: sh -eu, out: { o: o.txt } }
        nothing: { run: "true > ${out.o}", image: hidden.txt, shell: sh -eu, out: { o: o.txt } }
      """)
    for (stage, words) in [
      ("bash", "the shell 'bash' is not in the container image"), ("program", "those of the image alone"),
      ("nothing", "the container image cannot be read"),
    ] {
      let failure = try #require(try await workspace.run([stage]).failures.first)
      #expect("\(failure)".contains(words), "\(failure)")
    }
  }
}
