import System

/// What goes into a bundle.
public struct BundleOptions: Sendable {
  /// Which outputs are also written out under `files/`.
  public enum Files: String, CaseIterable, Sendable {
    /// What is published, and what is made by stages that no other reads; of that what has at most 16 MiB.
    case results
    /// Every output of every stage.
    case all
    case none
  }

  public var files = Files.results
  /// Whether the store keeps only what is published or made by stages that no other reads. The records are of all stages.
  public var resultsOnly = false

  public init() {}
}

/// How much a bundle holds.
public struct BundleSummary: Sendable {
  public let stages: Int
  public let actions: Int
  public let artefacts: Int
  public let omitted: Int
  public let files: Int
  public let bytes: Int
}
