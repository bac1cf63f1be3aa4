internal import Actions
internal import Artefacts
internal import Compute
internal import System

/// `lm.generate`
struct LMGenerateOperation: Operation {
  static let prompt = Parameter(
    "prompt", default: "",
    help: "what the text begins with; if empty, it begins as a document does, behind the token that ends one")
  static let length = Parameter(
    "length", default: 256, unit: "tokens", in: 1...1 << 20, help: "to generate")
  static let temperature = Parameter(
    "temperature", default: 1.0, in: 0...1000,
    help:
      "what logits are divided by: 1 draws as the model predicts, less is more likely, and 0 takes the likeliest token"
  )
  static let seed = Parameter("seed", default: 1, in: 0..., help: "what tokens are drawn from")

  let name = "lm.generate"
  let revision = 1
  let summary = "Lets a checkpoint's model write a text, to look at."
  let inputs = [
    InputDeclaration("checkpoint", help: LMCheckpoint.help),
    InputDeclaration(
      "vocabulary", .optional,
      help: "the tokenizer.json of the model's tokens; without it they are bytes"),
  ]
  let parameters: [any ParameterDeclaration] = [
    prompt, length, temperature, seed, TextTokeniseOperation.end,
  ]
  let outputs = [
    OutputDeclaration(
      "text", file: "text.txt",
      help: "UTF-8: the prompt and what follows; an empty line where a document ends and another begins")
  ]

  func run(_ context: OperationContext) async throws {
    let weights = try LMCheckpoint(context.input("checkpoint")).weights
    var tokeniser = try Self.tokeniser(context)
    guard tokeniser.vocabularySize <= weights.model.vocabulary else {
      throw Failure(
        .unusable,
        "the model has \(weights.model.vocabulary) tokens, and the vocabulary \(tokeniser.vocabularySize)",
        hint: "give the input 'vocabulary' with which the model was trained")
    }
    let prompt = try Self.prompt(context, &tokeniser)
    var tokens = prompt.map { Int32($0) }
    let transformer = Transformer(weights.model, threads: Threads(of: context))
    let sampler = TokenSampler(
      temperature: context[Self.temperature], seed: UInt64(context[Self.seed]))
    for index in 0..<context[Self.length] {
      try context.checkCancellation()
      let logits = try transformer.logits(
        after: Array(tokens.suffix(weights.model.context)), weights: weights)
      guard logits.allSatisfy(\.isFinite) else {
        throw Failure(.unusable, "the model's predictions are not finite after \(tokens.count) tokens")
      }
      tokens.append(Int32(sampler.token(logits[..<tokeniser.vocabularySize], index: index)))
      context.progress(Double(index + 1) / Double(context[Self.length]), "\(index + 1) tokens")
    }
    let separator = tokeniser.separator.map { Int32($0) }
    let text = try tokens.split { $0 == separator }
      .map { document in try tokeniser.decode(document.map { UInt32($0) }) }.joined(separator: "\n\n")
    try context.write(Array((text + "\n").utf8), to: "text")
  }

  private static func tokeniser(_ context: OperationContext) throws -> TextTokeniser {
    guard let file = context.optionalInput("vocabulary") else { return .bytes }
    return try .bytePair(
      BytePairTokeniser(parsing: file.bytes()), name: file.digest.description,
      end: context[TextTokeniseOperation.end])
  }

  private static func prompt(
    _ context: OperationContext, _ tokeniser: inout TextTokeniser
  ) throws -> [UInt32] {
    var tokens: [UInt32] = []
    try tokeniser.encode(Array(context[prompt].utf8).span, into: &tokens)
    if tokens.isEmpty, let separator = tokeniser.separator { tokens = [separator] }
    guard !tokens.isEmpty else {
      throw Failure(
        .unusable, "there is no token to begin with",
        hint: "give a prompt, or 'end', the token between documents")
    }
    return tokens
  }
}
