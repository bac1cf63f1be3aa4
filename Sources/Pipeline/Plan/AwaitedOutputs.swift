/// Keyed outputs whose keys are needed, each once, in the order in which they were found.
struct AwaitedOutputs {
  private(set) var list: [KeyedOutput] = []
  private var seen: Set<KeyedOutput> = []

  var isEmpty: Bool { list.isEmpty }

  mutating func insert(_ outputs: [KeyedOutput]) {
    for output in outputs where seen.insert(output).inserted { list.append(output) }
  }
}
