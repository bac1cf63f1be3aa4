public import JSON
internal import System

extension BreakEvidence {
  public var json: JSON {
    [
      "windows": .whole(windows), "noise": .string(isFromSteps ? "steps" : "residuals"),
      "persistence": .number(persistence), "discrepancy": .number(discrepancy), "margin": .number(margin),
      "decisive": .number(BreakEvidence.decisive), "supports_break": .bool(supportsBreak),
      "laws": .array(laws.map(\.json)), "parts": .array(parts.map(\.json)),
      "prediction": prediction?.json ?? .null,
    ]
  }

  init(json: JSON) throws(Failure) {
    windows = try json.whole("windows")
    isFromSteps = try json.text("noise") == "steps"
    persistence = try json.number("persistence")
    discrepancy = try json.number("discrepancy")
    margin = try json.number("margin")
    var laws: [Law] = []
    for law in try json.list("laws") { laws.append(try Law(json: law)) }
    self.laws = laws
    var parts: [Part] = []
    for part in try json.list("parts") { parts.append(try Part(json: part)) }
    self.parts = parts
    prediction =
      switch json["prediction"] {
      case .none, .some(.null): nil
      case .some(let value): try Prediction(json: value)
      }
  }
}

extension BreakEvidence.Law {
  var json: JSON {
    [
      "name": .string(name), "has_break": .bool(hasBreak), "parameters": .whole(parameters),
      "rsle": .number(rsle), "behind": .number(behind), "rates": .numbers(rates), "breaks": .numbers(breaks),
      "prediction_error": .optional(predictionError), "intervals": intervals?.json ?? .null,
    ]
  }

  init(json: JSON) throws(Failure) {
    name = try json.text("name")
    hasBreak = try json.flag("has_break")
    parameters = try json.whole("parameters")
    rsle = try json.number("rsle")
    behind = try json.number("behind")
    rates = try json.numbers("rates")
    breaks = try json.numbers("breaks")
    predictionError = try json.optionalNumber("prediction_error")
    intervals =
      switch json["intervals"] {
      case .none, .some(.null): nil
      case .some(let value): try LawIntervals(json: value, breaks: breaks.count, rates: rates.count)
      }
  }
}

extension BreakEvidence.Part {
  var json: JSON {
    ["first_step": .whole(firstStep), "last_step": .whole(lastStep), "margin": .number(margin)]
  }

  init(json: JSON) throws(Failure) {
    firstStep = try json.whole("first_step")
    lastStep = try json.whole("last_step")
    margin = try json.number("margin")
  }
}

extension BreakEvidence.Prediction {
  var json: JSON {
    ["first_step": .whole(firstStep), "rival": .string(rival), "advantage": .number(advantage)]
  }

  init(json: JSON) throws(Failure) {
    firstStep = try json.whole("first_step")
    rival = try json.text("rival")
    advantage = try json.number("advantage")
  }
}
