import Actions
import Artefacts
import JSON
import Pipeline
import Report
import Runs
import System

/// Every artefact, and the action that made it.
extension BundlePage {
  var sourcesSection: Markup {
    let analysis = contents.analysis
    var seen: Set<Digest> = []
    let rows = analysis.sources.map { source -> Markup in
      """
      <tr\(BundlePage.anchor(source.artefact.digest, &seen))><td class="words">\
      \(BundlePage.link("workspace/" + source.path, source.path))</td>\
      <td class="words">\(source.isPipeline ? "pipeline" : source.artefact.kind == .tree ? "folder" : "file")</td>\
      <td>\(BundlePage.size(source.artefact.size))</td><td class="digest long">\(source.artefact.digest.hex)</td></tr>
      """
    }
    let given = analysis.given.map { artefact -> Markup in
      """
      <tr\(BundlePage.anchor(artefact.digest, &seen))><td class="words">named by its digest</td>\
      <td class="words">\(artefact.kind == .tree ? "folder" : "file")</td>\
      <td>\(BundlePage.size(artefact.size))</td><td class="digest long">\(artefact.digest.hex)</td></tr>
      """
    }
    return BundlePage.section(
      "sources", "Sources",
      "<p>What no stage made.</p>\n"
        + BundlePage.table(["in <code>workspace/</code>", "kind", "bytes", "SHA-256"], rows + given))
  }

  var artefactsSection: Markup {
    var seen = Set(contents.analysis.sources.map(\.artefact.digest) + contents.analysis.given.map(\.digest))
    let rows = contents.analysis.stages.flatMap { stage in
      stage.record.outputs.map { output -> Markup in
        let digest = output.artefact.digest
        let place: Markup =
          contents.places[digest].map { BundlePage.link($0, "as a file") }
          ?? (contents.omitted.contains(digest)
            ? "not kept" : BundlePage.link(BundleContents.objectPath(digest), "in the store"))
        return """
          <tr\(BundlePage.anchor(digest, &seen))><td class="words"><a href="#\(BundlePage.anchor(ofAction: stage.record.key))">\
          \(stage.name(of: output).printable)</a></td><td>\(BundlePage.size(output.artefact.size))</td>\
          <td class="words">\(place)</td><td class="digest long">\(digest.hex)</td></tr>
          """
      }
    }
    return BundlePage.section(
      "artefacts", "Artefacts",
      "<p>All that the stages made, in the order of the pipeline. The name leads to the action.</p>\n"
        + BundlePage.table(["artefact", "bytes", "where", "SHA-256"], rows))
  }

  /// More actions than this are folded.
  private static let mostOpen = 40

  var actionsSection: Markup {
    let stages = contents.analysis.stages
    var seen: Set<Digest> = []
    var titled: Set<String> = []
    let isFolded = Set(stages.map(\.record.key)).count > BundlePage.mostOpen
    let parts = stages.map { stage -> Markup in
      let name = stage.instance.stage
      let heading: Markup =
        titled.insert(name).inserted
        ? "<h3 id=\"\(BundlePage.anchor(ofStage: name))\">\(name.printable)</h3>\n" : ""
      guard seen.insert(stage.record.key).inserted else {
        return heading + """
          <p>\(stage.instance.name.printable) is the same action as \
          <a href="#\(BundlePage.anchor(ofAction: stage.record.key))">one above</a>.</p>
          """
      }
      return heading + action(stage, isFolded: isFolded)
    }
    return BundlePage.section(
      "actions", "How each was made",
      """
      <p>An action is known by its key, the SHA-256 of its manifest, which names all that can change what it makes. \
      <code>store/actions/</code> has the manifest as brake reads it.</p>
      \(parts.joined(separator: "\n"))
      """)
  }

  private func action(_ stage: RecordedStage, isFolded: Bool) -> Markup {
    let record = stage.record
    let work = RecordedWork(record)
    let summary =
      if case .operation(let operation, _) = stage.instance.work { operation.summary } else { "" }
    let inputs = work.inputs.map { name, digest -> Markup in
      "<li><span class=\"name\">\(name.printable)</span> \((names[digest] ?? "").printable) \(reference(digest))</li>"
    }
    let outputs = record.outputs.map { output -> Markup in
      "<li><span class=\"name\">\(output.label.printable)</span> \(reference(output.artefact.digest))</li>"
    }
    let body: Markup = """
      <div id="\(BundlePage.anchor(ofAction: record.key))">
      <p>By \(work.title.printable)\(summary.isEmpty ? "." : ": \(summary.printable)")</p>
      \(command(work))
      \(BundlePage.pairs("with", work.parameters))
      \(BundlePage.pairs("environment", work.environment))
      \(BundlePage.pairs("programs", work.tools))
      \(BundlePage.list("inputs", inputs))
      \(BundlePage.list("outputs", outputs))
      \(stage.record.doubt.map { "<p class=\"caution\">It was \($0.words): it may have read more than is told here.</p>" as Markup } ?? "")
      \(printed(record))
      <p class="note">Key <span class="digest long">\(record.key.hex)</span></p>
      </div>
      """
    let name = stage.instance.name.printable
    if isFolded {
      return """
        <details class="action"><summary>\(name) <span class="note">\(work.title.printable)</span></summary>
        \(body)
        </details>
        """
    }
    return "<article class=\"action\"><h4>\(name)</h4>\n\(body)\n</article>"
  }

  private func command(_ work: RecordedWork) -> Markup {
    guard let command = work.command else { return "" }
    return """
      <p class="label">command\(work.shell.map { " for <code>\($0.printable)</code>" as Markup } ?? "")</p>
      <pre>\(command.visibleText)</pre>
      """
  }

  static func pairs(_ label: String, _ pairs: [(name: String, value: String)]) -> Markup {
    list(
      label,
      pairs.map { name, value in
        let text = value.isEmpty ? "\"\"" : value.printable.elided(to: 300)
        return "<li><span class=\"name\">\(name.printable)</span> <code>\(text)</code></li>"
      })
  }

  static func list(_ label: String, _ items: [Markup]) -> Markup {
    if items.isEmpty { return "" }
    let list: Markup = "<ul class=\"pairs\">\n\(items.joined(separator: "\n"))\n</ul>"
    guard items.count > 40 else { return "<p class=\"label\">\(label)</p>\n\(list)" }
    return "<details><summary class=\"label\">\(label) (\(items.count))</summary>\n\(list)\n</details>"
  }

  /// The end of what it printed.
  private func printed(_ record: Record) -> Markup {
    let most = 4096
    guard let digest = record.log, let bytes = try? store.bytes(of: digest, limit: 64 << 20), !bytes.isEmpty
    else { return "" }
    var text = String(decoding: bytes.suffix(most), as: UTF8.self)
    if bytes.count > most { text = "…" + text.drop { $0 != "\n" } }
    return """
      <details><summary class="label">what it printed</summary>
      <pre>\(text.withoutColours.visibleText)</pre>
      </details>
      """
  }

  var numbersSection: Markup {
    if numbers.numbers.isEmpty { return "" }
    let most = 400
    let items = numbers.numbers.map { digest, texts -> Markup in
      let shown = texts.prefix(most).joined(separator: " · ")
      let more = texts.count > most ? " and \(texts.count - most) more" : ""
      return """
        <dt>\((names[digest] ?? "an artefact that is not in this analysis").printable) \(reference(digest))</dt>
        <dd>\(shown)\(more)</dd>
        """
    }
    return BundlePage.section(
      "numbers", "The numbers of the report",
      """
      <p>Each number that the report shows, under the artefact that it was read from.</p>
      <dl class="numbers">
      \(items.joined(separator: "\n"))
      </dl>
      """)
  }

  var checkSection: Markup {
    let left: Markup =
      contents.omitted.isEmpty
      ? ""
      : "<p>\(BundlePage.count(contents.omitted.count, "artefact")) between sources and results \(contents.omitted.count == 1 ? "is" : "are") recorded and not kept; running the pipeline makes them again.</p>"
    return BundlePage.section(
      "check", "Checking it and running it again",
      """
      <p><code>sha256sum -c SHA256SUMS</code> says whether any file has changed. <code>brake reproduce FOLDER</code> runs the \
      pipeline again in another place, with an empty store, and says of each artefact whether it is identical, and otherwise by how \
      much it differs. \(BundlePage.link("README.md", "README.md")) says more.</p>
      \(left)
      """)
  }
}
