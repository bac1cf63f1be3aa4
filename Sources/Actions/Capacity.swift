import System

/// How much runs at once: places for instances, and what the machine has for them.
///
/// Whoever declares nothing takes a place and a core. Whoever declares more than there is gets all there is, alone.
public struct Capacity: Sendable, Hashable {
  /// Instances at once.
  public var places: Int
  public var cores: Int
  /// Bytes.
  public var memory: Int
  public var gpus: Int

  private let all: Amounts

  private struct Amounts: Hashable {
    let cores: Int
    let memory: Int
    let gpus: Int
  }

  /// - Parameters:
  ///   - places: at least 1.
  ///   - cores: at least as many as places count, since a place takes one.
  public init(places: Int, cores: Int, memory: Int = .max, gpus: Int = 0) {
    self.places = max(1, places)
    self.cores = max(1, cores, places)
    self.memory = memory
    self.gpus = gpus
    all = Amounts(cores: self.cores, memory: memory, gpus: gpus)
  }

  public var hasPlace: Bool { places > 0 }

  /// Takes what an instance needs.
  /// - Returns: whether there was enough.
  public mutating func take(_ demand: Resources) -> Bool {
    let amounts = amounts(of: demand)
    guard hasPlace, amounts.cores <= cores, amounts.memory <= memory, amounts.gpus <= gpus else {
      return false
    }
    places -= 1
    cores -= amounts.cores
    memory -= amounts.memory
    gpus -= amounts.gpus
    return true
  }

  /// Gives it back.
  public mutating func give(_ demand: Resources) {
    let amounts = amounts(of: demand)
    places += 1
    cores += amounts.cores
    memory += amounts.memory
    gpus += amounts.gpus
  }

  /// What an instance declares beyond all that there is, such as `gpus: 4 of 2`; empty for one that can have what it declares.
  public func excess(of demand: Resources) -> [String] {
    func gibibytes(_ bytes: Int) -> String {
      let tenths = (bytes >> 30) * 10 + ((bytes & (1 << 30 - 1)) * 10) >> 30
      return "\(tenths / 10).\(tenths % 10)G"
    }
    var words: [String] = []
    if let cores = demand.cores, cores > all.cores { words.append("cores: \(cores) of \(all.cores)") }
    if let memory = demand.memory, memory > all.memory {
      words.append("memory: \(gibibytes(memory)) of \(gibibytes(all.memory))")
    }
    if let gpus = demand.gpus, gpus > all.gpus { words.append("gpus: \(gpus) of \(all.gpus)") }
    return words
  }

  private func amounts(of demand: Resources) -> Amounts {
    Amounts(
      cores: min(max(1, demand.cores ?? 1), all.cores), memory: min(max(0, demand.memory ?? 0), all.memory),
      gpus: min(max(0, demand.gpus ?? 0), all.gpus))
  }
}

extension Capacity {
  /// What this machine has, and this process may use.
  public static func ofMachine(places: Int, gpus: Int) -> Capacity {
    Capacity(
      places: places, cores: Processors.available, memory: MachineMemory.available, gpus: gpus)
  }
}
