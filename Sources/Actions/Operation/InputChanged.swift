/// What stood at a source's path when its action's key was computed stands there no more: with what stands there now it
/// is another action.
public struct InputChanged: Error {
  /// The source's path as the pipeline names it.
  public let input: String

  public init(input: String) { self.input = input }
}
