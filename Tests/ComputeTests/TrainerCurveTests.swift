import Compute
import Foundation
import Testing

/// What Lightning and transformers write of a training, with losses of evaluations in between: `Tests/Fixtures/curves`, which
/// `Tests/Reference/trainers.py` writes.
@Suite struct TrainerCurveTests {
  private func curve(_ name: String) throws -> Curve {
    let folder = URL(fileURLWithPath: #filePath).appending(path: "../../Fixtures/curves").standardized
    let bytes = [UInt8](try Data(contentsOf: folder.appending(path: name)))
    let curves = try CurveImport()(bytes, file: name)
    #expect(curves.count == 1)
    return try #require(curves.first)
  }

  @Test func `Lightning's table and its event file give the same losses of the training`() throws {
    let table = try curve("lightning.csv")
    #expect(table.steps == Array(0...47))
    #expect(table.losses.first == 2.652714729309082 && table.losses.last == 0.7565203905105591)
    // Rows of evaluations and of means over epochs have no loss of a step.
    #expect(table.notes.map(\.kind) == [.missing] && table.notes[0].count == 6)
    let events = try curve("lightning.tfevents")
    #expect(events.steps == table.steps && events.losses == table.losses)
    #expect(events.notes == [])
  }

  @Test func `The state that transformers keeps gives the losses of the training`() throws {
    let curve = try curve("trainer_state.json")
    #expect(curve.steps == Array(stride(from: 2, through: 30, by: 2)))
    #expect(curve.losses.first == 3.895329713821411 && curve.losses.last == 3.914731502532959)
    #expect(curve.notes == [])
  }
}
