import Glibc

extension Family {
  /// None of them has two power laws.
  static let smooth = [
    Family("power law") { t, _ in power(t) },
    Family("limit, .5") { t, _ in log(2 + 30 * pow(t, -0.5)) },
    Family("limit, .25") { t, _ in log(1.7 + 12 * pow(t, -0.25)) },
    Family("stretched exponential, .3") { t, last in log(2.5 + 8 * exp(-pow(40 * t / last, 0.3))) },
    Family("stretched exponential, .6") { t, last in log(3 + 6 * exp(-pow(100 * t / last, 0.6))) },
    Family("warm-up, effective steps") { t, last in
      let end = last / 100
      return log(2 + 12 * pow(t < end ? t * t / 2 / end : t - end / 2, -0.3))
    },
    Family("warm-up, transient") { t, _ in power(t) + 0.5 * exp(-t / 60) },
    Family("warm-up, bend") { t, _ in power(t) - 0.06 * log1p(pow(150 / t, 5)) },
    Family("cosine, power law") { t, last in power(t) - 0.06 * cosine(t / last) },
    Family("cosine, limit") { t, last in log(limited(t) - 0.15 * cosine(t / last)) },
    Family("trapezoid, power law") { t, last in power(t) - 0.06 * max(0, 5 * t / last - 4) },
    Family("trapezoid, limit") { t, last in log(limited(t)) - 0.06 * max(0, 5 * t / last - 4) },
    Family("quadratic") { t, _ in 3 - 0.3 * log(t) + 0.01 * log(t) * log(t) },
    Family("two power laws") { t, _ in log(8 * pow(t, -0.05) + 20 * pow(t, -0.5)) },
    Family("drifting exponent") { t, _ in
      2.7 - 0.16 * log(t) + 0.11 * 1.57 * log1p(exp((log(t) - 6.5) / 1.57))
    },
    Family("late drop, limit") { t, last in
      let since = max(0, t / last - 0.7)
      return log(limited(t)) - 0.08 * (1 - exp(-since / 0.02))
    },
    Family("warm-up, trapezoid, limit") { t, last in
      let end = last / 50
      let course = log(1.8 + 10 * pow(t < end ? t * t / 2 / end : t - end / 2, -0.28))
      return course - 0.06 * max(0, 5 * t / last - 4)
    },
    Family("logarithm") { t, _ in log(6 - 0.3 * log(t)) },
  ]

  private static func power(_ t: Double) -> Double { 2.9 - 0.12 * log(t) }
  private static func limited(_ t: Double) -> Double { 2 + 12 * pow(t, -0.3) }
  private static func cosine(_ part: Double) -> Double { (1 - cos(Double.pi * part)) / 2 }
}
