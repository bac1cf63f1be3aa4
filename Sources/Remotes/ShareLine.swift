public import Artefacts
public import System

/// The line that one person sends another: what it is, and where it can be had.
///
///     sha256:<64 digits>?from=https://host/path&lineage=sha256:<64 digits>#layers.0.weight
///
/// All but the digest may be missing. Whoever follows the line need not trust it, nor the place: what comes is checked
/// against the digest.
public struct ShareLine: Hashable, Sendable, CustomStringConvertible {
  public var digest: Digest
  /// Where it can be had.
  public var from: RemoteAddress?
  /// The list of the records by which it was made: see `LineageList`.
  public var lineage: Digest?
  /// A tensor of it.
  public var tensor: String?

  public init(digest: Digest, from: RemoteAddress? = nil, lineage: Digest? = nil, tensor: String? = nil) {
    self.digest = digest
    self.from = from
    self.lineage = lineage
    self.tensor = tensor
  }

  /// Whether a text is meant as such a line, and not as some other name of an artefact.
  public static func isMeant(by text: String) -> Bool {
    text.hasPrefix("sha256:") && text.contains { $0 == "?" || $0 == "#" }
  }

  /// - Throws: `.malformed` for what is no such line.
  public init(_ text: String) throws(Failure) {
    let address = text.prefix { $0 != "#" }
    let name = address.prefix { $0 != "?" }
    guard let digest = Digest(name) else { throw ShareLine.malformed("'\(name)' is no whole digest") }
    self.init(digest: digest)
    if address.count < text.count {
      guard let tensor = WebAddress.unescaped(text.dropFirst(address.count + 1)), !tensor.isEmpty else {
        throw ShareLine.malformed("what follows # is no name of a tensor")
      }
      self.tensor = tensor
    }
    for part in address.dropFirst(name.count + 1).split(separator: "&") {
      let sides = part.split(separator: "=", maxSplits: 1)
      guard sides.count == 2, let value = WebAddress.unescaped(sides[1]) else {
        throw ShareLine.malformed("'\(part)' is not name=value")
      }
      switch sides[0] {
      case "from": from = try RemoteAddress(value)
      case "lineage":
        lineage = Digest(value)
        if lineage == nil { throw ShareLine.malformed("its lineage is no whole digest") }
      default: throw ShareLine.malformed("'\(sides[0])' is not known; a newer brake may know it")
      }
    }
  }

  public var description: String {
    var options: [String] = []
    if let from { options.append("from=\(ShareLine.escaped(from.description))") }
    if let lineage { options.append("lineage=\(lineage)") }
    return digest.description + (options.isEmpty ? "" : "?" + options.joined(separator: "&"))
      + (tensor.map { "#" + ShareLine.escaped($0) } ?? "")
  }

  /// As little as needs be: people read it.
  private static func escaped(_ text: String) -> String {
    text.unicodeScalars.reduce(into: "") { result, scalar in
      let isPlain = scalar == ":" || scalar == "~" || scalar == "@"
      result += isPlain ? String(scalar) : WebAddress.escaped(String(scalar))
    }
  }

  private static func malformed(_ reason: String) -> Failure {
    Failure(
      .malformed, "this is no line of 'brake share': \(reason)",
      hint: "paste all of it, in single quotes: 'sha256:…?from=…'")
  }
}
