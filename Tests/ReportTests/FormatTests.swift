import Testing

@testable import Report

@Suite struct FormatTests {
  @Test func `A value is rounded to two digits of its standard error`() {
    #expect(Format.decimals(error: 0.0013212) == 4)
    #expect(Format.decimals(error: 0.159) == 2)
    #expect(Format.decimals(error: 0.0996) == 2)
    #expect(Format.decimals(error: 129) == 0)
    #expect(Format.decimals(error: 0) == nil)
    #expect(Format.decimals(error: .nan) == nil)
    #expect(Format.decimals(error: nil) == nil)
  }

  @Test func `Significant digits count from the first that is not zero`() {
    #expect(Format.significant(0.0125169, 4) == "0.01252")
    #expect(Format.significant(18.42228, 4) == "18.42")
    #expect(Format.significant(5877.3, 2) == "5877")
    #expect(Format.significant(-0.16202, 3) == "−0.162")
    #expect(Format.significant(9.9996, 4) == "10.00")
    #expect(Format.significant(1.5e-9, 2) == "1.5e-09")
    #expect(Format.significant(.nan, 3) == "not a number")
    #expect(Format.significant(-.infinity, 3) == "−∞")
  }

  @Test func `A rounded zero has no sign`() {
    #expect(Format.fixed(-0.0004, 2) == "0.00")
    #expect(Format.fixed(-0.006, 2) == "−0.01")
  }

  @Test func `Exact numbers read back as themselves`() {
    for value in [0.1, 1.0 / 3, 5877.339, 1e-300, -2.5e22, 42] {
      #expect(Double(Format.exact(value)) == value)
    }
    #expect(Format.exact(262_144) == "262144")
  }

  @Test func `Thousands stand apart from five digits on`() {
    #expect(Format.grouped(5877) == "5877")
    #expect(Format.grouped(262_144) == "262\u{202F}144")
    #expect(Format.grouped(-1_234_567) == "−1\u{202F}234\u{202F}567")
  }
}
