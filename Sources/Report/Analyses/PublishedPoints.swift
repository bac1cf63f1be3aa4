internal import Actions
internal import Compute
internal import System

/// Points of published figures, to be drawn beside those that were computed.
struct PublishedPoints: Sendable {
  static let input = InputDeclaration(
    "published", .many,
    help:
      "published points to draw beside them: CSV of model, step and value, of the quantity that the file's name holds "
      + "between underscores (D, M or absdL)")

  enum Quantity: String, CaseIterable {
    case destructive = "D"
    case magnitude = "M"
    case change = "absdL"
  }

  private let models: [Quantity: [(name: String, points: [Trace.Point])]]

  /// - Throws: `Failure` if a file is not such a table, or its name says no quantity.
  init(_ context: OperationContext) throws {
    var models: [Quantity: [(String, [Trace.Point])]] = [:]
    var files: [Quantity: String] = [:]
    for input in context.inputs(Self.input.name) {
      let name = input.key ?? ""
      let parts = name.prefix { $0 != "." }.split(separator: "_")
      guard let quantity = Quantity.allCases.first(where: { parts.contains($0.rawValue[...]) }) else {
        throw Failure(
          .malformed, "the name of the published points '\(name.printable)' says no quantity",
          hint: "call it like dtt_D_eval.csv, dtt_M_eval.csv or dtt_absdL_eval.csv")
      }
      if let other = files[quantity] {
        throw Failure(
          .unusable,
          "the published points '\(other.printable)' and '\(name.printable)' are both of \(quantity.rawValue)",
          hint: "give one file of each quantity; it can hold many models")
      }
      files[quantity] = name
      models[quantity] = try Self.read(try input.bytes(limit: 1 << 24), name)
    }
    self.models = models
  }

  /// The models' points, all in grey.
  func traces(_ quantity: Quantity) -> [Trace] {
    (models[quantity] ?? []).map { model in
      Trace(name: "published", colour: Theme.faint, points: model.points, isDashed: true)
    }
  }

  private static func read(_ bytes: [UInt8], _ file: String) throws -> [(String, [Trace.Point])] {
    var models: [(name: String, points: [Trace.Point])] = []
    let lines = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
    for (number, line) in lines.enumerated().dropFirst() {
      let fields = line.split(separator: ",", omittingEmptySubsequences: false)
      guard fields.count >= 3, let step = Double(fields[1]), let value = Double(fields[2]), step > 0,
        Axis.holds(step, logarithmic: true), Axis.holds(value, logarithmic: false)
      else {
        throw Failure(
          .malformed, "line \(number + 1) of '\(file.printable)' is not a model, a step and a value")
      }
      let model = String(fields[0])
      if models.last?.name != model { models.append((model, [])) }
      models[models.count - 1].points.append(Trace.Point(step: step, value: value))
    }
    return models
  }
}
