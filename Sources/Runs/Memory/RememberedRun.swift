import Artefacts
import JSON
import Pipeline
import System

/// What a run had looked at and what came of it, so that a later one looks only at what lies behind a change.
///
/// Everything is there as it was when the run had ended; what has changed since is for `RunMemory` to find.
struct RememberedRun: Sendable {
  /// A folder of the store: as long as it is what it was, all that it held is there.
  struct Shelf: Sendable {
    /// The first byte of the digests that stand in it.
    let first: UInt8
    var status: FileStatus.Key
    var isSettled: Bool
  }

  /// What the run said, and what it must find unchanged to say it again.
  struct Summary: Sendable {
    var planned = 0
    /// Target instance -> its number.
    var targets: [(name: String, number: Int)] = []
    var outputs: [String: [String: JSON]] = [:]
    var published: [String] = []
    /// Program -> the path at which it was found.
    var tools: [String: String] = [:]
    var parameters: [String: JSON] = [:]
    /// The files that the pipeline includes; they stand among the sightings behind brake itself.
    var included: [String] = []
    /// Of instances that stages were planned by: the keys of their outputs, by instance and output.
    var keys: [KeyedOutput: [String]] = [:]
    /// The instances whose members others may read while they run.
    var eager: [Int] = []
    /// The instances that tell how those behind them ran: what they come to does not rest on the outputs of these alone.
    var telling: [Int] = []
  }

  var summary = Summary()
  var sightings = Sightings()
  var shelves: [Shelf] = []
  /// In an order in which each stands behind all it depends on.
  var instances: [RememberedInstance] = []
  /// What most of the instances have been read from; nil if they have to be written.
  var body: Body?

  /// A file with instances as they were when it was written.
  struct Body: Sendable {
    let seal: Digest
    let length: Int
    /// The numbers of those that have come to something else since, and of those that are new.
    var amended: Set<Int> = []
  }
}

extension RememberedRun.Summary {
  var json: JSON {
    [
      "planned": .integer(Int64(planned)),
      "targets": .array(targets.map { [.string($0.name), .integer(Int64($0.number))] }),
      "outputs": .object(outputs.mapValues { .object($0) }),
      "published": .array(published.map { .string($0) }),
      "tools": .object(tools.mapValues { .string($0) }), "parameters": .object(parameters),
      "included": .array(included.map { .string($0) }),
      "keys": .array(
        keys.map { [.string($0.key.instance), .string($0.key.output), .array($0.value.map { .string($0) })] }),
      "eager": .array(eager.map { .integer(Int64($0)) }),
      "telling": .array(telling.map { .integer(Int64($0)) }),
    ]
  }

  init?(_ json: JSON) {
    guard let planned = json["planned"]?.integer, let targets = json["targets"]?.array,
      let outputs = json["outputs"]?.object, let published = json["published"]?.array,
      let tools = json["tools"]?.object, let parameters = json["parameters"]?.object,
      let keys = json["keys"]?.array, let eager = json["eager"]?.array,
      let telling = json["telling"]?.array,
      let included = json["included"]?.array
    else { return nil }
    self.planned = planned
    self.targets = targets.compactMap { target in
      guard let name = target.array?.first?.string, let number = target.array?.last?.integer else {
        return nil
      }
      return (name, number)
    }
    self.included = included.compactMap(\.string)
    self.outputs = outputs.mapValues { $0.object ?? [:] }
    self.published = published.compactMap(\.string)
    self.tools = tools.compactMapValues(\.string)
    self.parameters = parameters
    self.eager = eager.compactMap(\.integer)
    self.telling = telling.compactMap(\.integer)
    for entry in keys {
      guard let parts = entry.array, parts.count == 3, let instance = parts[0].string,
        let output = parts[1].string
      else { return nil }
      self.keys[KeyedOutput(instance: instance, output: output)] = parts[2].array?.compactMap(\.string) ?? []
    }
  }
}
