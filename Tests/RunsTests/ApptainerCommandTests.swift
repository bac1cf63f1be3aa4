import Artefacts
import Foundation
import Support
import System
import Testing

@testable import Actions
@testable import Pipeline
@testable import Runners
@testable import Runs

/// Commands in images of Apptainer.
@Suite(.enabled(if: ApptainerImages.canBeMade && TestSandbox.works)) struct ApptainerCommandTests {
  private static let look = """
    params: { image: image.sif }
    stages:
      look:
        run: |
          cat /etc/os-release ${in.data} > ${out.out}
          echo $GREETING, $LATER, $LC_ALL, $HOME, $PATH, $(tool), $# >> ${out.out}
        image: "${image}"
        shell: sh -eu
        in: { data: data.txt }
        out: { out: o.txt }
    """

  private func workspace(_ sample: ApptainerImages, _ pipeline: String = look) throws -> Workspace {
    let workspace = try Workspace(pipeline, files: ["data.txt": "data\n"])
    try sample.shell("cp \(sample.folder["image.sif"]) \(workspace.folder.path)")
    return workspace
  }

  @Test func `A command has the environment that the scripts of its image make`() async throws {
    let sample = try ApptainerImages()
    try sample.save()
    let workspace = try workspace(sample)
    let summary = try await workspace.run()
    #expect(summary.failures.isEmpty, "\(summary.failures)")
    #expect(
      try workspace.output("look", of: summary)
        == "NAME=sample\ndata\nhello, hello later, C.UTF-8, /kept, /opt/tool/bin:/bin, tool, 0\n")
  }

  @Test func `What a stage declares and what is passed to it win over the scripts`() async throws {
    let sample = try ApptainerImages()
    try sample.save()
    let workspace = try workspace(
      sample,
      """
      stages:
        given:
          run: "cat > ${out.out}; echo $GREETING, $LATER, $HOME, \\"$TWO\\", $PATH >> ${out.out}"
          image: image.sif
          shell: sh -eu
          stdin: ${in.data}
          env: { GREETING: "it's mine", LATER: now, HOME: /tmp, TWO: "a  b", PATH: "/bin:/usr/bin" }
          in: { data: data.txt }
          out: { out: o.txt }
        bash: { run: "true > ${out.o}", image: image.sif, out: { o: o.txt } }
      """)
    let summary = try await workspace.run(["given"])
    #expect(summary.failures.isEmpty, "\(summary.failures)")
    #expect(try workspace.output("given", of: summary) == "data\nit's mine, now, /tmp, a  b, /bin:/usr/bin\n")
    let events = Events()
    let failure = try #require(try await workspace.run(["bash"], events: events).failures.first)
    #expect("\(failure)".contains("the shell 'bash' is not in the container image"), "\(failure)")
  }

  @Test func `Scripts that no shell of the image can read are said to be what is wrong`() async throws {
    let sample = try ApptainerImages()
    try sample.shell("rm \(sample.folder["root"])/bin/sh")
    try sample.save()
    let failure = try #require(try await workspace(sample).run().failures.first)
    #expect(failure.headline.contains("no shell to read them"), "\(failure)")
    #expect(failure.hint?.contains("put bash or sh into the image") == true, "\(failure)")
  }

  @Test func `The same file system in another file is a hit, and another one a miss that is named`()
    async throws
  {
    let sample = try ApptainerImages()
    try sample.save()
    let workspace = try workspace(sample)
    let first = Events()
    try await workspace.run(events: first)
    #expect(first.ran == ["look"])
    // What it is, is known from then on without reading it.
    let notes = try FileManager.default.contentsOfDirectory(atPath: workspace.folder["cache/index/images"])
    #expect(notes.count == 1)
    let home = workspace.folder.path
    sample.folder.write("labels\n", to: "labels")
    try sample.save(
      "same.sif",
      [(sample.folder["labels"], "--datatype 3"), (sample.folder["root.sqfs"], ApptainerImages.primary)])
    sample.folder.write("NAME=other\n", to: "root/etc/os-release")
    try sample.save("other.sif")
    try sample.shell("cp \(sample.folder["same.sif"]) \(sample.folder["other.sif"]) \(home)")
    let again = Events()
    try await workspace.run([], [("image", "same.sif")], events: again)
    #expect(again.ran.isEmpty)
    let why = try #require(try await workspace.engine([("image", "other.sif")]).why(targets: ["look"]).first)
    #expect(why.differences.map(\.what) == ["container image"], "\(why)")
    let summary = try await workspace.run([], [("image", "other.sif")])
    #expect(try workspace.output("look", of: summary).hasPrefix("NAME=other\n"))
    // What is written over is read again.
    try sample.shell("cp \(home)/other.sif \(home)/image.sif")
    let changed = Events()
    let now = try await workspace.run(events: changed)
    #expect(try workspace.output("look", of: now).hasPrefix("NAME=other\n"))
    #expect(changed.ran.isEmpty)
  }

  @Test func `What a note says wrongly of an image is found out and forgotten`() async throws {
    let sample = try ApptainerImages()
    try sample.save()
    let workspace = try workspace(sample)
    try await workspace.run()
    let folder = workspace.folder["cache/index/images"]
    let note = try #require(try FileManager.default.contentsOfDirectory(atPath: folder).first)
    let sound = try #require(workspace.text("cache/index/images/\(note)"))
    let id = try #require(sound.firstMatch(of: #/[0-9a-f]{64}/#)).output
    let wrong = sound.replacing(id, with: Digest(of: [1]).hex)
    // As another version of brake has written it.
    let older = wrong.replacing("apptainer 1", with: "apptainer 0")
    workspace.folder.write(older, to: "cache/index/images/\(note)")
    let first = Events()
    try await workspace.run(events: first)
    #expect(first.ran.isEmpty)
    #expect(workspace.text("cache/index/images/\(note)") == sound)
    workspace.folder.write(wrong, to: "cache/index/images/\(note)")
    let summary = try await workspace.run()
    #expect(summary.failures.isEmpty, "\(summary.failures)")
    #expect(workspace.text("cache/index/images/\(note)") == sound)
  }

  @Test func `One that a stage has made, and one for another machine`() async throws {
    let sample = try ApptainerImages()
    try sample.save()
    let workspace = try workspace(
      sample,
      """
      stages:
        build: { run: "cp ${in.a} ${out.image}", in: { a: image.sif }, out: { image: made.sif } }
        look: { run: "cat /etc/os-release > ${out.out}", image: build.image, shell: sh -eu, out: { out: o.txt } }
        foreign: { run: "true > ${out.out}", image: ./foreign.sif, shell: sh -eu, out: { out: o.txt } }
      """)
    let summary = try await workspace.run(["look"])
    #expect(summary.failures.isEmpty, "\(summary.failures)")
    #expect(try workspace.output("look", of: summary) == "NAME=sample\n")
    sample.folder.write("NAME=foreign\n", to: "root/etc/os-release")
    let foreign = ApptainerImages.partition(type: 2, format: 1, machine: 11)
    try sample.save("foreign.sif", [(sample.squash(), foreign)])
    try sample.shell("cp \(sample.folder["foreign.sif"]) \(workspace.folder.path)")
    let failure = try #require(try await workspace.run(["foreign"]).failures.first)
    #expect(
      "\(failure)".contains("for another kind of machine") && "\(failure)".contains("linux/s390x"),
      "\(failure)")
  }
}
