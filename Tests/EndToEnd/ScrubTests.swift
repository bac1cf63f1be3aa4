import Foundation
import JSON
import Support
import Testing

@Suite struct ScrubTests {
  let folder = TemporaryFolder()

  @Test func `scrub goes round the store in parts and finds what verify finds`() throws {
    for number in 0..<12 {
      folder.write([UInt8](repeating: UInt8(number), count: 40_000), to: "files/\(number)")
    }
    #expect(try folder.shell("\"$BRAKE\" put files/*").status == 0)
    var seen = 0
    for _ in 0..<4 {
      let run = try folder.brake("scrub", "--budget", "100K", "--json")
      #expect(run.status == 0, "\(run.err)")
      let json = try JSON(parsing: run.out)
      #expect(json["checked"]?.integer == 3 && json["bytes"]?.integer == 120_000)
      seen += 3
      #expect(json["passed"]?.integer == seen && json["total"]?.integer == 12)
    }
    #expect(
      try folder.brake("scrub").out == "12 checked, none damaged; 480 kB read, 12 of 12 done in this round\n")

    let object = try folder.shell("ls -d cache/objects/*/* | tail -n 1").out.dropLast()
    #expect(try folder.shell("chmod u+w \(object) && truncate -s 30 \(object)").status == 0)
    #expect(try folder.brake("scrub", "--budget", "100K").status == 0)
    let run = try folder.brake("scrub", "--time", "1m")
    #expect(run.status == 2 && run.err.contains("is damaged") && run.out.contains("1 damaged"), "\(run.out)")
    #expect(try folder.shell("ls cache/quarantine | wc -l").out.hasPrefix("1"))
    #expect(try folder.brake("scrub").status == 0)
    for wrong in [["--budget", "1"], ["--time", "5"], ["--time", "0s"], ["--time", "s"]] {
      #expect(try BrakeProcess(["scrub"] + wrong, in: folder).wait().status == 2)
    }
  }

  @Test func `scrub reads on where its place cannot be kept, and says so`() throws {
    folder.write([UInt8](repeating: 1, count: 40_000), to: "file")
    #expect(try folder.brake("put", "file").status == 0)
    folder.write("", to: "cache/index/scrubbed/in the way")
    let run = try folder.brake("scrub")
    #expect(run.status == 0 && run.out.contains("1 checked, none damaged"), "\(run)")
    #expect(run.err.contains("its place cannot be kept"))
  }

  @Test func `A link in the place of an object is not followed`() throws {
    folder.write([UInt8](repeating: 1, count: 40_000), to: "file")
    #expect(try folder.brake("put", "file").status == 0)
    let moved = try folder.shell(
      "o=$(ls -d cache/objects/*/*); mv $o elsewhere; ln -s $PWD/elsewhere $o; echo $o")
    let digest = moved.out.split(separator: "/").suffix(2).joined().dropLast()
    for command in [["cat", "sha256:\(digest)"], ["verify"], ["scrub"]] {
      let run = try BrakeProcess(command, in: folder).wait()
      #expect(run.status == 2 && run.err.contains("is a link, where a file is needed"), "\(run)")
    }
  }
}
