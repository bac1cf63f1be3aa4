public import Artefacts

/// Where an input comes from.
public enum InputSource: Sendable, Hashable {
  /// A file or folder of the workspace, relative to the pipeline's root (or absolute).
  case file(String)
  /// An artefact of the store, by digest.
  case artefact(Digest)
  /// An output of an instance: one artefact, or one member of a keyed output.
  case output(instance: String, output: String, key: String?)
  /// All members of a keyed output, whatever their keys turn out to be.
  case members(instance: String, output: String)
  /// Several, each with its key: the instances of a stage, or a list in the file.
  case collection([Member])

  public struct Member: Sendable, Hashable {
    /// Of a member whose source is `.members`, what stands before their keys: `key,member`.
    public let key: String
    public let source: InputSource

    public init(key: String, source: InputSource) {
      self.key = key
      self.source = source
    }
  }

  /// The instances it needs, in order, possibly repeated.
  public var instances: [String] {
    switch self {
    case .file, .artefact: []
    case .output(let instance, _, _), .members(let instance, _): [instance]
    case .collection(let members): members.flatMap(\.source.instances)
    }
  }
}
