public import JSON

/// What an instance needs of the machine while it runs, as its stage declares it. It decides where and beside what the
/// instance runs, never what comes of it, and is no part of its key.
public struct Resources: Sendable, Hashable {
  /// Processor cores; nil where the stage does not say.
  public var cores: Int?
  /// Bytes.
  public var memory: Int?
  public var gpus: Int?
  /// How long it takes at most.
  public var time: Duration?

  public init(cores: Int? = nil, memory: Int? = nil, gpus: Int? = nil, time: Duration? = nil) {
    self.cores = cores
    self.memory = memory
    self.gpus = gpus
    self.time = time
  }

  public static let undeclared = Resources()

  /// What is declared: `{"cores": 4, "memory": 8589934592, "gpus": 1, "time": 9000}`, in bytes and seconds.
  public var json: JSON {
    let declared = [
      "cores": cores, "memory": memory, "gpus": gpus, "time": time.map { Int($0.components.seconds) },
    ]
    return .object(declared.compactMapValues { $0.map { .integer(Int64($0)) } })
  }
}

extension Resources {
  /// What `json` says; what is missing is not declared.
  public init(_ json: JSON) {
    self.init(
      cores: json["cores"]?.integer, memory: json["memory"]?.integer, gpus: json["gpus"]?.integer,
      time: json["time"]?.integer.map { .seconds($0) })
  }
}
