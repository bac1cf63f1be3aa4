public import Artefacts
import System

/// A reference that would stand for something else than before, where nobody has asked for that.
public enum MovedReference {
  /// - Parameters:
  ///   - before: what it stands for; nil if there is none of that name.
  ///   - place: where, in words.
  /// - Throws: `.refused` if it stands for something else.
  public static func refuse(_ name: String, from before: Digest?, to digest: Digest, _ place: String) throws {
    guard let before, before != digest else { return }
    throw Failure(
      .refused, "the reference '\(name)' stands for something else \(place)",
      facts: [("stands for", before.description), ("would stand for", digest.description)],
      hint: "--force moves it")
  }
}
