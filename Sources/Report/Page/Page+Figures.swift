internal import Artefacts

/// The figures, each with what it was drawn from.
extension Page {
  var drawings: Markup {
    guard !figures.isEmpty else { return "" }
    let content = figures.enumerated().map { index, figure -> Markup in
      if figure.svg["data-figure"] == SVG.empty {
        return "<p class=\"note\"><strong>\(figure.svg.title).</strong> \(figure.svg.caption)</p>"
      }
      return """
        <figure id="figure-\(index + 1)">
        <div class="drawing">\(figure.svg.inline)</div>
        <figcaption><strong>Figure \(index + 1). \(figure.svg.title).</strong> \(Page.prose(figure.svg.caption)) \
        <span class="note">Drawing \(Page.reference(figure.digest))\(source(of: figure, at: index)).</span></figcaption>
        </figure>
        """
    }
    return Page.section("figures", "Figures", content.joined(separator: "\n"))
  }

  /// Where the numbers of a figure are: in a link beside the first figure that shows them.
  private func source(of figure: Figure, at index: Int) -> Markup {
    guard let (csv, digest) = figure.data else {
      return figure.svg["data-source"].map { ", data <code>\($0)</code>" } ?? ""
    }
    if let first = figures.firstIndex(where: { $0.data?.digest == digest }), first < index {
      return
        ", data \(Page.reference(digest)): that of <a href=\"#figure-\(first + 1)\">Figure \(first + 1)</a>"
    }
    let link = Page.download(csv, as: "figure-\(index + 1).csv", type: "text/csv", "save as CSV")
    return ", data \(Page.reference(digest)): \(link)"
  }
}
