/// Something that a record promises and the store does not have.
public struct Loss: Hashable, Sendable {
  /// Nil for the log.
  public let output: Record.Output?
  /// The missing object: the output's own, or one that its tree names.
  public let object: Digest
}
