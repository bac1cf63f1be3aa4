import Actions
import Artefacts
import JSON
import Pipeline
import System

/// The instances of a run by number, in an order in which each stands behind all that it depends on. Those of a remembered
/// run are read when they are needed.
struct RunInstances {
  private var instances: [StageInstance?] = []
  private var numbers: [String: Int] = [:]
  /// Of those that are not remembered.
  private var dependencies: [[Int]] = []
  private let remembered: RememberedRun?
  private let registry: OperationRegistry?

  init() {
    remembered = nil
    registry = nil
  }

  init(_ run: RememberedRun, registry: OperationRegistry) {
    remembered = run
    self.registry = registry
    instances = Array(repeating: nil, count: run.instances.count)
    for target in run.summary.targets where instances.indices.contains(target.number) {
      numbers[target.name] = target.number
    }
  }

  var count: Int { instances.count }

  func number(of name: String) -> Int? { numbers[name] }
  func name(_ number: Int) -> String { instances[number]?.name ?? "" }

  func dependencies(of number: Int) -> [Int] {
    remembered.map { Array($0.instances[number].dependencies) } ?? dependencies[number]
  }

  /// - Precondition: it was added, or loaded, and not released.
  subscript(number: Int) -> StageInstance { instances[number]! }

  /// - Returns: its number.
  mutating func add(_ instance: StageInstance) -> Int {
    let number = instances.count
    numbers[instance.name] = number
    instances.append(instance)
    dependencies.append(instance.dependencies.compactMap { numbers[$0] })
    return number
  }

  /// Forgets what is known of an instance but its number and what it depends on.
  mutating func release(_ number: Int) { instances[number] = nil }

  /// Reads an instance of a remembered run.
  mutating func load(_ number: Int) throws {
    guard instances[number] == nil, let remembered, let registry else { return }
    instances[number] = try StageInstance(
      JSON(parsing: remembered.instances[number].result().instance), registry: registry)
  }

  /// What an instance had made when it was remembered.
  func outputs(rememberedOf number: Int) -> [Record.Output]? {
    try? remembered?.instances[number].result().outputs
  }
}
