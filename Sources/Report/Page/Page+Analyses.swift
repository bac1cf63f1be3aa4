/// What the analyses found.
extension Page {
  var analyses: Markup {
    let results = analysisResults
    var sections: [PageSection] = []
    for analysis in ReportedAnalyses.all where !results.isEmpty(analysis) {
      if !sections.contains(analysis.section) { sections.append(analysis.section) }
    }
    return sections.map { section -> Markup in
      let texts = ReportedAnalyses.all.filter { $0.section == section }.map { $0.text(on: self, results) }
      return Page.section(section.id, section.heading, section.introduction + texts.joined())
    }.joined(separator: "\n")
  }
}
