import Compute
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

  @Test func `Labels that would stand on each other are left out, round ones last`() {
    let range = 40_000.0...210_000
    let ticks = Ticks.logarithmic(range)
    #expect(ticks.major.map(\.label) == ["40k", "60k", "80k", "100k", "200k"])
    func labels(_ pixels: Double, isHorizontal: Bool) -> [String] {
      ticks.labelled(
        at: { value in Elementary.log10(value / 40_000) / Elementary.log10(5.25) * pixels },
        isHorizontal: isHorizontal
      ).major.map(\.label)
    }
    #expect(labels(600, isHorizontal: true) == ["40k", "60k", "80k", "100k", "200k"])
    #expect(labels(160, isHorizontal: true) == ["40k", "60k", "", "100k", "200k"])
    #expect(labels(40, isHorizontal: true) == ["", "", "", "100k", ""])
    #expect(labels(160, isHorizontal: false) == ["40k", "60k", "80k", "100k", "200k"])
  }

  @Test(arguments: [
    1e-12...1e12, 1e-300...1e300, 5...5.0001, 1...1.3, 3...11, 0.02...0.09, 1e7...8e9,
  ]) func `Every range of losses or steps has at least two marks, all within it`(range: ClosedRange<Double>) {
    let ticks = Ticks.logarithmic(range)
    #expect(ticks.major.count >= 2 && ticks.major.count < 20)
    #expect((ticks.major.map(\.value) + ticks.minor).allSatisfy(range.contains))
  }
}
