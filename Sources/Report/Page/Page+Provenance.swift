internal import Artefacts
internal import Compute

/// Every artefact that the page was made from.
extension Page {
  var provenance: Markup {
    var entries: [(what: String, digest: Digest)] = runs.map { ("Fit of \($0.label)", $0.digest) }
    if let comparison { entries.append(("Comparison of the runs", comparison.digest)) }
    for (decomposition, digest) in analysisResults.decompositions {
      entries.append(("What the deceleration of \(decomposition.run) is made of", digest))
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
      \(doubts)
      """)
  }

  /// That some of it was made with a weaker guarantee; empty where it was not.
  private var doubts: Markup {
    if doubtful.isEmpty { return "" }
    let most = 8
    let names = doubtful.prefix(most).map { Markup("<code>\($0.printable)</code>") }.joined(separator: ", ")
    let more: Markup = doubtful.count > most ? " and \(doubtful.count - most) more" : ""
    return """
      <p id="doubts">Without a sandbox ran \(names)\(more): nothing kept them from reading what the provenance does not \
      name.</p>
      """
  }
}
