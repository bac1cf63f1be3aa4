internal import Artefacts
internal import Compute

/// Every artefact that the page was made from.
extension Page {
  var provenance: Markup {
    var entries: [(what: String, digest: Digest)] = runs.map { ("Fit of \($0.label)", $0.digest) }
    if let comparison { entries.append(("Comparison of the runs", comparison.digest)) }
    for (decomposition, digest) in analysisResults.decompositions {
      entries.append(("What the fall of progress of \(decomposition.run) is made of", digest))
    }
    for (index, figure) in figures.enumerated() {
      entries.append(("Figure \(index + 1)", figure.digest))
      if let data = figure.data { entries.append(("Data of Figure \(index + 1)", data.digest)) }
    }
    var seen: Set<Digest> = []
    let rows = entries.filter { seen.insert($0.digest).inserted }.map { what, digest -> Markup in
      """
      <li id="\(Page.anchor(digest))">\(what)<br/><code class="long">\(digest.description)</code><br/>\
      <code>brake provenance \(digest.short)</code></li>
      """
    }
    return Page.section(
      "provenance", "Provenance",
      """
      <p>An artefact is named by the SHA-256 of its bytes. The command under each says what it was made from, back to the \
      files at the start, and how.</p>
      <ul class="artefacts">
      \(rows.joined(separator: "\n"))
      </ul>
      \(doubts)\(resumptions)
      """)
  }

  /// That some of it was made with a weaker guarantee; empty where it was not.
  private var doubts: Markup {
    if doubtful.isEmpty { return "" }
    return """
      <p id="doubts">Without a sandbox ran \(Page.stages(doubtful)): nothing kept them from reading what the provenance does not \
      name.</p>
      """
  }

  /// That some of it was made by more than one attempt; empty where it was not.
  private var resumptions: Markup {
    if resumed.isEmpty { return "" }
    return """
      <p id="resumed">From what an earlier attempt had saved went on \(Page.stages(resumed)): that it made what it would have made \
      without a stop is the promise of its program.</p>
      """
  }

  private static func stages(_ names: [String]) -> Markup {
    let most = 8
    let shown = names.prefix(most).map { Markup("<code>\($0.printable)</code>") }.joined(separator: ", ")
    return names.count > most ? shown + " and \(names.count - most) more" : shown
  }
}
