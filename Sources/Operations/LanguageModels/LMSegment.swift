internal import Compute
internal import JSON
internal import System

/// What was measured of the updates of one link, as a table that any program reads.
///
///     # {"run":"47k"}
///     step,loss,learning_rate,gradient_norm
///     1,5.8811,0.0002,1.93
struct LMSegment {
  struct Update: Equatable {
    let step: Int
    /// Mean of the batch before the update, in nats a token.
    let loss: Double
    let learningRate: Double
    /// Over all parameters, before it was clipped.
    let gradientNorm: Double
  }

  let run: String
  var updates: [Update] = []

  private static let header = "step,loss,learning_rate,gradient_norm"

  init(run: String) { self.run = run }

  /// Numbers in the shortest form that reads back the same.
  var bytes: [UInt8] {
    let about: JSON = ["run": .string(run)]
    var text = "# \(about.canonical)\n\(Self.header)\n"
    for update in updates {
      text += "\(update.step),\(update.loss),\(update.learningRate),\(update.gradientNorm)\n"
    }
    return Array(text.utf8)
  }

  /// - Throws: `Failure.malformed` for anything that `bytes` would not have written.
  init(bytes: [UInt8]) throws(Failure) {
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    guard lines.count > 2, lines[0].hasPrefix("# "), lines[1] == Self.header,
      let about = try? JSON(parsing: Array(lines[0].dropFirst(2).utf8)), let run = about["run"]?.string
    else { throw Failure(.malformed, "this is not a segment of a training as lm.train writes it") }
    self.run = run
    for (index, line) in lines.enumerated().dropFirst(2) {
      let fields = line.split(separator: ",", omittingEmptySubsequences: false)
      guard fields.count == 4, let step = Int(fields[0]), let loss = Double(fields[1]), loss > 0,
        loss.isFinite,
        let rate = Double(fields[2]), let norm = Double(fields[3])
      else { throw Failure(.malformed, "line \(index + 1) of the segment is not an update") }
      updates.append(Update(step: step, loss: loss, learningRate: rate, gradientNorm: norm))
    }
  }
}
