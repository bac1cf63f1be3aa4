public import JSON
public import System

/// The smoothly broken power law with one break, without an additive limit ([ZSL]; [BNSL] with a = 0, n = 1):
///
///     L(t) = b t^-c0 (1 + (t / d1)^(1 / f1))^(-c1 f1)
///
/// before d1 a power law with exponent c0, behind it one with c0 + c1; c1 < 0 where the loss decelerates; f1 > 0 is how
/// gradually, in units of log t. (b, c0, c1, d1, f1) and (b d1^c1, c0 + c1, -c1, d1, -f1) are the same curve; values of
/// this type have f1 > 0.
public struct OneBreak: Sendable, Hashable {
  public let b: Double
  public let c0: Double
  public let c1: Double
  /// ln d1, with d1 in steps.
  public let logD1: Double
  public let f1: Double

  /// Takes either of the two forms of a curve.
  public init(b: Double, c0: Double, c1: Double, logD1: Double, f1: Double) {
    self.logD1 = logD1
    if f1 < 0 {
      self.b = b * Elementary.exp(c1 * logD1)
      self.c0 = c0 + c1
      self.c1 = -c1
      self.f1 = -f1
    } else {
      self.b = b
      self.c0 = c0
      self.c1 = c1
      self.f1 = f1
    }
  }

  /// t_d = d1 in steps: where the two asymptotes meet. Published tables print its whole part.
  public var breakStep: Double { Elementary.exp(logD1) }
  /// L_d = b t_d^-c0 in nats: the loss at which the asymptotes meet. The curve itself lies above it.
  public var breakLoss: Double { b * Elementary.exp(-c0 * logD1) }
  /// r_d = c0 + c1: the exponent behind the break.
  public var finalRate: Double { c0 + c1 }

  /// Whether the curve and its derived quantities can be written down; absurd points lead beyond the range of doubles.
  var isFinite: Bool {
    [b, c0, c1, logD1, f1, breakStep, breakLoss, finalRate].allSatisfy(\.isFinite) && b > 0 && breakLoss > 0
  }

  /// log L at step t > 0.
  public func logLoss(at step: Double) -> Double { logLoss(atLog: Elementary.log(step)) }

  func logLoss(atLog x: Double) -> Double {
    Elementary.log(b) - c0 * x - c1 * f1 * Elementary.softplus((x - logD1) / f1)
  }

  /// log L - log \hat L for a loss at step t > 0, in nats.
  public func residual(of loss: Double, at step: Double) -> Double {
    Elementary.log(loss) - logLoss(at: step)
  }

  /// L at step t > 0, in nats.
  public func loss(at step: Double) -> Double { Elementary.exp(logLoss(at: step)) }

  /// -d log L / d log t at step t > 0: c0 long before the break, r_d long behind it.
  public func rate(at step: Double) -> Double {
    let z = (Elementary.log(step) - logD1) / f1
    return c0 + c1 * Elementary.exp(min(z, 0) - Elementary.softplus(-z.magnitude))
  }

  /// The power law that the curve follows before the break: b t^-c0.
  public func earlyAsymptote(at step: Double) -> Double { b * Elementary.exp(-c0 * Elementary.log(step)) }

  /// The power law that the curve follows behind the break: L_d (t_d / t)^r_d. At t = T it is the published \hat L_T.
  public func lateAsymptote(at step: Double) -> Double {
    breakLoss * Elementary.exp(finalRate * (logD1 - Elementary.log(step)))
  }
}

extension Elementary {
  /// log(1 + e^z), without overflow or loss of digits for any z.
  static func softplus(_ z: Double) -> Double {
    max(z, 0) + reducedLog1p(reducedExp(max(-z.magnitude, -708)))
  }
}

extension OneBreak {
  public var json: JSON {
    [
      "b": .number(b), "c0": .number(c0), "c1": .number(c1), "log_d1": .number(logD1),
      "f1": .number(f1),
    ]
  }

  public init(json: JSON) throws(Failure) {
    self.init(
      b: try json.number("b"), c0: try json.number("c0"), c1: try json.number("c1"),
      logD1: try json.number("log_d1"), f1: try json.number("f1"))
  }
}
