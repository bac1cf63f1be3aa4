import Artefacts
import Report

/// The numbers of a report by the artefact that each was read from: a report of brake's has them as
/// `<data value="…" title="sha256:…">…</data>`.
struct ReportNumbers {
  /// In the order in which artefacts come up, and of each in that of the page.
  private(set) var numbers: [(digest: Digest, texts: [String])] = []

  private static let most = 20_000

  init(_ bytes: [UInt8]) {
    var places: [Digest: Int] = [:]
    var count = 0
    let page = String(decoding: bytes, as: UTF8.self)
    for match in page.matches(of: /<data value="([^"<>]*)" title="(sha256:[0-9a-f]{64})">([^<>]*)<\/data>/) {
      guard count < ReportNumbers.most, let digest = Digest(match.2) else { continue }
      count += 1
      let text = Markup.unescaped(String(match.3)).printable
      if let place = places[digest] {
        numbers[place].texts.append(text)
      } else {
        places[digest] = numbers.count
        numbers.append((digest, [text]))
      }
    }
  }
}
