internal import JSON
internal import System

/// The form in which curves are kept: a table that any program reads, with what is known of it in a comment.
///
///     # {"columns":{"loss":"train/loss","step":"_step"},"notes":[],"prepared":false,"run":"14M"}
///     step,loss
///     1,10.82501
extension Curve {
  private static let header = "step,loss\n"

  /// Losses in the shortest form that reads back the same.
  public var bytes: [UInt8] {
    var about: [String: JSON] = [
      "run": .string(run), "prepared": .bool(isPrepared), "notes": .array(notes.map(\.json)),
    ]
    if let columns { about["columns"] = ["step": .string(columns.step), "loss": .string(columns.loss)] }
    var bytes =
      Array("# ".utf8) + JSON.object(about).canonicalBytes + Array("\n".utf8) + Array(Curve.header.utf8)
    bytes.reserveCapacity(bytes.count + steps.count * 20)
    for (step, loss) in zip(steps, losses) {
      bytes += step.description.utf8
      bytes.append(UInt8(ascii: ","))
      bytes += loss.description.utf8
      bytes.append(UInt8(ascii: "\n"))
    }
    return bytes
  }

  /// - Throws: `Failure.malformed` with the line for anything that `bytes` would not have written;
  ///   `CancellationError`.
  public init(bytes: [UInt8]) throws {
    guard bytes.starts(with: "# ".utf8), let end = bytes.firstIndex(of: UInt8(ascii: "\n")),
      let about = try? JSON(parsing: bytes[2..<end]), bytes[(end + 1)...].starts(with: Curve.header.utf8)
    else {
      throw Failure(
        .malformed, "this is not a curve as curve.import writes it", hint: "read it with curve.import first"
      )
    }
    run = try about.text("run")
    let isPrepared = try about.flag("prepared")
    self.isPrepared = isPrepared
    notes = try CurveNote.notes(about)
    if let names = about["columns"] {
      columns = Columns(step: try names.text("step"), loss: try names.text("loss"))
    } else {
      columns = nil
    }
    (steps, losses) = try bytes.withUnsafeBufferPointer { text in
      try Curve.points(TableRows(text), isPrepared: isPrepared)
    }
  }

  private static func points(_ rows: TableRows, isPrepared: Bool) throws -> ([Int], [Double]) {
    var rows = rows
    var steps: [Int] = []
    var losses: [Double] = []
    _ = rows.next()
    while rows.next() {
      if rows.line % 65_536 == 0 { try Task.checkCancellation() }
      guard rows.fields.count == 2, let number = NumberText.parse(rows.bytes(rows.fields[0])),
        let step = Int(exactly: number), let loss = NumberText.parse(rows.bytes(rows.fields[1])),
        loss > 0, loss.isFinite, isPrepared || steps.last ?? -1 < step
      else {
        throw Failure(.malformed, "line \(rows.line) of the curve is not a step and a loss in order")
      }
      steps.append(step)
      losses.append(loss)
    }
    return (steps, losses)
  }
}
