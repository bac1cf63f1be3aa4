import Foundation
import Testing

@testable import Compute

@Suite struct `Elementary functions` {
  @Test func `Logarithms to base ten are whole for powers of ten and right elsewhere`() {
    for n in -300...300 { #expect(Elementary.log10(Elementary.powerOfTen(n)) == Double(n)) }
    for x in [0.3, 1.7, 5, 999.9999, 1e-5 * 3.3, 6.02e23] {
      #expect(abs(Elementary.log10(x) - log10(x)) < 1e-14 * max(1, abs(log10(x))))
    }
    #expect(Elementary.log10(0) == -.infinity && Elementary.log10(.infinity) == .infinity)
    #expect(Elementary.log10(-1).isNaN)
  }

  @Test func `Powers are right`() {
    for (x, y) in [(2.0, 0.5), (1e5, -0.25), (0.1, 3), (7, 0)] {
      #expect(abs(Elementary.pow(x, y) / pow(x, y) - 1) < 1e-14)
    }
    #expect(Elementary.powerOfTen(-5) == 1e-5 && Elementary.powerOfTen(22) == 1e22)
  }
}
