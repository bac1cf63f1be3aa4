public import JSON

/// What an instance needs of the machine while it runs, as its stage declares it. It decides where and beside what the
/// instance runs, never what comes of it, and is no part of its key.
public struct Resources: Sendable, Hashable {
  /// Where an instance runs, for a stage that says so.
  public enum Runner: String, Sendable, CaseIterable {
    case local, slurm
  }

  /// Processor cores; nil where the stage does not say.
  public var cores: Int?
  /// Bytes.
  public var memory: Int?
  public var gpus: Int?
  /// How long it takes at most.
  public var time: Duration?
  /// Nil where the stage does not say.
  public var runner: Runner?

  /// How many instances may be one job of a cluster, one after the other; nil where the stage does not say.
  public var group: Int?

  public init(
    cores: Int? = nil, memory: Int? = nil, gpus: Int? = nil, time: Duration? = nil, runner: Runner? = nil,
    group: Int? = nil
  ) {
    self.cores = cores
    self.memory = memory
    self.gpus = gpus
    self.time = time
    self.runner = runner
    self.group = group
  }

  public static let undeclared = Resources()

  /// What is declared: `{"cores": 4, "memory": 8589934592, "gpus": 1, "time": 9000, "runner": "slurm"}`, in bytes and seconds.
  public var json: JSON {
    let amounts = [
      "cores": cores, "memory": memory, "gpus": gpus, "time": time.map { Int($0.components.seconds) },
      "group": group,
    ]
    var declared = amounts.compactMapValues { $0.map { JSON.integer(Int64($0)) } }
    declared["runner"] = runner.map { .string($0.rawValue) }
    return .object(declared)
  }
}

extension Resources {
  /// What `json` says; what is missing is not declared.
  public init(_ json: JSON) {
    self.init(
      cores: json["cores"]?.integer, memory: json["memory"]?.integer, gpus: json["gpus"]?.integer,
      time: json["time"]?.integer.map { .seconds($0) },
      runner: json["runner"]?.string.flatMap(Runner.init), group: json["group"]?.integer)
  }
}
