import Foundation
import Support
import Testing

/// Graphics processors, where two brakes run at once.
@Suite struct GraphicsTests {
  @Test func `Two brakes at once hand out different graphics processors`() throws {
    let name = UUID().uuidString
    let names = ["\(name)-0", "\(name)-1"]
    defer {
      for name in names { try? FileManager.default.removeItem(atPath: "/tmp/brake-gpu-\(geteuid())/\(name)") }
    }
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
              until [ -e \(meeting["0"]) ] && [ -e \(meeting["1"]) ]; do sleep 0.02; done
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
}
