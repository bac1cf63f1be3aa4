/// The streams of Philox: one for each use, so that nothing that is drawn from one seed is drawn twice.
enum Streams {
  static let words: UInt32 = 1
  static let topics: UInt32 = 2
  static let neighbours: UInt32 = 3
  static let documents: UInt32 = 4
  static let split: UInt32 = 5
  static let batches: UInt32 = 6
  static let sample: UInt32 = 7
  static let gradients: UInt32 = 8
  static let decelerations: UInt32 = 9

  /// Of a parameter, by its place in the order of the names.
  static func initialisation(_ parameter: Int) -> UInt32 { member(parameter, of: 1) }
  /// Of a resample of residuals.
  static func residuals(_ resample: Int) -> UInt32 { member(resample, of: 2) }
  /// Of a resample of sequences.
  static func sequences(_ resample: Int) -> UInt32 { member(resample, of: 3) }
  /// Of the noise of a generated curve, by the name of its run (FNV-1a, Fowler, Noll and Vo 1991).
  static func noise(of run: String) -> UInt32 {
    member(Int(run.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }), of: 4)
  }

  /// Of a draw of tokens' signs.
  static func signs(_ draw: Int) -> UInt32 { member(draw, of: 5) }
  /// Of a resample of a curve's windows.
  static func windows(_ resample: Int) -> UInt32 { member(resample, of: 6) }

  /// Each family has 2^24 streams; those of a single use are the first one's.
  private static func member(_ number: Int, of family: UInt32) -> UInt32 {
    family << 24 | UInt32(truncatingIfNeeded: number) & 0xFF_FFFF
  }
}
