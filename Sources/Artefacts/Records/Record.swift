public import JSON

/// What an action produced, kept under the action's key. The key is the digest of the manifest's canonical bytes, and
/// the manifest is kept, so that two actions can be compared long after they ran.
public struct Record: Hashable, Sendable {
  public struct Output: Hashable, Sendable {
    public let name: String
    /// Nil for a single artefact, the key of one of many in a keyed output.
    public let key: String?
    /// What its file was called in the folder of a keyed output; nil for a single artefact.
    public let file: String?
    /// Whether it is a file that can be executed.
    public let isExecutable: Bool
    public let artefact: Artefact

    public init(
      name: String, key: String? = nil, file: String? = nil, isExecutable: Bool = false, artefact: Artefact
    ) {
      self.name = name
      self.key = key
      self.file = file
      self.isExecutable = isExecutable
      self.artefact = artefact
    }
  }

  public let manifest: JSON
  /// In the order in which the action declared and keyed them.
  public let outputs: [Output]
  /// What the action printed, as a blob; nil if it printed nothing.
  public let log: Digest?
  /// What the stage was called when it ran, for people. No part of the key.
  public let stage: String
  /// Digest -> name of the inputs that came from the workspace, for people. No part of the key.
  public let sources: [String: String]
  /// The artefact that is the container image in which the action ran, such as one that a stage has made; nil if there was no image, or it
  /// was a file of the workspace. No part of the key, which holds what the image is however it is saved.
  public let image: Digest?
  /// Why the action may have read what its manifest does not name; nil where it was kept from that. No part of the key.
  public let doubt: Doubt?
  /// How many attempts, up to the one that made it, were given what earlier ones had saved; 0 if that one was not. No part of the key.
  public let timesResumed: Int
  /// Whether the attempt that made it was given what an earlier one had saved.
  public var isResumed: Bool { timesResumed > 0 }

  /// What an action was not kept in.
  public enum Doubt: String, Hashable, Sendable {
    /// A sandbox: its stage says `sandbox: false`.
    case declined
    /// A sandbox: there was none where it ran.
    case unavailable
  }

  public init(
    manifest: JSON, outputs: [Output], log: Digest?, stage: String, sources: [String: String],
    image: Digest? = nil, doubt: Doubt? = nil, timesResumed: Int = 0
  ) {
    self.doubt = doubt
    self.timesResumed = timesResumed
    self.manifest = manifest
    self.outputs = outputs
    self.log = log
    self.stage = stage
    self.sources = sources
    self.image = image
  }

  public var key: Digest { Digest(of: manifest.canonicalBytes) }
}

extension Record.Doubt {
  /// For people, as what is said of a result.
  public var words: String {
    switch self {
    case .declined: "made without a sandbox, as its stage wants"
    case .unavailable: "made without a sandbox, since there was none"
    }
  }
}

extension Record {
  /// The first name in it that none may be, since it would lead elsewhere or cannot be shown; nil if all are sound.
  var fault: String? {
    for output in outputs {
      for name in [output.name, output.key, output.file].compactMap(\.self) {
        guard let fault = EntryName.fault(of: name) else { continue }
        return "an output in it is called \(name.debugDescription): \(fault)"
      }
    }
    for label in [stage] + sources.values.sorted() {
      guard let fault = EntryName.fault(ofLabel: label) else { continue }
      return "it names a stage or source \(label.debugDescription): \(fault)"
    }
    return nil
  }
}
