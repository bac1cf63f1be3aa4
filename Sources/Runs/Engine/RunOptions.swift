public struct RunOptions: Sendable {
  /// Stages at once; 0 for one per processor.
  public var jobs = 0
  /// Go on with what does not depend on a failed stage.
  public var keepGoing = false
  /// Run every stage that the targets need, even where a record exists.
  public var always = false
  /// Ask programs for their versions even if nothing has to run, since what is recorded will be computed once more.
  public var asksVersions = false

  public init() {}
}
