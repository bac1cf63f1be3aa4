internal import Compute

/// Where an axis has its marks, and what stands at them.
struct Ticks: Sendable, Equatable {
  /// Ascending; what stands at each is gnuplot's enhanced text.
  var major: [(value: Double, label: String)]
  var minor: [Double]

  static func == (a: Ticks, b: Ticks) -> Bool {
    a.minor == b.minor && a.major.map(\.value) == b.major.map(\.value)
      && a.major.map(\.label) == b.major.map(\.label)
  }

  /// Powers of ten over two decades and more, round numbers over less.
  static func logarithmic(_ range: ClosedRange<Double>) -> Ticks {
    let decades = Elementary.log10(range.upperBound) - Elementary.log10(range.lowerBound)
    let first = Int(Elementary.log10(range.lowerBound).rounded(.down))
    let last = Int(Elementary.log10(range.upperBound).rounded(.up))
    // Over very many decades, some of the powers and no marks between them.
    let stride = decades > 10 ? Int((decades / 8).rounded(.up)) : 1
    let digits: [Double] =
      if decades >= 2 {
        [1]
      } else if decades >= 1 {
        [1, 2, 5]
      } else if decades >= 0.5 {
        [1, 2, 3, 4, 6, 8]
      } else if decades >= 0.2 {
        [1, 1.5, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9]
      } else {
        []
      }
    if digits.isEmpty { return linear(range) }

    var ticks = Ticks(major: [], minor: [])
    for power in first...last {
      for digit in digits where range.contains(digit * Elementary.powerOfTen(power)) && power % stride == 0 {
        let value = digit * Elementary.powerOfTen(power)
        ticks.major.append((value, decades >= 2 ? "10^{\(minus(power))}" : label(value)))
      }
      if stride > 1 { continue }
      for digit in 2...9
      where !digits.contains(Double(digit)) && range.contains(Double(digit) * Elementary.powerOfTen(power)) {
        ticks.minor.append(Double(digit) * Elementary.powerOfTen(power))
      }
    }
    return ticks.major.count < 2 ? linear(range) : ticks
  }

  /// Multiples of 1, 2 or 5 times a power of ten.
  /// - Parameter intervals: between them, about; the default gives four to eight.
  static func linear(_ range: ClosedRange<Double>, intervals: Double = 5) -> Ticks {
    let rough = (range.upperBound - range.lowerBound) / intervals
    let unit = Elementary.powerOfTen(Int(Elementary.log10(rough).rounded(.down)))
    let step = [1, 2, 5, 10].map { $0 * unit }.min { abs($0 - rough) < abs($1 - rough) } ?? unit
    let decimals = max(0, -Int((Elementary.log10(step) + 1e-9).rounded(.down)))
    let first = Int((range.lowerBound / step - 1e-9).rounded(.up))
    let last = Int((range.upperBound / step + 1e-9).rounded(.down))
    guard first <= last else { return Ticks(major: [], minor: []) }
    return Ticks(
      major: (first...last).map { Double($0) * step }.filter(range.contains).map { value in
        (value, decimals <= 6 && value.magnitude < 1e4 ? Format.fixed(value, decimals) : label(value))
      }, minor: [])
  }

  /// As `set xtics` and `set ytics` take them.
  /// - Parameter place: where on the axis a value stands.
  func script(_ place: (Double) -> Double) -> String {
    let all =
      major.map { "\"\($0.label)\" \(place($0.value))" } + minor.map { "\"\" \(place($0)) 1" }
    return all.isEmpty ? "()" : "(\(all.joined(separator: ", ")))"
  }

  /// `20k`, `1.5M`: long numbers do not stand side by side.
  private static func label(_ value: Double) -> String {
    switch value.magnitude {
    case 1e4..<1e6: Format.short(value / 1e3) + "k"
    case 1e6..<1e9: Format.short(value / 1e6) + "M"
    default: Format.short(value)
    }
  }

  /// The same marks with labels at those only that leave room for each other, round numbers first.
  /// - Parameters:
  ///   - position: of a value on the axis, in pixels.
  ///   - isHorizontal: labels stand side by side, and not one above the other.
  func labelled(at position: (Double) -> Double, isHorizontal: Bool) -> Ticks {
    func extent(_ label: String) -> Double {
      // Digits are about 6.7 pixels wide, of exponents 5.4; a line is 13 high.
      let plain = label.prefix { $0 != "^" }
      let raised = label.dropFirst(plain.count).filter { !"^{}".contains($0) }
      return isHorizontal ? 6.7 * Double(plain.count) + 5.4 * Double(raised.count) + 6 : 13
    }
    func roundness(_ value: Double) -> Int {
      // The digits between the zeros on either side.
      let digits = Format.short(value.magnitude).prefix { $0 != "e" }.filter(\.isNumber).drop { $0 == "0" }
      let leading = String(digits.reversed().drop { $0 == "0" })
      return leading.isEmpty || leading == "1" ? 0 : leading == "2" || leading == "5" ? 1 : leading.count + 1
    }
    var taken: [(middle: Double, extent: Double)] = []
    var kept: Set<Int> = []
    for index in major.indices.sorted(by: {
      (roundness(major[$0].value), $0) < (roundness(major[$1].value), $1)
    }) {
      let (middle, extent) = (position(major[index].value), extent(major[index].label))
      if taken.allSatisfy({ abs($0.middle - middle) >= ($0.extent + extent) / 2 }) {
        taken.append((middle, extent))
        kept.insert(index)
      }
    }
    return Ticks(
      major: major.indices.map { (major[$0].value, kept.contains($0) ? major[$0].label : "") }, minor: minor)
  }

  private static func minus(_ power: Int) -> String { power < 0 ? "−\(-power)" : "\(power)" }
}
