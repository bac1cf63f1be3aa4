/// What a curve shows. Anything but `deceleration` means that t_d, L_d and r_d are not to be read as one.
public enum Verdict: String, Sendable, CaseIterable {
  /// A law with a break from one power law to a slower one is supported against every law without.
  case deceleration
  /// A law without a break does as well as any with one; or the loss falls faster behind the break.
  case noBreak = "no-break"
  /// As `deceleration`, but behind the break the loss no longer falls.
  case saturating
  /// The break lies within the warm-up or at its end, or where only the end of the transient can be.
  case warmupBreak = "warmup-break"
  /// A law with a break is the best, but not beyond doubt; or nothing can be told.
  case notDecided = "not-decided"
}
