import Artefacts

/// The names of a store's files, wherever they are kept.
enum StorePath: Hashable {
  case object(Digest)
  case record(Digest)
  /// The signatures of the record of an action.
  case signatures(Digest)
  case reference(String)
  /// A list of what others may ask for, called by the SHA-256 of its bytes.
  case shared(Digest)
  /// What says that there is a store.
  case format

  var text: String {
    switch self {
    case .object(let digest): "objects/\(digest.hex.prefix(2))/\(digest.hex.dropFirst(2))"
    case .record(let key): "actions/\(key.hex.prefix(2))/\(key.hex.dropFirst(2))"
    case .signatures(let key): "signatures/\(key.hex.prefix(2))/\(key.hex.dropFirst(2))"
    case .reference(let name): "refs/\(name)"
    case .shared(let list): "shared/\(list.hex)"
    case .format: "format"
    }
  }

  /// What a name from elsewhere means; nil if it is none of these.
  init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    switch parts.first {
    case "objects", "actions", "signatures":
      guard parts.count == 3, parts[1].utf8.count == 2, parts[2].utf8.count == 62,
        let digest = Digest(String(parts[1] + parts[2]))
      else { return nil }
      switch parts[0] {
      case "objects": self = .object(digest)
      case "actions": self = .record(digest)
      default: self = .signatures(digest)
      }
    case "shared":
      guard parts.count == 2, parts[1].utf8.count == 64, let list = Digest(String(parts[1])) else {
        return nil
      }
      self = .shared(list)
    case "format" where parts.count == 1: self = .format
    case "refs" where parts.count > 1: self = .reference(parts.dropFirst().joined(separator: "/"))
    default: return nil
    }
  }
}
