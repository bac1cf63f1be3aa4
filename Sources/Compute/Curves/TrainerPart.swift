/// A part of what transformers' Trainer prints, between line feeds and carriage returns. It prints dictionaries that say no step, and
/// tqdm draws its bar anew behind each of them, which then stands at the step that the dictionary is of:
///
///     {'loss': '3.91', 'grad_norm': '0.8151', 'learning_rate': '4.5e-05', 'epoch': '0.25'}
///      13%|█▎        | 4/30 [00:00<00:00, 66.23it/s]
struct TrainerPart {
  /// Whether nothing of it can be seen.
  let isBlank: Bool
  /// The bars that stand in it, in front of the dictionary if both do: one, where carriage returns are kept.
  let bars: [Bar]
  /// What a dictionary in it says, which it ends with; nil if it does not.
  let dictionary: [LogLine.Entry]?

  /// A progress bar: that of the training, or another one, such as that of an evaluation.
  struct Bar {
    /// 0 before it has begun.
    let step: Int
    let total: Int
  }

  init(_ text: UnsafeBufferPointer<UInt8>) {
    let visible = TrainerPart.withoutEscapes(text)
    guard let end = visible.lastIndex(where: { $0 != 0x20 && $0 != 0x09 }) else {
      (isBlank, bars, dictionary) = (true, [], nil)
      return
    }
    let line = visible[...end]
    isBlank = false
    if line.last == UInt8(ascii: "}"), let start = TrainerPart.dictionaryStart(line) {
      dictionary = line[start...].withUnsafeBufferPointer { LogLine($0).entries }
      bars = TrainerPart.bars(in: line[..<start])
    } else {
      dictionary = nil
      bars = TrainerPart.bars(in: line)
    }
  }

  /// Where `{'` stands first.
  private static func dictionaryStart(_ line: ArraySlice<UInt8>) -> Int? {
    line.indices.dropLast().first { line[$0] == UInt8(ascii: "{") && line[$0 + 1] == UInt8(ascii: "'") }
  }

  private static func bars(in line: ArraySlice<UInt8>) -> [Bar] {
    var found: [Bar] = []
    var rest = line
    while let percent = rest.firstIndex(of: UInt8(ascii: "%")) {
      if let bar = TrainerPart.bar(at: percent, in: line) { found.append(bar) }
      rest = rest[(percent + 1)...]
    }
    return found
  }

  /// The numbers in `NN%|███   | 4/30 [`; nil if that is no bar, or one beyond its end.
  ///
  /// - Parameter percent: where the sign stands.
  private static func bar(at percent: Int, in line: ArraySlice<UInt8>) -> Bar? {
    let edge = UInt8(ascii: "|")
    guard percent > line.startIndex, (0x30...0x39).contains(line[percent - 1]),
      line[(percent + 1)...].first == edge, let end = line[(percent + 2)...].firstIndex(of: edge)
    else { return nil }
    let counts = line[(end + 1)...].drop { $0 == 0x20 }.prefix(40).prefix { $0 != 0x20 }
    let numbers = counts.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    guard numbers.count == 2,
      numbers.allSatisfy({ !$0.isEmpty && $0.count < 16 && $0.allSatisfy { (0x30...0x39).contains($0) } }),
      let step = Int(String(decoding: numbers[0], as: UTF8.self)),
      let total = Int(String(decoding: numbers[1], as: UTF8.self)), step <= max(1, total)
    else { return nil }
    return Bar(step: step, total: total)
  }

  /// Without the sequences by which terminals move their cursor and change colours.
  private static func withoutEscapes(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    guard text.contains(0x1B) else { return Array(text) }
    var kept: [UInt8] = []
    var position = 0
    while position < text.count {
      guard text[position] == 0x1B else {
        kept.append(text[position])
        position += 1
        continue
      }
      position += 1
      guard position < text.count, text[position] == UInt8(ascii: "[") else { continue }
      position += 1
      while position < text.count, !(0x40...0x7E).contains(text[position]) { position += 1 }
      position += 1
    }
    return kept
  }
}
