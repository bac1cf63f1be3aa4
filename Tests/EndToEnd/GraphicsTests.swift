import Foundation
import Support
import Testing

/// Graphics processors, where two brakes run at once.
@Suite struct GraphicsTests {
  @Test func `Two brakes at once hand out different graphics processors`() throws {
    let name = UUID().uuidString
    let names = ["\(name)-0", "\(name)-1"]
    defer { removeLocks(of: name) }
    let meeting = TemporaryFolder()
    let folders = [TemporaryFolder(), TemporaryFolder()]
    let processes = try folders.enumerated().map { number, folder in
      folder.write(
        """
        stages:
          use:
            gpus: 1
            run: |
              touch \(meeting[String(number)])
              for try in $(seq 1000); do
                if [ -e \(meeting["0"]) ] && [ -e \(meeting["1"]) ]; then break; fi
                sleep 0.05
              done
              echo $CUDA_VISIBLE_DEVICES > ${out.o}
            out: { o: o.txt }
        """, to: "brake.yaml")
      return try BrakeProcess(
        ["run"], in: folder, environment: ["CUDA_VISIBLE_DEVICES": names.joined(separator: ",")])
    }
    for process in processes {
      let run = process.wait()
      #expect(run.status == 0, "\(run.out)\(run.err)")
    }
    let seen = try folders.map { try $0.brake("cat", "use").out }
    #expect(Set(seen) == Set(names.map { $0 + "\n" }))
  }

  @Test(arguments: [true, false])
  func `A brake that a command with graphics processors starts is given them`(sandbox: Bool) throws {
    let name = UUID().uuidString
    defer { removeLocks(of: name) }
    let folder = TemporaryFolder()
    folder.write(
      """
      stages:
        outer:
          gpus: 1
          sandbox: \(sandbox)
          in: { file: inner.yaml }
          run: |
            mkdir inner; cp ${in.file} inner/brake.yaml
            timeout 60 \(BrakeProcess.binary) -C inner run
            \(BrakeProcess.binary) -C inner cat use > ${out.o}
          out: { o: o.txt }
      """, to: "brake.yaml")
    folder.write(
      "stages: { use: { gpus: 1, run: 'echo $CUDA_VISIBLE_DEVICES > ${out.o}', out: { o: o.txt } } }",
      to: "inner.yaml")
    let run = try folder.brake("run", environment: ["CUDA_VISIBLE_DEVICES": name])
    #expect(run.status == 0, "\(run.out)\(run.err)")
    #expect(try folder.brake("cat", "outer").out == name + "\n")
  }

  private func removeLocks(of name: String) {
    let folder = "/tmp/brake-gpu-\(geteuid())"
    for file in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] where file.contains(name)
    {
      try? FileManager.default.removeItem(atPath: "\(folder)/\(file)")
    }
  }
}
