import Actions
public import Artefacts
import System

/// An artefact with one of the names by which it is found.
public struct NamedArtefact: Sendable, Hashable {
  /// `fit[47k].fit`, `results/fit.json`, `@best`, `1a2b3c4d5e6f.checkpoints[256]`, `sha256:…`
  public let name: String
  public let digest: Digest
  /// The instance of a stage that makes it, where it was named by that.
  let instance: String?
  /// The action whose output it is, where it was named by its stage, its key, or the path where it is published: others may have
  /// made the same bytes.
  public let maker: Maker?

  /// An action, and which of its outputs is meant.
  public struct Maker: Sendable, Hashable {
    let key: Digest
    /// As `Record.Output` has it.
    let label: String
  }

  init(name: String, digest: Digest, instance: String? = nil, maker: Maker? = nil) {
    self.name = name
    self.digest = digest
    self.instance = instance
    self.maker = maker
  }
}

/// Finds artefacts by what people call them:
///
/// - a digest, or eight or more digits of one;
/// - eight or more digits of an action's key, and which of its outputs is meant if it has several (`1a2b3c4d.fit`);
/// - `@NAME` or `NAME`, a reference;
/// - `stage[key].output[member]` of the pipeline, as far as that names one artefact;
/// - the path of a file that the pipeline publishes, or of one in a folder that it publishes.
///
/// Nothing is run to find out. A text with two meanings is refused.
public struct ArtefactNames: Sendable {
  let store: Store
  let engine: @Sendable () throws -> Engine?
  /// Whether what is recorded of a stage is not enough where its outputs are not in the store.
  let needsBytes: Bool

  /// - Parameter engine: of the pipeline whose stages can be named; nil if there is none. Called only if a text is not
  ///   the digits of something.
  public init(store: Store, needsBytes: Bool = true, engine: @escaping @Sendable () throws -> Engine?) {
    self.store = store
    self.needsBytes = needsBytes
    self.engine = engine
  }

  /// The one artefact that a text names.
  /// - Parameter hint: what can be done where it names several.
  public func one(_ text: String, hint: String = "name one of them") async throws -> NamedArtefact {
    let found = try await all(text)
    if let first = found.first, Set(found.map(\.digest)).count == 1 { return first }
    throw PipelineError(
      "'\(text)' names \(found.count) artefacts", facts: ArtefactNames.facts(found),
      hint: hint)
  }

  /// All artefacts that a text names: one, or those of a stage, an action or a published folder.
  public func all(_ text: String) async throws -> [NamedArtefact] {
    try await withTaskExecutorPreference(TaskThreads.shared) {
      let meanings = try meanings(of: text)
      guard let first = meanings.first else { throw unknown(text) }
      if Set(meanings.map { Set($0.map(\.digest)) }).count > 1 {
        throw PipelineError(
          "'\(text)' has \(meanings.count) meanings", facts: ArtefactNames.facts(meanings.flatMap { $0 }),
          hint: "give more digits, @NAME for a reference, or ./PATH for a published file")
      }
      return first
    }
  }

  /// What a text can mean; none of the meanings is empty.
  private func meanings(of text: String) throws -> [[NamedArtefact]] {
    if text.hasPrefix("@") {
      guard let digest = try store.reference(String(text.dropFirst())) else {
        throw PipelineError("there is no reference '\(text.dropFirst())'", hint: "see 'brake refs'")
      }
      return [[NamedArtefact(name: text, digest: digest)]]
    }
    let digits = try meanings(ofDigits: text)
    if !digits.isEmpty || text.hasPrefix("sha256:") { return digits }
    var meanings: [[NamedArtefact]] = []
    if let digest = try? store.reference(text) {
      meanings.append([NamedArtefact(name: "@" + text, digest: digest)])
    }
    do {
      if let engine = try engine() {
        meanings += try PipelineNames(engine: engine, text: text, needsBytes: needsBytes).meanings()
      }
    } catch {
      // A reference needs no pipeline, and is not kept back because the pipeline here is broken.
      if meanings.isEmpty { throw error }
    }
    return meanings
  }

  // MARK: Digits

  private func meanings(ofDigits text: String) throws -> [[NamedArtefact]] {
    let isDigest = text.hasPrefix("sha256:")
    let body = isDigest ? text.dropFirst(7) : text[...]
    let digits = String(body.prefix { $0 != "." })
    let output = body.dropFirst(digits.count + 1)
    guard 8...64 ~= digits.utf8.count, digits.utf8.allSatisfy({ 48...57 ~= $0 || 97...102 ~= $0 }) else {
      if isDigest { throw unknown(text) }
      return []
    }
    var meanings: [[NamedArtefact]] = []
    if body.count == digits.count {
      // What was set aside has no place among the others; whoever knows all of its name has it back.
      if let digest = Digest(String(digits)) {
        _ = store.hasBack(Artefact(digest: digest, kind: .blob, size: 0))
      }
      meanings += try store.objects(startingWith: digits).map {
        [NamedArtefact(name: $0.description, digest: $0)]
      }
    }
    if isDigest, !meanings.isEmpty { return meanings }
    if isDigest { return try recorded(startingWith: digits) }
    for key in try store.recordKeys(startingWith: digits) {
      guard let record = try store.record(key) else { continue }
      let outputs = record.outputs.map {
        NamedArtefact(
          name: key.short + "." + $0.label, digest: $0.artefact.digest,
          maker: .init(key: key, label: $0.label))
      }
      let wanted = outputs.filter {
        let name = $0.name.dropFirst(key.short.count + 1)
        return output.isEmpty || name == output || name.hasPrefix(output + "[")
      }
      if !wanted.isEmpty { meanings.append(wanted) }
    }
    return meanings.isEmpty && output.isEmpty ? try recorded(startingWith: digits) : meanings
  }

  /// What records name and is not in the store, because it was removed or is elsewhere.
  private func recorded(startingWith digits: String) throws -> [[NamedArtefact]] {
    let named = try (store.records { _ in } + store.toldRecords()).flatMap(\.outputs).map(\.artefact.digest)
    return Set(named.filter { $0.hex.hasPrefix(digits) }).sorted().map {
      [NamedArtefact(name: $0.description, digest: $0)]
    }
  }

  // MARK: Errors

  private func unknown(_ text: String) -> PipelineError {
    let digits = text.hasPrefix("sha256:") ? text.dropFirst(7) : text[...]
    if text.hasPrefix("sha256:"), text.contains("?") {
      return PipelineError(
        "'\(text)' is a line for what is elsewhere",
        hint:
          "get it first (brake get '\(text)'), and then name it by its digest: \(text.prefix { $0 != "?" })")
    }
    if 8...64 ~= digits.utf8.count, digits.utf8.allSatisfy({ 48...57 ~= $0 || 97...102 ~= $0 }) {
      return PipelineError(
        "nothing in \(store.root) has a digest or key that starts with \(text)",
        hint: "'brake ls' prints the digests of artefacts, 'brake status' the keys of actions")
    }
    return PipelineError(
      "there is no artefact '\(text)'",
      hint:
        "an artefact is named by eight or more digits of its digest, by those of the key of its action, by a "
        + "reference, as stage[key].output[member], or by the path where it was published")
  }

  static func facts(_ found: [NamedArtefact]) -> [(label: String, value: String)] {
    let most = 12
    let facts = found.prefix(most).map { (label: $0.name.visible(), value: $0.digest.short) }
    return found.count > most ? facts + [("and more", String(found.count - most))] : facts
  }
}

extension Record.Output {
  /// `checkpoints[256]`, or `fit` of a single artefact.
  public var label: String { name + (key.map { "[\($0)]" } ?? "") }
}
