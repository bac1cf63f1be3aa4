import Testing

@testable import Report

@Suite struct TicksTests {
  @Test func `Two decades and more are marked by powers of ten, with minor marks between them`() {
    let ticks = Ticks.logarithmic(8...200_000)
    #expect(ticks.major.map(\.label) == ["10^{1}", "10^{2}", "10^{3}", "10^{4}", "10^{5}"])
    #expect(ticks.minor.first == 8 && ticks.minor.last == 200_000)
    #expect(ticks.minor.count == 2 + 8 * 4 + 1)
  }

  @Test func `Less than a decade of losses is marked by round numbers`() {
    let ticks = Ticks.logarithmic(1.9...11)
    #expect(ticks.major.map(\.label) == ["2", "3", "4", "6", "8", "10"])
    #expect(ticks.minor == [5, 7, 9])
  }

  @Test func `Linear marks are multiples of 1, 2 or 5`() {
    #expect(Ticks.linear(-0.031...0.052).major.map(\.label) == ["−0.02", "0.00", "0.02", "0.04"])
    #expect(Ticks.linear(0...10).major.map(\.value) == [0, 2, 4, 6, 8, 10])
  }

  @Test(arguments: [
    1e-12...1e12, 1e-300...1e300, 5...5.0001, 1...1.3, 3...11, 0.02...0.09, 1e7...8e9,
  ]) func `Every range of losses or steps has at least two marks, all within it`(range: ClosedRange<Double>) {
    let ticks = Ticks.logarithmic(range)
    #expect(ticks.major.count >= 2 && ticks.major.count < 20)
    #expect((ticks.major.map(\.value) + ticks.minor).allSatisfy(range.contains))
  }
}
