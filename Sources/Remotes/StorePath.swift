import Artefacts

/// The names of a store's files, wherever they are kept.
enum StorePath: Hashable {
  case object(Digest)
  case record(Digest)
  case reference(String)
  /// What says that there is a store.
  case format

  var text: String {
    switch self {
    case .object(let digest): "objects/\(digest.hex.prefix(2))/\(digest.hex.dropFirst(2))"
    case .record(let key): "actions/\(key.hex.prefix(2))/\(key.hex.dropFirst(2))"
    case .reference(let name): "refs/\(name)"
    case .format: "format"
    }
  }

  /// What a name from elsewhere means; nil if it is none of these.
  init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    switch parts.first {
    case "objects", "actions":
      guard parts.count == 3, parts[1].utf8.count == 2, parts[2].utf8.count == 62,
        let digest = Digest(String(parts[1] + parts[2]))
      else { return nil }
      self = parts[0] == "objects" ? .object(digest) : .record(digest)
    case "format" where parts.count == 1: self = .format
    case "refs" where parts.count > 1: self = .reference(parts.dropFirst().joined(separator: "/"))
    default: return nil
    }
  }
}
