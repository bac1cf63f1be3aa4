import System

/// Parts of files, with range requests.
extension WebFiles: RangedFiles {
  private struct WholeOnly: Error {}

  func read(_ part: WantedPart, of path: String) throws -> FilePart {
    let request = WebRequest(method: "GET", url: url(path), headers: ["Range: \(part.text)"])
    var bytes: [UInt8] = []
    let answer: WebAnswer
    do {
      answer = try client.ask(
        { request },
        receive: { [name] piece, answer in
          // What comes now is all of it, which may be long.
          guard answer.status == 206 else { throw WholeOnly() }
          guard piece.count <= part.limit - bytes.count else {
            throw RemoteFailure.lying(name, "sends more than the part of \(path) that it was asked for")
          }
          bytes.append(contentsOf: piece)
        },
        again: { bytes = [] })
    } catch is WholeOnly {
      return .wholeOnly
    }
    if try client.isMissing(answer, path) { return .missing }
    guard answer.isSuccess else { throw client.refusal(answer, path) }
    guard answer.status == 206 else { return .wholeOnly }
    guard let told = WebFiles.range(answer.headers["content-range"] ?? ""), told.size > 0,
      told.range == part.range(in: told.size), told.range.count == bytes.count
    else {
      throw RemoteFailure.lying(name, "sends another part of \(path) than it was asked for")
    }
    return .bytes(bytes, ofSize: told.size)
  }

  /// What `bytes 0-7/100` says (RFC 9110, section 14.4).
  private static func range(_ text: String) -> (range: Range<Int>, size: Int)? {
    guard text.hasPrefix("bytes "), let slash = text.firstIndex(of: "/"),
      let size = Int(text[slash...].dropFirst()), size <= 1 << 50
    else { return nil }
    let ends = text[..<slash].dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
    guard ends.count == 2, let first = Int(ends[0]), let last = Int(ends[1]), 0 <= first, first <= last,
      last < size
    else { return nil }
    return (first..<last + 1, size)
  }
}
