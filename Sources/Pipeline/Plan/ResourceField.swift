import Actions
import JSON
import System

/// A field of a stage that declares a resource, or where it is to be had.
enum ResourceField: String, CaseIterable {
  case cores, memory, gpus, time, runner, group

  /// Reads a value into the resources.
  ///
  /// - Parameters:
  ///   - node: evaluated.
  ///   - stage: for messages.
  func read(_ node: PipelineNode, into resources: inout Resources, stage: String) throws(PipelineError) {
    let isRead =
      switch self {
      case .cores: ResourceField.set(&resources.cores, count(node, 1...65536))
      case .memory: ResourceField.set(&resources.memory, node.text.flatMap(ByteAmount.bytes))
      case .gpus: ResourceField.set(&resources.gpus, count(node, 0...65536))
      case .time:
        ResourceField.set(&resources.time, node.text.flatMap(ResourceField.seconds).map { .seconds($0) })
      case .group: ResourceField.set(&resources.group, count(node, 1...1000))
      case .runner: ResourceField.set(&resources.runner, node.text.flatMap(Resources.Runner.init))
      }
    if !isRead {
      throw PipelineError(
        "\(rawValue): takes \(wanted), not \(node.kind)", at: node.position, facts: [("stage", stage)],
        hint: hint)
    }
  }

  private static func set<Value>(_ place: inout Value?, _ value: Value?) -> Bool {
    place = value
    return value != nil
  }

  private var wanted: String {
    switch self {
    case .cores: "a whole number from 1 to 65536"
    case .memory: "an amount such as 8G or 512M"
    case .gpus: "a whole number from 0 to 65536"
    case .time: "a duration such as 2h30m or 45s"
    case .runner: "local or slurm"
    case .group: "a whole number from 1 to 1000"
    }
  }

  private var hint: String? {
    switch self {
    case .cores, .gpus, .runner, .group: nil
    case .memory: "the units are K, M, G and T, each 1024 of the one before it; up to 1024T"
    case .time: "whole numbers with the units d, h, m and s, in this order; up to 1000d"
    }
  }

  // MARK: Values

  private func count(_ node: PipelineNode, _ range: ClosedRange<Int>) -> Int? {
    node.json.integer.flatMap { range.contains($0) ? $0 : nil }
  }

  /// Of `1d2h30m10s`, each unit at most once and in this order; nil for what is no duration or none that there is.
  static func seconds(_ text: String) -> Int? {
    var rest = text[...]
    var seconds = 0
    for (unit, factor) in [("d", 86400), ("h", 3600), ("m", 60), ("s", 1)] as [(Character, Int)] {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      guard rest[digits.endIndex...].first == unit else { continue }
      guard digits.count <= 9, let number = Int(digits) else { return nil }
      seconds += number * factor
      rest = rest[digits.endIndex...].dropFirst()
    }
    return rest.isEmpty && 1...86_400_000 ~= seconds ? seconds : nil
  }
}

/// What a stage's instances need, read once for all of them.
struct OpenResources {
  private let stage: String
  private var common = Resources.undeclared
  private var open: [(field: ResourceField, value: OpenValue)] = []

  /// Of a stage of which nothing is known.
  init() { stage = "" }

  init(_ declaration: StageDeclaration, _ names: StageNames, _ faults: Faults) throws(PipelineError) {
    stage = declaration.name
    for (field, node) in declaration.resources {
      do throws(PipelineError) {
        let value = try OpenValue(node, names)
        if let fixed = value.fixed {
          try field.read(fixed, into: &common, stage: stage)
        } else {
          open.append((field, value))
        }
      } catch {
        try faults.take(error)
      }
    }
  }

  /// Those of one instance.
  func resources(_ bindings: [Binding]) throws(PipelineError) -> Resources {
    if open.isEmpty { return common }
    var resources = common
    for (field, value) in open { try field.read(value.value(bindings), into: &resources, stage: stage) }
    return resources
  }
}
