/// A law that a loss curve may follow, with what is linear in it apart from what has to be searched.
///
/// A law of the logarithm has log L = sum_k a_k column_k, any other L = sum_k a_k column_k.
protocol Rival: Sendable {
  /// How it is called in tables and sentences.
  var name: String { get }
  var isOfLogarithm: Bool { get }
  /// Whether its slope changes at a place of its own.
  var hasBreak: Bool { get }
  /// How many numbers are searched, and how many are linear.
  var searched: Int { get }
  var linear: Int { get }

  /// Places to start from, over the range of log t.
  func starts(_ range: ClosedRange<Double>) -> [[Double]]
  /// How many of them, the best, are searched on.
  var tries: Int { get }
  /// The columns at each log t for the searched numbers, in a form that suits the range of log t that is fitted. Nil where the
  /// law is not defined.
  func columns(_ x: [Double], _ searched: [Double], _ range: ClosedRange<Double>) -> [[Double]]?
  /// Between what the searched numbers lie, for that range of log t.
  func bounds(_ range: ClosedRange<Double>) -> [ClosedRange<Double>]
  /// Where its breaks are, in log t and in order.
  func breaks(_ searched: [Double]) -> [Double]
}

extension Rival {
  var parameters: Int { searched + linear }
  var tries: Int { 3 }
  func breaks(_ searched: [Double]) -> [Double] { [] }

  func holds(_ searched: [Double], _ range: ClosedRange<Double>) -> Bool {
    zip(bounds(range), searched).allSatisfy { $0.contains($1) }
  }

  /// The nearest place within the bounds.
  func bounded(_ searched: [Double], _ range: ClosedRange<Double>) -> [Double] {
    zip(bounds(range), searched).map { min(max($1, $0.lowerBound), $0.upperBound) }
  }
}

/// The laws that are tried. With each family without a break stands one that the same reader could hold against a break:
/// a limit, a start that is not over, a warm-up, a learning rate that goes down, a sum of two processes, a relaxation, an exponent
/// that drifts, or no law at all but some curvature, with as many parameters as the largest law with breaks has.
enum Rivals {
  static let all: [any Rival] =
    [
      SmoothCurvature(degree: 1), PowerLawWithLimit(), ShiftedPowerLaw(), WarmedUpPowerLaw(), TwoPowerLaws(),
      StretchedExponential(), Transient(hasLimit: false), Transient(hasLimit: true), Step(),
      LimitAndStep(), CoolDown(), DriftingPowerLaw(),
    ] + (2...7).map { SmoothCurvature(degree: $0) } + [
      BrokenPowerLaw(breaks: 1), OneBreakWithLimit(), BrokenPowerLaw(breaks: 2),
    ]
}

extension ClosedRange<Double> {
  /// Places within, evenly, none at an end.
  func places(_ count: Int) -> [Double] {
    (0..<count).map { lowerBound + (Double($0) + 0.5) / Double(count) * (upperBound - lowerBound) }
  }
}
