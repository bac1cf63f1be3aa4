import Glibc

extension Family {
  /// Shapes that none of the laws that are tried has: what schedules, data, and accidents do to losses, and curvature of other forms.
  /// No exponent goes over to a smaller one for good within two decades.
  static let others = [
    Family("sinusoid of 1 % in log t, a decade long") { t, _ in limit(t) + 0.01 * sin(6.283 * log10(t)) },
    Family("sinusoid of 1 % in log t, two decades long") { t, _ in
      limit(t) + 0.01 * sin(3.1416 * log10(t) + 1)
    },
    Family("sinusoid of .3 % in t, eight periods") { t, last in
      limit(t) + 0.003 * sin(50.27 * t / last)
    },
    Family("spike") { t, last in limit(t) + 0.5 * fading(t / last - 0.3, 0.01) },
    Family("three spikes") { t, last in
      limit(t) + [0.1, 0.25, 0.6].reduce(0) { $0 + 0.3 * fading(t / last - $1, 0.02) }
    },
    Family("spike that is slow to fade") { t, last in limit(t) + 0.1 * fading(t / last - 0.2, 0.1) },
    Family("two exponentials") { t, last in
      log(2.4 + 4 * exp(-60 * t / last) + exp(-4 * t / last))
    },
    Family("three exponentials") { t, last in
      log(2.2 + 5 * exp(-300 * t / last) + 1.5 * exp(-30 * t / last) + 0.6 * exp(-3 * t / last))
    },
    Family("rate cut to a tenth twice, limit") { t, last in
      limit(t) - [0.5, 0.75].reduce(0) { $0 + 0.05 * dropped(t / last - $1, 0.02) }
    },
    Family("rate cut to a tenth twice, power law") { t, last in
      power(t) - [0.4, 0.7].reduce(0) { $0 + 0.06 * dropped(t / last - $1, 0.02) }
    },
    Family("restarts of a cosine") { t, last in
      let part = (4 * t / last).truncatingRemainder(dividingBy: 1)
      return limit(t) - 0.05 * (1 - cos(Double.pi * part)) / 2
    },
    Family("cool-down over the last half") { t, last in limit(t) - 0.1 * max(0, 2 * t / last - 1) },
    Family("cool-down as a root") { t, last in
      limit(t) - 0.08 * (1 - max(0, 1 - max(0, 5 * t / last - 4)).squareRoot())
    },
    Family("cool-down as a square, power law") { t, last in
      let part = max(0, 5 * t / last - 4)
      return power(t) - 0.07 * part * (2 - part)
    },
    Family("rise at the end") { t, last in limit(t) + 0.03 * pow(t / last, 6) },
    Family("rise of the second half, power law") { t, last in power(t) + 0.05 * pow(t / last, 3) },
    Family("log log") { t, _ in log(7 - 2.2 * log(log(t + 3))) },
    Family("rational") { t, _ in log(2 + 8 / (1 + t / 300)) },
    Family("rational in the root of t") { t, _ in log(2 + 8 / (1 + (t / 30).squareRoot())) },
    Family("drop within half a decade, power law") { t, last in
      power(t) - 0.15 / (1 + pow(0.1 * last / t, 6))
    },
    Family("plateau, then a drop, limit") { t, last in
      limit(t) - 0.12 / (1 + pow(0.05 * last / t, 4))
    },
    Family("arc tangent in log t") { t, last in 1.6 - 0.5 * atan((log(t) - log(last) / 2) / 2) },
    Family("epochs") { t, last in power(t) - 0.02 * (4 * t / last).rounded(.down) },
  ]

  private static func power(_ t: Double) -> Double { 2.9 - 0.12 * log(t) }
  private static func limit(_ t: Double) -> Double { log(2 + 12 * pow(t, -0.3)) }

  /// 1 at 0, and from there down over parts of the run of this length; nothing before.
  private static func fading(_ since: Double, _ length: Double) -> Double {
    since < 0 ? 0 : exp(-since / length)
  }

  private static func dropped(_ since: Double, _ length: Double) -> Double {
    since < 0 ? 0 : 1 - exp(-since / length)
  }
}
