/// What chance leaves of a sum: the null against which interference is judged. Terms keep their magnitudes and get random
/// signs, as if none knew of the others. 1 / sqrt(N) would be right for N terms of equal magnitude alone: where magnitudes
/// differ, fewer of them count, and more is left.
enum Chance {
  /// The mean of |sum_k s_k a_k| over independent random signs s_k.
  ///
  /// With q = sum a^2 / (sum |a|)^2, the reciprocal of the number of terms that count, it is about sqrt(2 q / pi) (1 + q / 6) of
  /// sum |a|, where q < 1/2: the central limit, and the next term of Edgeworth's expansion, 1 + sum a^4 / (sum a^2)^2 / 12,
  /// for terms that are spread like normal numbers, of which sum a^4 is about 2 q (sum a^2)^2. The truth is between sqrt(q / 2)
  /// (Szarek 1976, "On the best constants in the Khinchin inequality") and sqrt(q). From q = 1/2 on, one term is at least as large as
  /// all others together, and the mean is that term: between (1 + sqrt(2 q - 1)) / 2 of sum |a| (there is one other) and
  /// (1 + sqrt((N - 1) (N q - 1))) / N (there are N - 1, all alike). The middle of these is taken, which is exact for one
  /// term and for two.
  /// - Parameters:
  ///   - magnitude: sum |a|.
  ///   - squares: sum a^2.
  ///   - terms: N, how many there are at most.
  static func remainder(of magnitude: Double, squares: Double, terms: Int) -> Double {
    guard magnitude > 0 else { return 0 }
    let (n, q) = (Double(terms), min(1, max(squares / magnitude / magnitude, 1 / Double(terms))))
    if q < 0.5 { return magnitude * gaussian * q.squareRoot() * (1 + q / 6) }
    let least = (1 + (2 * q - 1).squareRoot()) / 2
    let most = (1 + max(0, (n - 1) * (n * q - 1)).squareRoot()) / n
    return magnitude * (least + most) / 2
  }

  /// Mean magnitude of a standard normal number, sqrt(2 / pi).
  private static let gaussian = 0x1.9884533d43651p-1
}
