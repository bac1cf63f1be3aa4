internal import Compute

/// What was done to the losses before the fit, in the words of the methods; Notes say it of each curve.
extension Page {
  /// How a curve was prepared.
  private struct Kind: Hashable {
    let wasPrepared: Bool
    let smoothing: Double?
    let isSubsampled: Bool

    init(_ curve: PreparedCurve) {
      (wasPrepared, smoothing) = (curve.wasPrepared, curve.smoothing)
      isSubsampled = curve.isSubsampled
    }

    /// It is what the article does.
    var isPublished: Bool {
      let published = Preparation()
      return !wasPrepared && smoothing == published.smoothing && isSubsampled == published.subsample
    }

    var words: Markup {
      if wasPrepared { return "the losses are points that their authors have smoothed and subsampled" }
      let smoothed: Markup =
        smoothing.map {
          """
          point <i>j</i> of the loss is replaced by the mean of points ⌊<i>j</i> / \(Format.short($0))⌋ to <i>j</i>
          """
        } ?? "the losses are not smoothed"
      let kept: Markup =
        isSubsampled
        ? """
        of the steps, those from 10 to 100 are kept, of those to \(Format.grouped(1000)) every tenth, of those to \
        \(Format.grouped(10_000)) every hundredth, then every thousandth, and the last
        """ : "all points are kept"
      return "\(smoothed)\(isPublished ? " [1]" : ""); \(kept)"
    }
  }

  var preparation: Markup {
    var groups: [(kind: Kind, labels: [String])] = []
    for run in runs {
      let kind = Kind(run.analysis.curve)
      if let index = groups.firstIndex(where: { $0.kind == kind }) {
        groups[index].labels.append(run.label)
      } else {
        groups.append((kind, [run.label]))
      }
    }
    let kinds = groups.map { group -> Markup in
      groups.count == 1
        ? group.kind.words : "of \(group.labels.joined(separator: ", ")), \(group.kind.words)"
    }
    return """
      <p><strong>Preparation:</strong> \(kinds.joined(separator: ". — ")). \(transient)</p>
      """
  }

  /// What is left out of the fits.
  private var transient: Markup {
    let skips = Set(runs.map(\.analysis.options.skip)).sorted()
    guard let most = skips.last, most > 0 else { return "All steps from 1 on are fitted." }
    let steps: Markup =
      skips.count == 1
      ? "Steps up to \(Format.grouped(most))"
      : "Steps up to \(skips.map { Format.grouped($0) }.joined(separator: " or ")), as the run may be,"
    return "\(steps) are the transient at the start, which is left out of the fit and drawn in grey."
  }
}
