public import JSON
public import System

/// What an action took when it ran: kept beside its record, and no part of it.
public struct Effort: Sendable, Hashable {
  /// From the beginning of its execution to the end. What it waited for before, as in the queue of a cluster, is no part of it. Nil where
  /// that is for whoever asked for it to tell.
  public var seconds: Double?
  /// Seconds of processors; nil where they are not known, as of an operation that ran beside others in one process. Those of an operation
  /// that ran alone have in them what brake did meanwhile, as its threads work for whoever comes.
  public var processorSeconds: Double?
  /// Bytes: the most that one of its processes had in memory at once; nil where it is not known.
  public var peakMemory: Int?
  /// The machine on which it ran; nil where that is this one.
  public var host: String?

  public init(_ usage: ProcessUsage? = nil, seconds: Double? = nil, host: String? = nil) {
    self.seconds = seconds
    self.host = host
    processorSeconds = usage?.processorSeconds
    peakMemory = usage?.peakMemory
  }

  /// What two attempts took together, one after the other, as far as that is known.
  public func adding(_ later: Effort) -> Effort {
    func sum(_ a: Double?, _ b: Double?) -> Double? { a.map { $0 + (b ?? 0) } ?? b }
    var both = later
    both.seconds = sum(seconds, later.seconds)
    both.processorSeconds = sum(processorSeconds, later.processorSeconds)
    both.peakMemory = [peakMemory, later.peakMemory].compactMap { $0 }.max()
    both.host = later.host ?? host
    return both
  }

  /// As it stands beside a record and in a job's answer: with members for what is known.
  public var members: [String: JSON] {
    var members: [String: JSON] = [:]
    if let seconds { members["seconds"] = .number(seconds) }
    if let processorSeconds { members["cpu_seconds"] = .number(processorSeconds) }
    if let peakMemory { members["peak_memory"] = .integer(Int64(peakMemory)) }
    if let host { members["host"] = .string(host) }
    return members
  }

  /// What is no such number, or none that there can be, is not known.
  public init(_ json: JSON) {
    func time(_ name: String) -> Double? {
      json[name]?.double.flatMap { (0...1e12).contains($0) ? $0 : nil }
    }
    seconds = time("seconds")
    processorSeconds = time("cpu_seconds")
    peakMemory = json["peak_memory"]?.integer.flatMap { $0 > 0 ? Int($0) : nil }
    host = json["host"]?.string.flatMap { $0.utf8.count <= 256 ? $0 : nil }
  }
}
