import Differences
import Testing

@Suite struct EditsTests {
  @Test func `Edits turn one list into the other`() {
    var state: UInt64 = 7
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    for _ in 0..<300 {
      let old = (0..<random(12)).map { _ in String(random(4)) }
      let new = (0..<random(12)).map { _ in String(random(4)) }
      let steps = Edits(old, new).steps
      #expect(steps.filter { $0.kind != .new }.map(\.text) == old)
      #expect(steps.filter { $0.kind != .gone }.map(\.text) == new)
    }
    let long = (0..<3000).map(String.init)
    #expect(Edits(long, long.reversed()).steps.count >= 3000)
  }

  @Test func `Long lists that differ in places far apart are not taken as replaced`() {
    let old = (0..<30_000).map { "line \($0 % 7000)" }
    var new = old
    new[3] = "changed"
    new.remove(at: 15_000)
    new.insert("inserted", at: 20_000)
    new[29_990] = "changed too"
    let steps = Edits(old, new).steps
    #expect(steps.filter { $0.kind != .new }.map(\.text) == old)
    #expect(steps.filter { $0.kind != .gone }.map(\.text) == new)
    #expect(steps.count { $0.kind != .same } == 6)
  }

  @Test func `The two ways to find a path agree on its length`() {
    var state: UInt64 = 11
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    // 2500 x 2500 pairs go the one way; with both lists doubled by what they have in common, the other.
    let old = (0..<1500).map { _ in String(random(900)) }
    var new = old
    for _ in 0..<60 { new[random(new.count)] = "x\(random(1000))" }
    for _ in 0..<30 { new.remove(at: random(new.count)) }
    func changes(_ old: [String], _ new: [String]) -> Int { Edits(old, new).steps.count { $0.kind != .same } }
    let block = (0..<1500).map { "common \($0)" }
    let short = changes(["a"] + old + ["b"], ["c"] + new + ["d"])
    let long = changes(["a"] + old + block + ["b"], ["c"] + new + block + ["d"])
    #expect(short == long)
  }
}
