/// Interference of the gradients g_ij of tokens i over some parameters j: [ZSL] Mircea et al., "Training Dynamics Underlying
/// Language Model Scaling Laws: Loss Deceleration and Zero-Sum Learning", ACL 2025 (arXiv 2506.05447). With the parameters'
/// changes delta_j, p_ij = g_ij delta_j is the part of coordinate j in the first-order change of token i's loss.
///
/// D is a share of what cancels out, C = 1 - D of what remains: 1 where all terms have one sign.
public struct GradientInterference: Sendable, Hashable {
  /// Tokens (N).
  public let tokens: Int
  public let coordinates: CoordinateSums
  /// Sums over tokens: of |sum_j p_ij| and of (sum_j p_ij)^2, and of what chance leaves of sum_j |p_ij|.
  public let absoluteLossChange, squaredLossChange, lossChangeChance: Double

  /// Of a sample of tokens: what the noise of sum_i |g_ij| takes away from D(grad) on average, estimated from halves.
  public var noiseBias = 0.0
  /// Of a sample of tokens: the standard errors that it causes.
  public var errors: Errors?

  public struct Errors: Sendable, Hashable {
    /// Infinite if it is not known.
    public var destructive, constructiveOverTokens, constructiveOverCoordinates: Double
    public var constructiveOfLosses, meanAbsoluteLossChange: Double
  }

  /// D(grad): mean over touched coordinates of 1 - |sum_i g_ij| / sum_i |g_ij|.
  public var destructive: Double {
    1 - coordinates.constructive / Double(coordinates.touched) + noiseBias
  }
  /// The same from the midpoints of the histogram's bins, as published; at most .995.
  public var binnedDestructive: Double {
    let sum = coordinates.histogram.enumerated().reduce(0.0) { sum, bin in
      sum + Double(bin.element) * (Double(bin.offset) + 0.5) / Double(CoordinateSums.bins)
    }
    return 1 - sum / Double(coordinates.touched)
  }
  /// 1 - sum_j |sum_i g_ij| / sum_j sum_i |g_ij|.
  public var pooledDestructive: Double { 1 - coordinates.absoluteGradient / coordinates.magnitude }

  /// C_g = sum_j |sum_i p_ij| / sum_j sum_i |p_ij|: over tokens, within coordinates.
  public var constructiveOverTokens: Double {
    coordinates.absoluteParticipation / coordinates.participationMagnitude
  }
  /// C_(u,g) = sum_i |sum_j p_ij| / sum_j sum_i |p_ij|: over coordinates, within tokens.
  public var constructiveOverCoordinates: Double { absoluteLossChange / coordinates.participationMagnitude }
  /// C_(u,G) = |sum_j sum_i p_ij| / sum_j |sum_i p_ij|: of the summed gradient, over coordinates.
  public var constructiveOfSum: Double {
    abs(coordinates.participation) / coordinates.absoluteParticipation
  }
  /// C(dl) = |sum_i sum_j p_ij| / sum_i |sum_j p_ij| of the predicted loss changes; equals C_g C_(u,G) / C_(u,g).
  public var constructiveOfLosses: Double { abs(coordinates.participation) / absoluteLossChange }
  /// M(dl) = sum_i |sum_j p_ij| / N, in nats.
  public var meanAbsoluteLossChange: Double { absoluteLossChange / Double(tokens) }

  /// D(grad) where the signs of all g_ij are left to chance.
  public var destructiveNull: Double { 1 - coordinates.chance / Double(coordinates.touched) }
  public var pooledDestructiveNull: Double { 1 - coordinates.absoluteChance / coordinates.magnitude }
  /// C_g with the signs of p_ij left to chance within coordinates, over tokens.
  public var constructiveOverTokensNull: Double {
    coordinates.participationChance / coordinates.participationMagnitude
  }
  /// C_(u,g) with the signs of p_ij left to chance within tokens, over coordinates.
  public var constructiveOverCoordinatesNull: Double { lossChangeChance / coordinates.participationMagnitude }
  /// C_(u,G) with the signs of sum_i p_ij left to chance.
  public var constructiveOfSumNull: Double {
    let whole = coordinates.absoluteParticipation
    return Chance.remainder(
      of: whole, squares: coordinates.squaredParticipation, terms: coordinates.coordinates) / whole
  }
  /// C(dl) with the signs of sum_j p_ij left to chance.
  public var constructiveOfLossesNull: Double {
    Chance.remainder(of: absoluteLossChange, squares: squaredLossChange, terms: tokens) / absoluteLossChange
  }
}
