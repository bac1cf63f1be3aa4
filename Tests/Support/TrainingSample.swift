/// A short training that every build has to make the same: tests run it in debug, the binary that users get in release.
public enum TrainingSample {
  public static let pipeline = """
    stages:
      text: { op: text.synthesise, with: { size: 20000 } }
      tokens: { op: text.tokenise, in: { text: text.text } }
      train:
        op: lm.train
        in: { train: tokens.train }
        with: { steps: 8, width: 8, layers: 1, heads: 2, inner: 12, context: 8, batch: 2, warmup: 3, learning_rate: 0.01 }
    """

  /// Digest of the checkpoint after the last update.
  public static let weights = "sha256:a78b8a829d5b8c7ab83072484cdddbde3af3a77e6edf031066dfdc30bfb6e08e"
}
