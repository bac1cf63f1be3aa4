public import System
import Artefacts

/// What Hugging Face's hub, or a web server with the same paths, publishes: a revision of a model, or a file of it.
///
///     hf://owner/model[@revision][/file]
///     https://huggingface.co/owner/model/resolve/revision/file     as a browser shows it; also …/blob/… and …/tree/revision
///
/// A revision is a branch, a tag or a commit: `main` where none is named. A slash in one is written `%2F`.
public struct HubAddress: Hashable, Sendable, CustomStringConvertible {
  /// `owner/model`.
  public let model: String
  public var revision: String
  /// A single file of it; nil for the model: its configuration, weights and tokeniser.
  public let file: String?

  static let web = "https://huggingface.co/"

  /// Whether a text is meant as such an address, and not as the path of a file.
  public static func isMeant(by text: String) -> Bool {
    text.hasPrefix("hf://") || [web, HubAddress.endpoint].contains { $0.map(text.hasPrefix) ?? false }
  }

  private static var endpoint: String? {
    Environment["HF_ENDPOINT"].map { $0.hasSuffix("/") ? $0 : $0 + "/" }
  }

  /// - Throws: `.malformed` for what is no such address.
  public init(_ text: String) throws(Failure) {
    guard text.utf8.count <= 2048, text.unicodeScalars.allSatisfy(\.isVisible) else {
      throw HubAddress.malformed("an address", "it is too long, or holds control characters")
    }
    if text.hasPrefix("hf://") {
      let parts = text.dropFirst(5).split(separator: "/", omittingEmptySubsequences: false)
      guard parts.count >= 2 else {
        throw HubAddress.malformed(text, "an owner and a model are expected")
      }
      let sides = parts[1].split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
      try self.init(
        text, parts[0], sides[0], sides.count == 2 ? sides[1] : "main", parts.dropFirst(2).map { $0 })
      return
    }
    guard let start = [HubAddress.web, HubAddress.endpoint].first(where: { $0.map(text.hasPrefix) ?? false })
    else {
      throw HubAddress.malformed(text, "it begins with neither hf:// nor \(HubAddress.web)")
    }
    let path = text.dropFirst(start!.count).prefix { $0 != "?" && $0 != "#" }
    let parts = path.split(separator: "/")
    switch (parts.count, parts.dropFirst(2).first) {
    case (2, _): try self.init(text, parts[0], parts[1], "main", [])
    case (4, "tree"): try self.init(text, parts[0], parts[1], parts[3], [])
    case (5..., "resolve"), (5..., "blob"):
      try self.init(text, parts[0], parts[1], parts[3], parts.dropFirst(4).map { $0 })
    default: throw HubAddress.malformed(text, "it names neither a model nor a file of one")
    }
  }

  private init(
    _ text: String, _ owner: Substring, _ name: Substring, _ revision: Substring, _ file: [Substring]
  ) throws(Failure) {
    for part in [owner, name] {
      guard 1...96 ~= part.utf8.count, part != ".", part != "..",
        part.utf8.allSatisfy({
          48...57 ~= $0 || 65...90 ~= $0 || 97...122 ~= $0 || $0 == 45 || $0 == 46 || $0 == 95
        })
      else { throw HubAddress.malformed(text, "'\(part)' is no name of an owner or a model") }
    }
    guard let revision = WebAddress.unescaped(revision), 1...256 ~= revision.utf8.count,
      revision.unicodeScalars.allSatisfy(\.isVisible),
      !revision.split(separator: "/", omittingEmptySubsequences: false).contains(where: {
        $0.isEmpty || $0 == "." || $0 == ".."
      })
    else { throw HubAddress.malformed(text, "what follows @ is no revision") }
    var names: [String] = []
    for part in file {
      guard let name = WebAddress.unescaped(part), EntryName.fault(of: name) == nil else {
        throw HubAddress.malformed(text, "'\(part)' is no name of a file or a folder")
      }
      names.append(name)
    }
    model = "\(owner)/\(name)"
    self.revision = revision
    self.file = names.isEmpty ? nil : names.joined(separator: "/")
  }

  public var description: String {
    "hf://\(model)@\(WebAddress.escaped(revision, slashes: false))"
      + (file.map { "/" + WebAddress.escaped($0) } ?? "")
  }

  private static func malformed(_ text: String, _ reason: String) -> Failure {
    Failure(
      .malformed, "'\(text)' is no address of a model: \(reason)",
      hint: "give hf://OWNER/MODEL@REVISION, or hf://OWNER/MODEL@REVISION/FILE")
  }
}
