import Compute
import Foundation
import System
import Testing

/// What Lightning and transformers write and print of a training, with losses of evaluations in between: `Tests/Fixtures/curves`, which
/// `Tests/Reference/trainers.py` writes.
@Suite struct TrainerCurveTests {
  private func bytes(_ name: String) throws -> [UInt8] {
    let folder = URL(fileURLWithPath: #filePath).appending(path: "../../Fixtures/curves").standardized
    return [UInt8](try Data(contentsOf: folder.appending(path: name)))
  }

  private func curve(_ name: String) throws -> Curve {
    let curves = try CurveImport()(try bytes(name), file: name)
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

  @Test func `What transformers prints gives the same losses, at the steps of its progress bar`() throws {
    let (printed, state) = (try curve("transformers.log"), try curve("trainer_state.json"))
    #expect(printed.run == "transformers")
    #expect(printed.steps == state.steps)
    // It prints four digits.
    #expect(zip(printed.losses, state.losses).allSatisfy { abs($0 - $1) <= 0.0005 + 1e-9 })
    #expect(printed.notes == [])
    let evaluation = try CurveImport(loss: "eval_loss")(try bytes("transformers.log"), file: "x")
    #expect(evaluation.first?.steps == [10, 20, 30])
  }

  @Test func `It is read also behind a warning, and without carriage returns`() throws {
    let text = String(decoding: try bytes("transformers.log"), as: UTF8.self)
    let whole = try curve("transformers.log")
    let warned = "[transformers] Model config: eos_token_id must be within the vocabulary\n" + text
    for changed in [text.replacing("\r", with: "\n"), text.replacing("\r", with: ""), warned] {
      let found = try #require(try CurveImport(run: "transformers")(Array(changed.utf8), file: "log").first)
      #expect(found.steps == whole.steps && found.losses == whole.losses)
    }
  }

  @Test func `A log that was cut off keeps what a progress bar stands behind`() throws {
    let text = try bytes("transformers.log")
    let last = try #require(text.indices.last { text[$0...].starts(with: "{'loss'".utf8) })
    let end = try #require(text[last...].firstIndex(of: UInt8(ascii: "\n")))
    let cut = try #require(try CurveImport()(Array(text[...end]), file: "log").first)
    #expect(cut.steps == (try curve("transformers.log")).steps.dropLast())
  }

  @Test func `The loss of an evaluation has the training's step, whichever bar tqdm draws first`() throws {
    var lines = try bytes("transformers.log").split(separator: 0x0A, omittingEmptySubsequences: false)
    let evaluations = lines.indices.filter {
      String(decoding: lines[$0], as: UTF8.self).contains("'eval_loss'")
    }
    #expect(evaluations.count == 3)
    for index in evaluations { lines.swapAt(index + 1, index + 2) }
    let swapped = String(decoding: Array(lines.joined(separator: [0x0A])), as: UTF8.self)
      .replacing("| 1/1 [", with: "| 13/13 [")
    #expect(swapped.contains("| 13/13 ["))
    let whole = try curve("transformers.log")
    for text in [Array(swapped.utf8), swapped.utf8.filter { $0 != 0x0D }] {
      let evaluation = try CurveImport(loss: "eval_loss")(text, file: "log")
      #expect(evaluation.first?.steps == [10, 20, 30])
      let training = try CurveImport()(text, file: "log")
      #expect(training.first?.steps == whole.steps && training.first?.losses == whole.losses)
    }
  }

  @Test func `Two trainings in one log are refused with the line that parts them`() throws {
    let whole = try curve("transformers.log")
    let text = String(decoding: try bytes("transformers.log"), as: UTF8.self)
    let others = [text, text.replacing("/30 [", with: "/90 ["), text.replacing("\r", with: "\n")]
    for other in others {
      let both = text + "\n" + other
      let failure = #expect(throws: Failure.self) { try CurveImport()(Array(both.utf8), file: "log") }
      #expect(failure?.headline.contains("two trainings stand in this log: one of 30 steps") == true)
      // What the hint says parts them into files that can be read.
      let line = try #require(failure?.hint?.firstMatch(of: /tail -n \+(\d+)/).flatMap { Int($0.1) })
      // Bytes, since a carriage return and a line feed are one character.
      let lines = Array(both.utf8).split(separator: 0x0A, omittingEmptySubsequences: false)
      for part in [lines[..<(line - 1)], lines[(line - 1)...]] {
        let found = try CurveImport()(Array(part.joined(separator: [0x0A])), file: "log")
        #expect(found.first?.steps == whole.steps && found.first?.losses == whole.losses)
      }
    }
  }

  @Test func `A training that went on from a checkpoint, or was made longer, is one`() throws {
    let whole = try curve("transformers.log")
    let text = String(decoding: try bytes("transformers.log"), as: UTF8.self)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let (again, stopped) = (
      try #require(lines.firstIndex { $0.contains(" 12/30 [") }),
      try #require(lines.firstIndex { $0.contains(" 18/30 [") })
    )
    let begun = lines[...stopped].joined(separator: "\n")
    let killed = begun[..<(try #require(begun.ranges(of: "{'loss'").last).lowerBound)]
    let resumed =
      killed + "\n\r  0%|          | 0/30 [00:00<?, ?it/s]\n" + lines[again...].joined(separator: "\n")
    let found = try #require(try CurveImport()(Array(resumed.utf8), file: "log").first)
    #expect(found.steps == whole.steps && found.losses == whole.losses)
    #expect(found.notes.map(\.kind) == [.restart])

    let longer = text.replacing(/([1-9]\d*)\/30 \[/) { "\((Int($0.1) ?? 0) + 30)/60 [" }
      .replacing("0/30 [", with: "0/60 [")
    let both = try #require(try CurveImport()(Array((text + "\n" + longer).utf8), file: "log").first)
    #expect(both.steps == Array(stride(from: 2, through: 60, by: 2)))
    #expect(both.losses == whole.losses + whole.losses)
  }

  @Test func `A loss that no dictionary has is told of with the names that there are`() throws {
    let failure = #expect(throws: Failure.self) {
      try CurveImport(loss: "los")(try bytes("transformers.log"), file: "log")
    }
    #expect(failure?.headline.contains("no line gives both a step and 'los'") == true)
    #expect(failure?.headline.contains("'eval_loss'") == true)
    #expect(failure?.hint?.contains("PYTHONUNBUFFERED") == false)
  }

  /// As Python writes to a file by itself: what it prints late, and bars without it.
  @Test func `Dictionaries without a progress bar are refused with what to do`() throws {
    let lines = String(decoding: try bytes("transformers.log"), as: UTF8.self)
      .split(whereSeparator: \.isNewline).filter { $0.hasPrefix("{'") }
    let failure = #expect(throws: Failure.self) {
      try CurveImport()(Array(lines.joined(separator: "\n").utf8), file: "log")
    }
    #expect(failure?.headline.contains("name no step") == true)
    #expect(failure?.hint?.contains("trainer_state.json") == true)
    #expect(failure?.hint?.contains("PYTHONUNBUFFERED=1") == true)

    // An evaluation lets it print what it has held back, and its own bar follows.
    let bars = "\r 67%|██    | 2/3 [00:00<00:00]\n"
    for evaluation in ["\r  0%|      | 0/2 [00:00<?]\n", "\r 50%|██    | 1/2 [00:00<00:00]\n"] {
      let late = Array((bars + lines.prefix(5).joined(separator: "\n") + "\n" + evaluation + bars).utf8)
      let refusal = #expect(throws: Failure.self) { try CurveImport()(late, file: "log") }
      #expect(refusal?.headline.contains("of 5 stands a progress bar") == true, "\(refusal?.headline ?? "")")
    }
  }
}
