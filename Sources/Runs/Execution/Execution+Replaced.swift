import Artefacts

extension Execution {
  /// Notes whether an instance that has made again what was lost has made something else, and others had been made of what was
  /// lost. Those that still wait for it read what it has made now.
  mutating func noteReplaced(_ number: Int) {
    guard let before = outputsBefore.removeValue(forKey: number), before != known[number]!.outputs else {
      return
    }
    let isRead = (0..<instances.count).contains { reader in
      schedule.state(of: reader) != .waiting && instances.dependencies(of: reader).contains(number)
    }
    guard isRead else { return }
    isMixed = true
    tell([
      "\(instances.name(number)) has made something else than what was lost: what was made of that is looked at once more"
    ])
  }
}
