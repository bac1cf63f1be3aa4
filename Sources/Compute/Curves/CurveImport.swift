internal import JSON
internal import System

/// Reads per-step losses from the files that people have.
///
/// - Tables with a header (comma, tab, semicolon or bar, or blanks between the columns; fields may be quoted). Without a
///   header the columns are called `1`, `2`, ..., and of two the first is the step.
/// - JSON: a list of objects; an object of lists; several runs as an object of those; the `log_history` of Hugging Face's
///   `trainer_state.json`; and what the authors of [ZSL] published, `{run: {smoothed_loss: {x, y}}}`, which is already
///   smoothed and subsampled and is kept as it is, the doubled last point of OLMo-7B included.
/// - JSON lines: one object a line.
/// - Event files of TensorBoard, with the tags of their scalars as columns, and what Weights & Biases writes of a run
///   (`run-ID.wandb`), with the keys of its history.
/// - Tables that Weights & Biases exports of several runs, with columns `RUN - KEY`.
/// - What programs print while they train, such as Megatron and nanoGPT, see `LogLine`, and transformers, see `TrainerPart`.
///
/// What is wrong with single rows is noted in the curve; see `CurveNote.Kind` for what is done about it.
public struct CurveImport: Sendable, Hashable {
  public enum Format: String, Sendable, CaseIterable {
    case table, json, jsonl, tensorboard, wandb, log
  }

  /// Column names; nil to find them by their usual names.
  public var step: String?
  public var loss: String?
  /// The run's name where the file does not give one; nil for the file's name without its extensions.
  public var run: String?
  /// Nil to tell from the content.
  public var format: Format?

  public init(step: String? = nil, loss: String? = nil, run: String? = nil, format: Format? = nil) {
    self.step = step
    self.loss = loss
    self.run = run
    self.format = format
  }

  /// - Parameters:
  ///   - bytes: the content, not compressed.
  ///   - file: what messages call it; also where the default run name comes from.
  /// - Returns: the runs in natural order of their names (14M before 144M).
  /// - Throws: `Failure` with the file and, where there is one, the line; `CancellationError`.
  public func callAsFunction(_ bytes: [UInt8], file: String) throws -> [Curve] {
    guard bytes.contains(where: { $0 != 0x20 && !(0x09...0x0D).contains($0) }) else {
      throw Failure(.malformed, "\(file): the file is empty")
    }
    let text = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes.dropFirst(3)) : bytes
    let name = run ?? CurveImport.runName(ofFile: file)
    let format = try self.format ?? CurveImport.detect(text, file: file)
    let curves =
      switch format {
      case .table: try table(text, file: file, run: name)
      case .json: try json(text, file: file, run: name)
      case .jsonl: [try jsonLines(text, file: file, run: name)]
      case .log: [try log(text, file: file, run: name)]
      case .tensorboard: [try tensorBoard(bytes, file: file, run: name)]
      case .wandb: [try wandb(bytes, file: file, run: name)]
      }
    for curve in curves where !(1...CurveImport.longestName).contains(curve.run.utf8.count) {
      throw Failure(
        .malformed,
        "\(file): the name of a run has \(curve.run.utf8.count) bytes, and not 1 to \(CurveImport.longestName)",
        hint: "name it: run: NAME")
    }
    return curves.sorted { naturallyPrecedes($0.run, $1.run) }
  }

  /// Bytes of a run's name, at most.
  static let longestName = 200

  /// The last part of a path without the extensions of compression and format.
  public static func runName(ofFile path: String) -> String {
    var name = path.split(separator: "/").last.map(String.init) ?? path
    for extensions in [
      ["gz", "xz", "zst", "zstd"], ["csv", "tsv", "txt", "json", "jsonl", "ndjson", "log"],
    ] {
      if let dot = name.lastIndex(of: "."), dot > name.startIndex,
        extensions.contains(name[name.index(after: dot)...].lowercased())
      {
        name = String(name[..<dot])
      }
    }
    return name
  }

  /// JSON starts with a bracket; JSON lines are several values, the first of them alone on its line.
  private static func detect(_ text: [UInt8], file: String) throws(Failure) -> Format {
    if isTensorBoard(text) { return .tensorboard }
    if isWandb(text) { return .wandb }
    guard !text.prefix(4096).contains(0) else {
      throw Failure(
        .malformed, "\(file): this is not text, and no file of TensorBoard or Weights & Biases",
        hint: "brake operations curve.import lists the forms that can be read")
    }
    let first = text.first { $0 > 0x20 }
    // A log whose lines begin with a time or a name in brackets.
    if first == UInt8(ascii: "["), followsBracket(text), isLog(text) || isTrainerLog(text) { return .log }
    guard first == UInt8(ascii: "{") || first == UInt8(ascii: "[") else {
      return isLog(text) || isTrainerLog(text) ? .log : .table
    }
    // A dictionary as Python prints it is no JSON.
    if text.drop(while: { $0 <= 0x20 }).starts(with: "{'".utf8), isLog(text) || isTrainerLog(text) {
      return .log
    }
    let body = text.drop { $0 <= 0x20 }
    guard first == UInt8(ascii: "{"), let end = body.firstIndex(of: UInt8(ascii: "\n")),
      body[end...].contains(where: { $0 > 0x20 })
    else { return .json }
    return (try? JSON(parsing: body[..<end], options: .python)) == nil ? .json : .jsonl
  }
}

/// Whether a word, or another bracket, follows the first bracket that is closed, as in no JSON.
private func followsBracket(_ text: [UInt8]) -> Bool {
  guard let end = text.prefix(1000).firstIndex(of: UInt8(ascii: "]")),
    let next = text[(end + 1)...].first(where: { $0 > 0x20 })
  else { return false }
  return !",]}".utf8.contains(next)
}

/// Whether one name comes before another, with numbers in them compared as numbers.
func naturallyPrecedes(_ a: String, _ b: String) -> Bool {
  var (x, y) = (a.utf8[...], b.utf8[...])
  func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
  while let first = x.first, let second = y.first {
    if isDigit(first), isDigit(second) {
      let (m, n) = (
        x.prefix(while: isDigit).drop { $0 == 0x30 }, y.prefix(while: isDigit).drop { $0 == 0x30 }
      )
      if m.count != n.count { return m.count < n.count }
      if !m.elementsEqual(n) { return m.lexicographicallyPrecedes(n) }
      x = x.drop(while: isDigit)
      y = y.drop(while: isDigit)
    } else {
      if first != second { return first < second }
      x = x.dropFirst()
      y = y.dropFirst()
    }
  }
  return x.isEmpty && !y.isEmpty || (x.isEmpty == y.isEmpty && a.utf8.lexicographicallyPrecedes(b.utf8))
}
