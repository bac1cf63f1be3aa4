import Foundation
import System
import Testing

@testable import Compute

/// Files of records, made by the real libraries: `Tests/Fixtures/curves`, which `Tests/Reference/curves.py` writes.
@Suite struct CurveRecordsTests {
  private static let losses = (1...40).map { 3 - Double($0) / 64 }
  private static let files = ["events.tfevents", "tensors.tfevents", "run.wandb"]

  private func bytes(_ name: String) throws -> [UInt8] {
    let folder = URL(fileURLWithPath: #filePath).appending(path: "../../Fixtures/curves").standardized
    return [UInt8](try Data(contentsOf: folder.appending(path: name)))
  }

  private func curves(_ bytes: [UInt8]) throws -> [Curve] { try CurveImport()(bytes, file: "file") }

  @Test(arguments: files) func `What the libraries write is read`(name: String) throws {
    let curve = try #require(try curves(bytes(name)).first)
    #expect(curve.steps == Array(1...40) && curve.losses == Self.losses)
    #expect(curve.run == (name == "run.wandb" ? "a run" : "file"))
  }

  /// What a training leaves that was killed in the middle of writing, and started again from an earlier step.
  @Test func `Event files of a run that was started again are one run, the later losses counting`() throws {
    let (scalars, tensors) = (try bytes("events.tfevents"), try bytes("tensors.tfevents"))
    // Half of it ends in the middle of a record.
    let begun = Array(scalars.prefix(scalars.count / 2))
    let files: [(name: String, bytes: [UInt8])] = [
      ("b.tfevents", tensors), ("c.tfevents", []), ("a.tfevents", begun),
    ]
    let curve = try CurveImport(run: "r")(eventFiles: files, folder: "runs/r")
    #expect(curve.run == "r" && curve.steps == Array(1...40) && curve.losses == Self.losses)
    let kinds = curve.notes.map(\.kind)
    #expect(kinds.contains(.unreadable) && kinds.contains(.restart))
    #expect(curve.notes.contains { "\($0)".contains("'a.tfevents' ends in the middle of it") })
    #expect(try CurveImport()(eventFiles: [("x", scalars)], folder: "runs/r").run == "r")
    for (files, part) in [
      ([("c.tfevents", [])], "holds no event files"),
      ([("a", scalars), ("b", Array("text".utf8))], "'b' is no"),
    ] as [([(name: String, bytes: [UInt8])], String)] {
      let error = #expect(throws: Failure.self) { try CurveImport()(eventFiles: files, folder: "runs/r") }
      #expect(error?.headline.contains(part) == true)
    }
    let other = #expect(throws: Failure.self) {
      try CurveImport()(eventFiles: [], folder: "runs/r", others: ["run-1.wandb"])
    }
    #expect(other?.hint?.contains("run-1.wandb") == true)
  }

  /// A flipped bit is found or changes nothing; what is cut off gives the points before it.
  @Test(arguments: files) func `Damage is found, and what is cut off is told`(name: String) throws {
    let good = try bytes(name)
    let whole = try curves(good)
    var refused = 0
    for place in stride(from: 0, to: good.count, by: max(1, good.count / 400)) {
      var bad = good
      bad[place] ^= 16
      do {
        let found = try curves(bad)
        #expect(found.map(\.losses).allSatisfy { Set($0).isSubset(of: Self.losses) }, "byte \(place)")
      } catch is Failure { refused += 1 }
      let part = Array(good.prefix(place))
      if let found = try? curves(part), let curve = found.first {
        #expect(curve.losses == Array(Self.losses.prefix(curve.losses.count)), "byte \(place)")
      }
    }
    #expect(refused > 300)
    #expect(try curves(good) == whole)
    let cut = try curves(Array(good.dropLast(3)))[0]
    #expect(cut.notes.contains { $0.kind == .unreadable })
  }
}
