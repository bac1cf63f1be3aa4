/// What a curve shows. Anything but `deceleration` means that t_d, L_d and r_d are not to be read as one.
public enum Verdict: String, Sendable, CaseIterable {
  /// Two power laws, the second with a smaller but positive exponent.
  case deceleration
  /// A plain power law does as well, or the break lies outside the points, or the loss falls faster behind it.
  case noBreak = "no-break"
  /// Behind the break the loss no longer falls: r_d < 0.
  case saturating
  /// The break lies within the warm-up or at its end, or where only the end of the transient can be.
  case warmupBreak = "warmup-break"
}
