internal import Actions
internal import Artefacts
internal import Compute
internal import JSON
internal import System

/// `zsl.ranking`
struct ZSLRankingOperation: Operation {
  static let rates = Parameter<[Double]>(
    "rates", help: "the learning rates", constraint: "2 to \(LossRanking.mostRates) different ones above 0",
    allows: {
      (2...LossRanking.mostRates).contains($0.count) && Set($0).count == $0.count && $0.allSatisfy { $0 > 0 }
    })
  static let seeds = Parameter<[Int]>(
    "seeds", help: "the seeds of each", constraint: "1 to \(LossRanking.mostSeeds) different ones",
    allows: { (1...LossRanking.mostSeeds).contains($0.count) && Set($0).count == $0.count })
  static let steps = Parameter<[Int]>(
    "steps", unit: "updates", help: "that the checkpoints were made after",
    constraint: "2 to \(LossRanking.mostSteps), each above the one before, from 1",
    allows: {
      (2...LossRanking.mostSteps).contains($0.count) && $0[0] > 0
        && zip($0, $0.dropFirst()).allSatisfy { $0 < $1 }
    })
  static let levels = Parameter<[Double]>(
    "losses", default: [], unit: "nats/token",
    help: "mean losses at which trainings are compared; empty for some that all of them have",
    constraint: "at most \(mostLevels), each above 0",
    allows: { $0.count <= mostLevels && $0.allSatisfy { $0 > 0 } })
  static let count = Parameter(
    "levels", default: 3, in: 1...mostLevels,
    help:
      "how many, where none are given: the lowest that all trainings have, and others above it at equal factors"
  )
  private static let mostLevels = 20

  let name = "zsl.ranking"
  let revision = 3
  let summary =
    "Compares which tokens trainings with different learning rates predict well where their mean losses are equal."
  let inputs = [
    InputDeclaration(
      "losses", .many,
      help:
        "losses of checkpoints, as lm.losses writes them: of each rate, of these each seed, of these each step, as a stage has "
        + "them whose variables stand in this order"),
    InputDeclaration("tokens", help: "the token stream that all are of"),
  ]
  let parameters: [any ParameterDeclaration] = [rates, seeds, steps, levels, count]
  let outputs = [
    OutputDeclaration(
      "result", file: "ranking.json",
      help:
        "at each mean loss: Spearman's rank correlation of the tokens' losses of any two trainings, how much less alike rates "
        + "are than seeds, and by frequency in the stream and position in the window which tokens a rate favours, with 95 % "
        + "intervals over seeds")
  ]

  func run(_ context: OperationContext) async throws {
    let tokens = context.input("tokens")
    try LossRanking.check(
      rates: context[Self.rates], seeds: context[Self.seeds], steps: context[Self.steps],
      count: context.inputs("losses").count)
    let losses = try context.inputs("losses").map { input in
      try context.checkCancellation()
      return try TokenLosses(parsing: input.bytes(limit: TextInput.limit))
    }
    let ranking = try LossRanking(
      rates: context[Self.rates], seeds: context[Self.seeds], steps: context[Self.steps], losses: losses)
    guard ranking.stream == tokens.digest.description else {
      throw Failure(
        .unusable, "the losses are of the stream \(ranking.stream), not of \(tokens.digest)",
        hint: "give the stream that they were measured on")
    }
    let stream = try TokenStream(parsing: tokens.bytes(limit: TextInput.limit))
    for losses in losses { try losses.check(vocabulary: stream.vocabularySize) }
    let chosen = context[Self.levels]
    let levels = try chosen.isEmpty ? ranking.levels(context[Self.count]) : chosen.sorted(by: >)
    let common = try ranking.commonLosses()
    let summaries = try levels.map { level in
      try context.checkCancellation()
      return try ranking.summary(at: level, stream: stream.tokens, vocabulary: stream.vocabularySize)
    }
    try context.log(
      "mean losses from \(common.upperBound) to \(common.lowerBound) are common to all; compared at \(levels)"
    )
    let result: JSON = [
      "rates": .array(ranking.rates.map { .number($0) }),
      "seeds": .array(ranking.seeds.map { .integer(Int64($0)) }),
      "steps": .array(ranking.steps.map { .integer(Int64($0)) }),
      "tokens": .integer(Int64(ranking.tokens)), "context": .integer(Int64(ranking.context)),
      "common": .array([.number(common.lowerBound), .number(common.upperBound)]),
      "levels": .array(summaries),
    ]
    try context.write(Array(result.pretty.utf8) + [UInt8(ascii: "\n")], to: "result")
  }
}
