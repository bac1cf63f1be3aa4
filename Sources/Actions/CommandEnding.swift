public import JSON

/// When a command has succeeded, and what becomes of one that has not.
public struct CommandEnding: Sendable, Hashable {
  /// The exit statuses that mean success, ascending. They are part of the key, if they are others than 0; all else is not,
  /// since it decides whether there is a result, and never which.
  public var codes: [Int]
  /// How long each attempt may take; nil for as long as it wants.
  public var timeout: Duration?
  /// How long it has to end when it is asked to.
  public var grace: Duration
  /// How often it is tried again after it has failed.
  public var retries: Int

  /// What holds if a stage says nothing.
  public static let usualGrace = Duration.seconds(10)
  public static let mostRetries = 100

  public init(
    codes: [Int] = [0], timeout: Duration? = nil, grace: Duration = usualGrace, retries: Int = 0
  ) {
    self.codes = codes
    self.timeout = timeout
    self.grace = grace
    self.retries = retries
  }

  /// `{"codes": [0, 3], "grace": 10, "retries": 2, "timeout": 7200}`, in seconds, without what is as usual.
  public var json: JSON {
    var members: [String: JSON] = [:]
    if codes != [0] { members["codes"] = .array(codes.map { .integer(Int64($0)) }) }
    if let timeout { members["timeout"] = .integer(timeout.components.seconds) }
    if grace != CommandEnding.usualGrace { members["grace"] = .integer(grace.components.seconds) }
    if retries != 0 { members["retries"] = .integer(Int64(retries)) }
    return .object(members)
  }

  /// What `json` says.
  public init(_ json: JSON) {
    self.init(
      codes: json["codes"]?.array.map { $0.compactMap(\.integer) } ?? [0],
      timeout: json["timeout"]?.integer.map { .seconds($0) },
      grace: json["grace"]?.integer.map { .seconds($0) } ?? CommandEnding.usualGrace,
      retries: json["retries"]?.integer ?? 0)
  }
}
