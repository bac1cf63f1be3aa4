public import Actions

/// What is wrong with a pipeline file, all at once, and what is probably not meant.
public struct PipelineLint: Sendable {
  public struct Finding: Sendable {
    public enum Severity: String, Sendable { case error, warning }

    public let severity: Severity
    public let headline: String
    public let position: Position?
    public let facts: [(label: String, value: String)]
    public let hint: String?

    init(_ severity: Severity, _ error: PipelineError) {
      self.severity = severity
      headline = error.headline
      position = error.position
      facts = error.facts
      hint = error.hint
    }
  }

  private let registry: OperationRegistry

  public init(registry: OperationRegistry) { self.registry = registry }

  /// Everything that can be said of a file, by its position. Warnings are given only where there is no error.
  ///
  /// - Parameters:
  ///   - read: the text of a file that is included, by its path.
  ///   - overrides: `NAME=VALUE`, as for a run. What depends on a parameter that has no value is not looked at.
  public func findings(
    text: String, path: String, overrides: [(name: String, value: String)] = [],
    read: (String) throws -> String = PipelineFile.nothing
  ) -> [Finding] {
    let faults = Faults(collecting: true)
    var warnings: [PipelineError] = []
    do throws(PipelineError) {
      let file = try withoutActuallyEscaping(read) { (read) throws(PipelineError) in
        var loader = PipelineLoader(faults: faults, read: read)
        return try loader.file(text, path: path)
      }
      // These are the user's to give.
      faults.ignored = Set(file.unsetParameters.map(ExpressionScope.unset))
      if !faults.errors.isEmpty, (try? file.scope(overrides: overrides)) == nil { throw faults.errors[0] }
      let plan = try Planner(registry: registry).plan(file, overrides: overrides, keys: [:], faults: faults)
      if faults.errors.isEmpty { warnings = PipelineWarnings(file, faults.hasIgnored ? nil : plan).list }
    } catch {
      // One that ends everything is among the errors, too.
      try? faults.take(error)
    }
    return PipelineLint.sorted(faults.errors).map { Finding(.error, $0) }
      + PipelineLint.sorted(warnings).map { Finding(.warning, $0) }
  }

  /// Each once, by file, line and column.
  private static func sorted(_ errors: [PipelineError]) -> [PipelineError] {
    var seen: Set<String> = []
    let unique = errors.filter { seen.insert($0.description).inserted }
    func rank(_ error: PipelineError) -> (String, Int, Int) {
      (error.position?.file ?? "", error.position?.line ?? 0, error.position?.column ?? 0)
    }
    // Stable, so that errors of one place stay in the order in which they were found.
    return unique.enumerated().sorted { one, other in
      let (a, b) = (rank(one.element), rank(other.element))
      return a == b ? one.offset < other.offset : a < b
    }.map(\.element)
  }
}
