import Foundation
import Support
import Testing

@testable import System

@Suite struct SharedLibrariesTests {
  private let files = LocalFileSystem()

  /// What the loader itself says of a program.
  private func loaded(by program: String) throws -> Set<String> {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/ldd")
    process.arguments = [program]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return Set(
      text.split(separator: "\n").compactMap { line in
        let words = line.split(whereSeparator: \.isWhitespace)
        guard let arrow = words.firstIndex(of: "=>"), arrow + 1 < words.count else { return nil }
        return String(words[arrow + 1])
      })
  }

  @Test(
    .enabled(
      if: ProgramPath.find("gnuplot") != nil && ProgramPath.find("ldd") != nil, "gnuplot or ldd is missing"))
  func `Libraries are those that the loader loads`() throws {
    let program = try #require(ProgramPath.find("gnuplot"))
    let expected = try loaded(by: program)
    let found = SharedLibraries.of(program)
    #expect(expected.count > 10)
    let real = { (path: String) in (try? files.realPath(path)) ?? path }
    // The loader's own name stands without an arrow.
    let other = Set(found.map { real($0.path) }).symmetricDifference(expected.map(real))
    #expect(other.allSatisfy { $0.contains("/ld-linux") }, "\(other)")
    #expect(found.map(\.name) == found.map(\.name).sorted())
  }

  @Test func `A script and what is no program have none`() throws {
    let folder = TemporaryFolder()
    #expect(SharedLibraries.of(folder.write("#!/bin/sh\n", to: "script")).isEmpty)
    #expect(SharedLibraries.of(folder["nothing"]).isEmpty)
    #expect(SharedLibraries.of("/").isEmpty)
  }

  /// Sizes and places in it may be anything.
  @Test func `A damaged program or cache does no harm`() throws {
    let folder = TemporaryFolder()
    let program = try Data(contentsOf: URL(fileURLWithPath: "/bin/sh"))
    let cache = (try? Data(contentsOf: URL(fileURLWithPath: "/etc/ld.so.cache"))) ?? Data()
    var state: UInt64 = 1
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    for round in 0..<300 {
      var mutant = Array(program)
      for _ in 0...random(8) { mutant[random(random(2) == 0 ? 1024 : mutant.count)] = UInt8(random(256)) }
      let path = folder["mutant"]
      try Data(mutant[..<(round.isMultiple(of: 3) ? random(mutant.count) : mutant.count)]).write(
        to: URL(fileURLWithPath: path))
      _ = SharedLibraries.of(path)
      var index = Array(cache)
      guard index.count > 64 else { continue }
      for _ in 0...random(8) { index[random(min(index.count, 4096))] = UInt8(random(256)) }
      try Data(index.prefix(random(index.count))).write(to: URL(fileURLWithPath: folder["cache"]))
      _ = LoaderCache(at: folder["cache"], files: files)["libc.so.6"]
    }
  }
}
