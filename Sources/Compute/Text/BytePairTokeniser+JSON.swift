internal import JSON
public import System

extension BytePairTokeniser {
  /// Ids beyond this are taken for damage.
  static let idLimit = 1 << 22
  private static let fileLimit = 1 << 27

  /// Reads a Hugging Face `tokenizer.json`: byte-level BPE with or without NFC normalisation. Post-processors only set
  /// special tokens around sequences and are not applied.
  ///
  /// - Throws: `malformed` for what is no such file, `unsupported` naming the feature for what would give other ids.
  public init(parsing file: [UInt8]) throws(Failure) {
    guard file.count <= Self.fileLimit else {
      throw Failure(
        .malformed, "a tokenizer.json of \(file.count) bytes is larger than \(Self.fileLimit)")
    }
    let json: JSON
    do {
      json = try JSON(parsing: file)
    } catch {
      throw Failure(.malformed, "the tokenizer.json is not JSON: \(error)")
    }
    try json.onlyMembers(
      [
        "version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor",
        "decoder", "model",
      ], of: "a tokenizer.json")
    if let version = json["version"], version != "1.0" { throw .unsupported("version \(version.canonical)") }
    for feature in ["truncation", "padding"] where json[feature].map(\.isNull) == false {
      throw .unsupported(feature, hint: "set \"\(feature)\" to null")
    }
    try Self.check(
      json["post_processor"], "post-processor",
      [
        "ByteLevel", "TemplateProcessing", "BertProcessing", "RobertaProcessing",
      ], list: "processors")
    try Self.check(json["decoder"], "decoder", ["ByteLevel"], list: "decoders")

    let normalisers = try json["normalizer"].components("normalizer", list: "normalizers")
    for normaliser in normalisers {
      guard try normaliser.text("type") == "NFC" else {
        throw .unsupported("the normalizer \(try normaliser.text("type"))")
      }
    }
    let cutters = try json["pre_tokenizer"].components("pre_tokenizer", list: "pretokenizers")
    guard cutters.count == 1, try cutters[0].text("type") == "ByteLevel" else {
      let names = try cutters.map { cutter throws(Failure) in try cutter.text("type") }
      throw .unsupported(
        names.isEmpty ? "no pre_tokenizer" : "the pre_tokenizer \(names.joined(separator: ", "))",
        hint: "only ByteLevel is read")
    }
    let modelJSON = try json.member("model")
    let vocabulary = try Vocabulary(modelJSON)
    try self.init(
      model: BytePairModel(modelJSON, vocabulary),
      added: Self.added(json["added_tokens"], vocabulary),
      composes: !normalisers.isEmpty,
      addsSpace: cutters[0].optionalFlag("add_prefix_space") ?? true,
      cutsWords: cutters[0].optionalFlag("use_regex") ?? true)
  }

  private static func check(
    _ json: JSON?, _ role: String, _ known: [String], list: String
  ) throws(Failure) {
    for component in try json.components(role, list: list) {
      let type = try component.text("type")
      guard known.contains(type) else { throw .unsupported("the \(role) \(type)") }
    }
  }

  /// Added tokens get the ids that the library gives them: those of the vocabulary, or the next free ones.
  private static func added(_ json: JSON?, _ vocabulary: Vocabulary) throws(Failure) -> [AddedToken] {
    guard let json, !json.isNull else { return [] }
    guard let list = json.array else {
      throw Failure(.malformed, "\"added_tokens\" is \(json.kind) where a list should stand")
    }
    var tokens: [AddedToken] = []
    var ids: [[UInt8]: UInt32] = [:]
    var next = vocabulary.count
    for item in list {
      let content = try item.text("content")
      let id = try item.whole("id")
      let bytes = Array(content.utf8)
      guard !content.isEmpty else { throw Failure(.malformed, "the added token \(id) is empty") }
      guard ids[bytes] == nil else {
        throw Failure(.malformed, "the added token \"\(content)\" stands twice")
      }
      let expected = vocabulary.ids[bytes].map { Int($0) } ?? next
      guard id == expected, id < idLimit else {
        throw Failure(
          .malformed,
          "the added token \"\(content)\" has the id \(id), where the library gives it \(expected)",
          hint: "save the file again with the tokenizers library")
      }
      next = max(next, id + 1)
      ids[bytes] = UInt32(id)
      var token = AddedToken(id: UInt32(id), content: content)
      token.singleWord = try item.optionalFlag("single_word") ?? false
      token.stripsLeft = try item.optionalFlag("lstrip") ?? false
      token.stripsRight = try item.optionalFlag("rstrip") ?? false
      token.special = try item.optionalFlag("special") ?? false
      token.normalised = try item.optionalFlag("normalized") ?? !token.special
      tokens.append(token)
    }
    return tokens
  }
}

/// The vocabulary of a file, by the UTF-8 of its tokens: as texts, tokens that Unicode holds to be equivalent would be
/// one.
private struct Vocabulary {
  var ids: [[UInt8]: UInt32] = [:]
  /// The texts of tokens by id.
  var texts: [String?] = []
  var count: Int { ids.count }

  init(_ model: JSON) throws(Failure) {
    let json = try model.member("vocab")
    guard let members = json.object else {
      throw Failure(.malformed, "\"vocab\" is \(json.kind) where an object should stand")
    }
    for (text, json) in members.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
      guard let id = json.integer, (0..<BytePairTokeniser.idLimit).contains(id) else {
        throw Failure(
          .malformed,
          "the token \"\(text)\" has the id \(json.canonical), which is no number from 0 to \(BytePairTokeniser.idLimit - 1)"
        )
      }
      while texts.count <= id { texts.append(nil) }
      if let other = texts[id] {
        throw Failure(.malformed, "the tokens \"\(other)\" and \"\(text)\" have one id, \(id)")
      }
      texts[id] = text
      ids[Array(text.utf8)] = UInt32(id)
    }
  }

  func id(_ text: some StringProtocol, of role: String) throws(Failure) -> UInt32 {
    guard let id = ids[Array(text.utf8)] else {
      throw Failure(.malformed, "\(role) names \"\(text)\", which is not in the vocabulary")
    }
    return id
  }
}

extension BytePairModel {
  fileprivate init(_ json: JSON, _ vocabulary: Vocabulary) throws(Failure) {
    try json.onlyMembers(
      [
        "type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk",
        "byte_fallback", "ignore_merges", "vocab", "merges",
      ], of: "a BPE model")
    if let type = json["type"], type != "BPE" { throw .unsupported("the model \(type.canonical)") }
    if let dropout = json["dropout"], !dropout.isNull, dropout.double != 0 { throw .unsupported("dropout") }
    if try json.optionalFlag("byte_fallback") == true { throw .unsupported("byte_fallback") }
    for affix in ["continuing_subword_prefix", "end_of_word_suffix"] {
      if let json = json[affix], !json.isNull, json != "" { throw .unsupported(affix) }
    }
    var unknown: Unknown?
    if let json = json["unk_token"], !json.isNull {
      guard let text = json.string else {
        throw Failure(.malformed, "\"unk_token\" is \(json.kind) where a string should stand")
      }
      unknown = Unknown(token: try vocabulary.id(text, of: "\"unk_token\""), fused: false)
    }
    if let some = unknown, try json.optionalFlag("fuse_unk") == true {
      unknown = Unknown(token: some.token, fused: true)
    }
    let bytes = vocabulary.texts.map { text in
      text.map { ByteAlphabet.bytes(of: $0) ?? Array($0.utf8) }
    }
    var wholeWords: [[UInt8]: UInt32]?
    if try json.optionalFlag("ignore_merges") == true {
      wholeWords = [:]
      for (id, text) in vocabulary.texts.enumerated() {
        if let word = text.flatMap(ByteAlphabet.bytes(of:)) { wholeWords?[word] = UInt32(id) }
      }
    }
    self.init(
      bytes: bytes,
      alphabet: ByteAlphabet.scalars.map { vocabulary.ids[Array(String($0).utf8)] },
      merges: MergeTable(try Self.merges(json, vocabulary)),
      unknown: unknown, wholeWords: wholeWords)
  }

  private static func merges(
    _ json: JSON, _ vocabulary: Vocabulary
  ) throws(Failure) -> [MergeTable.Entry] {
    var merges: [MergeTable.Entry] = []
    for (rank, json) in try json.list("merges").enumerated() {
      let (left, right) = try pair(json, rank)
      let role = "merge \(rank)"
      merges.append(
        MergeTable.Entry(
          left: try vocabulary.id(left, of: role), right: try vocabulary.id(right, of: role),
          rank: UInt32(rank), merged: try vocabulary.id(left + right, of: role)))
    }
    return merges
  }

  /// `"a b"`, or `["a", "b"]` as newer versions write it.
  private static func pair(_ json: JSON, _ rank: Int) throws(Failure) -> (String, String) {
    if let text = json.string {
      let parts = text.split(separator: " ", omittingEmptySubsequences: false)
      if parts.count == 2 { return (String(parts[0]), String(parts[1])) }
    } else if let parts = json.array, parts.count == 2, let left = parts[0].string,
      let right = parts[1].string
    {
      return (left, right)
    }
    throw Failure(.malformed, "merge \(rank) is not two tokens: \(json.canonical)")
  }
}

extension JSON {
  fileprivate func optionalFlag(_ name: String) throws(Failure) -> Bool? {
    guard let value = self[name], !value.isNull else { return nil }
    return try flag(name)
  }

  fileprivate func onlyMembers(_ known: [String], of what: String) throws(Failure) {
    guard let members = object else {
      throw Failure(.malformed, "\(what) is \(kind) where an object should stand")
    }
    if let name = members.keys.filter({ !known.contains($0) }).min() {
      throw .unsupported("the member \"\(name)\" of \(what)")
    }
  }
}

extension JSON? {
  /// A component of the file, the parts of a `Sequence`, or nothing.
  fileprivate func components(_ role: String, list: String) throws(Failure) -> [JSON] {
    guard let json = self, !json.isNull else { return [] }
    guard try json.text("type") == "Sequence" else { return [json] }
    var parts: [JSON] = []
    for part in try json.list(list) { parts += try Self.some(part).components(role, list: list) }
    return parts
  }
}

extension Failure {
  fileprivate static func unsupported(_ feature: String, hint: String? = nil) -> Failure {
    Failure(
      .unsupported, "this tokenizer.json has a feature that is not supported: \(feature)", hint: hint)
  }
}
