/// What `body` gives for each of the seeds, in their order; all processors are at it.
func eachSeed<Value: Sendable>(
  _ seeds: Range<Int>, _ body: @escaping @Sendable (Int) throws -> Value
) async throws -> [Value] {
  try await withThrowingTaskGroup(of: (Int, Value).self) { group in
    for seed in seeds { group.addTask { (seed, try body(seed)) } }
    var values: [Int: Value] = [:]
    for try await (seed, value) in group { values[seed] = value }
    return seeds.compactMap { values[$0] }
  }
}
