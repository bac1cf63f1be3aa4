import Actions
import Artefacts
import Pipeline
import Report
import Runs

/// What it is, what came of it, and how it hangs together.
extension BundlePage {
  var introduction: Markup {
    let analysis = contents.analysis
    let title = contents.title
    let stages = Set(analysis.stages.map(\.instance.stage)).count
    let actions = Set(analysis.stages.map(\.record.key)).count
    let artefacts = Set(analysis.stages.flatMap { $0.record.outputs.map(\.artefact.digest) }).count
    let about = title.description.split(separator: "\n\n").map {
      "<p>\(String($0).visibleText)</p>" as Markup
    }
    let authors = title.authors.isEmpty ? "" : title.authors.joined(separator: ", ").printable + ". "
    let license = title.license.map { "Licence: \($0.printable)." } ?? "No licence is stated."
    let parameters = analysis.overrides.map { "\($0.name)=\($0.value)".printable }.joined(separator: " ")
    let command: Markup =
      parameters.isEmpty ? "" : " with <code>\(parameters)</code>"
    return """
      \(about.joined(separator: "\n"))
      <p class="note">\(authors)\(title.date). \(license)</p>
      <p>\(BundlePage.count(actions, "action")) of \(BundlePage.count(stages, "stage")) of the pipeline \
      \(BundlePage.link("workspace/" + analysis.pipeline, analysis.pipeline))\(command) made \
      \(BundlePage.count(artefacts, "artefact")). Each is named by the SHA-256 of its bytes, and each digest on this page leads to \
      what made it.</p>
      """
  }

  var reportSection: Markup {
    if let report {
      return BundlePage.section(
        "report", "Report",
        """
        <p>\(BundlePage.link(report.path, "Open it by itself")), or read it here. Every number in it says, where the pointer \
        rests on it, the digest of the artefact that it was read from; \
        \(numbers.numbers.isEmpty ? "" : "<a href=\"#numbers\">the list of them</a> leads to what made these." as Markup)</p>
        <iframe src="\(report.path.addressEscaped)" sandbox="allow-downloads" title="The report"></iframe>
        """)
    }
    let pictures = contents.results.filter { result in
      [".svg", ".png"].contains { result.path.lowercased().hasSuffix($0) } && result.artefact.kind == .blob
    }.prefix(8)
    if pictures.isEmpty { return "" }
    let figures = pictures.map { picture -> Markup in
      """
      <figure><img src="\(picture.path.addressEscaped)" alt="\(picture.name.printable)"/>\
      <figcaption>\(picture.name.printable) \(reference(picture.artefact.digest))</figcaption></figure>
      """
    }
    return BundlePage.section("report", "Figures", figures.joined(separator: "\n"))
  }

  var resultsSection: Markup {
    if contents.results.isEmpty { return "" }
    let ways = WaysBack(contents.analysis)
    let stages = Dictionary(
      contents.analysis.stages.flatMap { stage in
        stage.record.outputs.map { (stage.name(of: $0), stage.instance.stage) }
      }, uniquingKeysWith: { first, _ in first })
    let rows = contents.results.map { result -> Markup in
      let way = stages[result.name].map { ways.text(of: $0) } ?? ""
      return """
        <tr><td class="words">\(BundlePage.link(result.path, result.path.dropFirst("files/".count)))\
        <small>\(way)</small></td><td class="words">\(result.name.printable)</td>\
        <td>\(BundlePage.size(result.artefact.size))</td><td>\(reference(result.artefact.digest))</td></tr>
        """
    }
    return BundlePage.section(
      "results", "Results",
      BundlePage.table(["file, and the way to it from the sources", "artefact", "bytes", "SHA-256"], rows))
  }

  var graphSection: Markup {
    let analysis = contents.analysis
    let actions = Dictionary(
      analysis.stages.map { ($0.instance.name, $0.record.key) }, uniquingKeysWith: { first, _ in first })
    let stages = Set(analysis.stages.map(\.instance.stage))
    let sources = Dictionary(
      analysis.sources.map { ($0.path, $0.artefact.digest) }, uniquingKeysWith: { first, _ in first })
    let drawing = GraphDrawing(graph: analysis.graph) { node in
      switch node.kind {
      case .file:
        let path = node.title.hasPrefix("./") ? String(node.title.dropFirst(2)) : node.title
        return sources[path].map { "#" + BundlePage.anchor($0) }
      case .artefact: return nil
      case .operation, .command, .deferred:
        if let key = actions[node.title] { return "#" + BundlePage.anchor(ofAction: key) }
        return stages.contains(node.title) ? "#" + BundlePage.anchor(ofStage: node.title) : nil
      }
    }
    return BundlePage.section(
      "graph", "Graph",
      """
      <p>Files of the workspace are shaded, operations of brake have square corners, commands round ones. Each is a link.</p>
      <div class="drawing">
      \(drawing.markup)
      </div>
      """)
  }
}

/// From which sources and through which stages the outputs of a stage come.
private struct WaysBack {
  private var needs: [String: Set<String>] = [:]
  private var reads: [String: Set<String>] = [:]
  private var order: [String] = []

  init(_ analysis: Analysis) {
    let stageNames = Dictionary(
      analysis.stages.map { ($0.instance.name, $0.instance.stage) }, uniquingKeysWith: { first, _ in first })
    for stage in analysis.stages {
      let name = stage.instance.stage
      if needs[name] == nil { order.append(name) }
      needs[name, default: []].formUnion(stage.instance.dependencies.compactMap { stageNames[$0] })
      for member in stage.action.inputs.flatMap(\.members) {
        if case .workspace(let source, _) = member.origin { reads[name, default: []].insert(source) }
      }
    }
  }

  func text(of stage: String) -> String {
    var reached: Set<String> = []
    var open = [stage]
    while let next = open.popLast() {
      if reached.insert(next).inserted { open += needs[next] ?? [] }
    }
    let sources = Set(reached.flatMap { reads[$0] ?? [] }).sorted()
    let most = 6
    let named = sources.prefix(most).joined(separator: ", ")
    let more = sources.count > most ? " and \(sources.count - most) more" : ""
    let steps = ([named + more] + order.filter(reached.contains)).filter { !$0.isEmpty }
    return steps.joined(separator: " → ").printable
  }
}

extension String {
  /// With line breaks, and nothing else that is not seen.
  var visibleText: String {
    split(separator: "\n", omittingEmptySubsequences: false).map { String($0).printable }.joined(
      separator: "\n")
  }
}
