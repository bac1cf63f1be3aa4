public import System

extension Failure.Code {
  /// Columns that are missing or can be read in more than one way.
  public static let columns = Self("columns")
  /// A curve that is well formed, but of which the asked-for analysis is not defined: too short, or flat.
  public static let unusable = Self("unusable")
  /// Something that is well formed, of a kind that is not implemented.
  public static let unsupported = Self("unsupported")
}
