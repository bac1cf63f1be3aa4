import Foundation
import Support
import Testing

/// Container images in the hands of who uses brake.
@Suite(.enabled(if: SampleImages.canBeMade && TestSandbox.works)) struct ImageTests {
  private let folder = TemporaryFolder()

  private func prepare() throws -> SampleImages {
    let sample = try SampleImages()
    folder.write(
      """
      stages:
        look:
          run: cat /etc/os-release > ${out.o}
          image: image.tar
          shell: sh -eu
          out: { o: o.txt }
      """, to: "brake.yaml")
    try sample.save("oci-archive", as: "image.tar")
    try sample.shell("cp \(sample.folder["image.tar"]) \(folder["image.tar"])")
    return sample
  }

  @Test func `What a command in an image makes says which one it was, and a second run is a hit`() throws {
    let sample = try prepare()
    // Also where nothing is shared between runs.
    for environment in [[:], ["BRAKE_RESTORED": "0", "BRAKE_STORE": folder["other"]]] {
      let run = try folder.brake(environment: environment)
      #expect(run.status == 0 && run.out.contains("1 ran"), "\(run.out)\(run.err)")
      #expect(try folder.brake("cat", "look", environment: environment).out == "NAME=sample\n")
      #expect(try folder.brake(environment: environment).out.contains("1 hit"))
      let id = try sample.id()
      let provenance = try folder.brake("provenance", "look", environment: environment)
      #expect(provenance.out.contains("container image sha256:\(id)"), "\(provenance.out)")
    }
    #expect(FileManager.default.fileExists(atPath: folder["other/index/restored"]) == false)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder["cache/index/restored"]).count == 1)
  }

  @Test func `An image that is damaged is an error`() throws {
    _ = try prepare()
    let size = try #require(folder.read("image.tar")).count
    _ = try folder.shell("printf x | dd of=image.tar bs=1 seek=\(size / 2) conv=notrunc status=none")
    let run = try folder.brake()
    #expect(run.status == 2 && run.err.contains("the container image is damaged"), "\(run.out)\(run.err)")
    _ = try folder.shell("head -c 2000 image.tar > short.tar; mv short.tar image.tar")
    let cut = try folder.brake()
    #expect(cut.status == 2 && cut.err.contains("the container image cannot be read"), "\(cut.out)\(cut.err)")
    #expect(cut.err.contains("image.tar"))
  }

  @Test func `Who is killed while it unpacks an image leaves nothing that counts as one`() throws {
    let sample = try SampleImages()
    try sample.shell(
      """
      mkdir -p \(sample.folder["large"]); cd \(sample.folder["large"])
      for n in $(seq 2000); do head -c 20000 /dev/urandom > $n; done
      umoci insert --image \(sample.layout):a \(sample.folder["large"]) /large
      cp -r \(sample.layout) \(folder["image"])
      """)
    folder.write(
      """
      stages:
        look:
          run: ls /large | wc -l > ${out.o}
          image: image
          shell: sh -eu
          out: { o: o.txt }
      """, to: "brake.yaml")
    for milliseconds: UInt32 in [100, 300, 600] {
      let process = try BrakeProcess(["run"], in: folder)
      usleep(milliseconds * 1000)
      process.send(SIGKILL)
      _ = process.wait()
    }
    let run = try folder.brake()
    #expect(run.status == 0, "\(run.out)\(run.err)")
    #expect(try folder.brake("cat", "look").out == "2000\n")
    // What the killed ones had in their own folders has gone with them.
    let own = try folder.shell("find cache/tmp -mindepth 1 -maxdepth 1 -type d").out
    #expect(own.isEmpty, "\(own)")
  }

  @Test func `An image that a stage has made elsewhere is fetched before it is known what runs in it`() throws
  {
    let sample = try SampleImages()
    try sample.save("oci-archive", as: "image.tar")
    let (place, other) = (TemporaryFolder(), TemporaryFolder())
    for folder in [folder, other] {
      folder.write(
        """
        stages:
          build: { run: "cp ${in.a} ${out.image}", in: { a: image.tar }, out: { image: made.tar } }
          look: { run: "cat /etc/os-release > ${out.o}", image: build.image, shell: sh -eu, out: { o: o.txt } }
        """, to: "brake.yaml")
      try sample.shell("cp \(sample.folder["image.tar"]) \(folder["image.tar"])")
    }
    let first = try folder.brake("run", "--remote-cache", "write", "--remote", place["store"])
    #expect(first.status == 0, "\(first.out)\(first.err)")
    let run = try other.brake("run", "--remote-cache", "read", "--remote", place["store"], "look")
    #expect(run.status == 0 && run.out.contains("0 ran"), "\(run.out)\(run.err)")
    // Where it is in no store any more it is made again.
    _ = try other.shell("rm -rf cache/objects/* cache/index")
    let again = try other.brake("look")
    #expect(again.status == 0, "\(again.out)\(again.err)")
    #expect(try other.brake("cat", "look").out == "NAME=sample\n")
  }

  @Test func `What an image was made from is told, sent, kept and bundled with what ran in it`() throws {
    let sample = try SampleImages()
    try sample.save("oci-archive", as: "image.tar")
    try sample.shell("cp \(sample.folder["image.tar"]) \(folder["image.tar"])")
    folder.write(
      """
      stages:
        build: { run: "cat ${in.a} ${in.end} > ${out.image}", in: { a: image.tar, end: end }, out: { image: made.tar } }
        look: { run: "cat /etc/os-release > ${out.o}", image: build.image, shell: sh -eu, out: { o: o.txt } }
      """, to: "brake.yaml")
    folder.write([UInt8](repeating: 0, count: 1024), to: "end")
    #expect(try folder.brake().status == 0)
    let (place, other) = (TemporaryFolder(), TemporaryFolder())
    let digest = "sha256:\(try folder.shell("echo NAME=sample | sha256sum").out.prefix(64))"
    let image = try folder.shell("cat image.tar end | sha256sum").out.prefix(64)

    #expect(try folder.brake("push", "--to", place["store"], digest).status == 0)
    let pull = try other.brake("pull", "--from", place["store"], "--lineage", digest)
    #expect(pull.status == 0, "\(pull)")
    let told = try other.brake("provenance", digest)
    #expect(told.out.contains("container.image"), "\(told)")
    #expect(told.out.contains("build.image by run") && told.out.contains("source image.tar"), "\(told)")

    let bundle = try folder.brake("bundle", "--to", place["bundle"])
    #expect(bundle.status == 0, "\(bundle)")
    for name in ["index.html", "ro-crate-metadata.json"] {
      let text = String(decoding: try #require(place.read("bundle/" + name)), as: UTF8.self)
      // What made it names it, too.
      #expect(text.ranges(of: image).count > 1, "\(name)")
    }
    let page = String(decoding: try #require(place.read("bundle/index.html")), as: UTF8.self)
    #expect(page.contains("container.image"))

    // Only what is pinned is needed now, and how that was made.
    #expect(try folder.brake("pin", digest).status == 0)
    folder.write("stages: { one: { run: 'echo 1 > ${out.o}', out: { o: o.txt } } }", to: "brake.yaml")
    for _ in 1...2 { #expect(try folder.brake("run", "--always-run").status == 0) }
    #expect(try folder.brake("gc", "--now", "--runs", "1", "--yes").status == 0)
    let kept = try folder.brake("provenance", digest)
    #expect(kept.out.contains("build.image by run"), "\(kept)")
  }

  @Test func `A bundle holds an image that the pipeline names by its digest`() throws {
    let sample = try SampleImages()
    try sample.save("oci-archive", as: "image.tar")
    let put = try folder.brake("put", sample.folder["image.tar"]).out.prefix(71)
    folder.write(
      """
      stages:
        look: { run: "cat /etc/os-release > ${out.o}", image: "\(put)", shell: sh -eu, out: { o: o.txt } }
      """, to: "brake.yaml")
    #expect(try folder.brake().status == 0)
    let place = TemporaryFolder()
    #expect(try folder.brake("bundle", "--to", place["bundle"]).status == 0)
    let again = try place.brake("reproduce", "--run-commands", "bundle")
    #expect(again.status == 0 && again.out.contains("identical"), "\(again)")
  }

  @Test(.enabled(if: ApptainerImages.canBeMade))
  func `What unpacks an image of Apptainer can write to nothing but the folder of the image`() throws {
    let sample = try ApptainerImages()
    try sample.save()
    try sample.shell("cp \(sample.folder["image.sif"]) \(folder["image.sif"])")
    folder.write(
      """
      stages:
        look: { run: "echo $GREETING > ${out.o}", image: image.sif, shell: sh -eu, out: { o: o.txt } }
      """, to: "brake.yaml")
    // In place of the program, one that somebody has taken over.
    folder.write(
      """
      #!/bin/sh
      echo stolen > \(folder["stolen"]); echo stolen >> \(folder["image.sif"]); touch \(folder["home"])/stolen
      exec \(try folder.shell("command -v unsquashfs").out.trimmingCharacters(in: .newlines)) "$@" 2>/dev/null
      """, to: "bin/unsquashfs")
    _ = try folder.shell("chmod +x bin/unsquashfs; mkdir home")
    let before = folder.read("image.sif")
    let path = folder["bin"] + ":" + (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin")
    let run = try folder.brake(environment: ["PATH": path, "HOME": folder["home"]])
    #expect(run.status == 0, "\(run)")
    #expect(try folder.brake("cat", "look").out == "hello\n")
    #expect(folder.read("stolen") == nil && folder.read("image.sif") == before)
    #expect(!folder.exists("home/stolen"))
    let id = try sample.shell(
      "echo apptainer 1 sha256:$(sha256sum < \(sample.folder["root.sqfs"]) | cut -c1-64) | tr -d '\\n' | sha256sum"
    )
    #expect(try folder.brake("provenance", "look").out.contains("container image sha256:\(id.prefix(64))"))
  }

  @Test(.enabled(if: ApptainerImages.canBeMade))
  func `Without unsquashfs, a stage in an image of Apptainer fails and says which package has it`()
    throws
  {
    let sample = try ApptainerImages()
    try sample.save()
    try sample.shell("cp \(sample.folder["image.sif"]) \(folder["image.sif"]); mkdir \(folder["bin"])")
    folder.write(
      """
      stages:
        look: { run: "true > ${out.o}", image: image.sif, shell: sh -eu, out: { o: o.txt } }
      """, to: "brake.yaml")
    _ = try folder.shell("ln -s $(command -v bwrap) bin/bwrap")
    let run = try folder.brake(environment: ["PATH": folder["bin"]])
    #expect(run.status == 2 && run.err.contains("unsquashfs, which is not installed"), "\(run)")
    #expect(run.err.contains("apt-get install squashfs-tools"), "\(run)")
  }

  @Test func `Where bubblewrap does not work, the stage fails and says so`() throws {
    _ = try prepare()
    folder.write("#!/bin/sh\necho 'bwrap: no way' >&2\nexit 1\n", to: "bin/bwrap")
    _ = try folder.shell("chmod +x bin/bwrap")
    let path = folder["bin"] + ":" + (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin")
    let run = try folder.brake(environment: ["PATH": path])
    #expect(run.status == 2 && run.err.contains("runs in a sandbox, and there is none here"), "\(run.err)")
    #expect(run.err.contains("bwrap: no way"), "\(run.err)")
    #expect(run.err.contains("bwrap --ro-bind / / true has to work"), "\(run.err)")
  }
}
