import Testing

@testable import Actions

@Suite struct CapacityTests {
  @Test func `What is declared beyond all there is is named, whatever is free of it`() {
    var capacity = Capacity(places: 4, cores: 8, memory: 24 << 30, gpus: 2)
    let fits = Resources(cores: 8, memory: 24 << 30, gpus: 2, time: .seconds(1))
    #expect(capacity.excess(of: fits) == [] && capacity.excess(of: .undeclared) == [])
    #expect(
      capacity.excess(of: Resources(cores: 9, memory: 900 << 30, gpus: 4)) == [
        "cores: 9 of 8", "memory: 900.0G of 24.0G", "gpus: 4 of 2",
      ])
    let took = capacity.take(fits)
    #expect(took && capacity.excess(of: fits) == [])
    #expect(capacity.excess(of: Resources(memory: 24 << 30 + 3 << 29)) == ["memory: 25.5G of 24.0G"])
  }

  @Test func `Amounts that no machine has can be named`() {
    let capacity = Capacity(places: 1, cores: 1, memory: 0)
    #expect(capacity.excess(of: Resources(memory: .max)) == ["memory: 8589934591.9G of 0.0G"])
  }
}
