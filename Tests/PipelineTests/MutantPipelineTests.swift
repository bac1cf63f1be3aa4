import Foundation
import Pipeline
import Support
import Testing

/// Spoilt pipeline files are refused with a position, or mean something. Never a crash.
@Suite struct MutantPipelineTests {
  @Test func `Pipeline files`() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "pipelines").path
    var files = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".yaml") }
      .sorted().map { [UInt8](try #require(FileManager.default.contents(atPath: folder + "/" + $0))) }
    files.append(
      Array(
        """
        params: { sizes: [1, 2], text: a }
        stages:
          a: { for: { size: "${sizes}" }, run: "cp ${in.x} ${out.o}", in: { x: "${text}" }, out: { o: o.txt } }
          b: { run: "cat ${in.all} > ${out.o}", in: { all: "a[*]" }, out: { o: o.txt }, publish: results/ }
        default: [b]
        """.utf8))
    Mutator.run("pipeline files", on: files, tries: 2000) { mutant in
      _ = try PipelineFile(text: String(decoding: mutant, as: UTF8.self), path: "p.yaml")
      return true
    }
  }
}
