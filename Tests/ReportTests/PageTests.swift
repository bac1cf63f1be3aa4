import Artefacts
import Compute
import Foundation
import JSON
import Testing

@testable import Report

@Suite struct PageTests {
  static let hostile = #"<script>alert("x")</script> & 'it' ]]> <!-- \#u{1}"#

  static func page(_ runs: [ReportedRun], figures: [Page.Figure] = [], title: String = "Deceleration") -> Page
  {
    Page(title: title, introduction: "One.\n\nTwo.", runs: runs, comparison: nil, figures: figures)
  }

  static func figure(of runs: [ReportedRun]) async throws -> Page.Figure {
    let data = FigureData.points(of: runs)
    let drawing = try await Drawing(
      .fits(of: runs, title: nil, width: 720, columns: 2),
      attributes: [("data-figure", "fit"), ("data-source", Digest(of: data).description)])
    return Page.Figure(svg: drawing.svg, digest: Digest(of: drawing.svg.file), data: (data, Digest(of: data)))
  }

  @Test func `The page is well formed, whatever a run is called`() async throws {
    let runs = [
      try SampleRuns.run("14M", label: Self.hostile), try SampleRuns.run("b", index: 1, verdict: .saturating),
    ]
    let page = Self.page(runs, figures: [try await Self.figure(of: runs)], title: Self.hostile)
    let root = try XMLNode.parse(page.bytes)
    #expect(root.all("script").isEmpty)
    #expect(root.all("h1").map(\.content) == [Self.hostile.replacing("\u{1}", with: "\u{FFFD}")])
    #expect(root.all("section").count == 9)
  }

  @Test func `The page says which stages behind it ran without a sandbox, and nothing if none did`() throws {
    var page = Page(
      title: "", introduction: "", runs: [try SampleRuns.run("14M")], comparison: nil, figures: [])
    let plain = page.bytes
    #expect(!String(decoding: plain, as: UTF8.self).contains("sandbox"))
    page.doubtful = (1...10).map { "fit[<\($0)>]" }
    let said = try #require(try XMLNode.parse(page.bytes).all("p").first { $0.attributes["id"] == "doubts" })
    #expect(said.content.hasPrefix("Without a sandbox ran fit[<1>], fit[<2>]"))
    #expect(said.content.contains("fit[<8>] and 2 more"))
    page.doubtful = []
    #expect(page.bytes == plain)
    page.resumed = ["train[<1>]"]
    let resumed = try #require(
      try XMLNode.parse(page.bytes).all("p").first { $0.attributes["id"] == "resumed" })
    #expect(resumed.content.hasPrefix("From what an earlier attempt had saved went on train[<1>]: "))
  }

  @Test func `The page names every artefact that it shows numbers of`() async throws {
    let runs = [try SampleRuns.run("14M"), try SampleRuns.run("144M", index: 1)]
    let figure = try await Self.figure(of: runs)
    let comparison = try CurveComparison(runs.map(\.analysis), sizes: ["14M": 14e6])
    let digest = Digest(of: comparison.json.canonicalBytes)
    let page = Page(
      title: "", introduction: "", runs: runs, comparison: (comparison, digest), figures: [figure])
    let root = try XMLNode.parse(page.bytes)
    let listed = root.all("code").map(\.content)
    let digests = runs.map(\.digest) + [digest, figure.digest, try #require(figure.data).digest]
    for digest in digests {
      #expect(listed.contains(digest.description))
      #expect(listed.contains("brake provenance \(digest.short)"))
    }
    let numbers = root.all("data")
    #expect(numbers.count > 60)
    for number in numbers {
      #expect(digests.map(\.description).contains(number.attributes["title"] ?? ""))
      #expect(Double(number.attributes["value"] ?? "") != nil)
    }
    let anchors = Set(root.descendants.compactMap { $0.attributes["id"] })
    for link in root.all("a") {
      let address = try #require(link.attributes["href"])
      #expect(address.hasPrefix("data:") || anchors.contains(String(address.dropFirst())), "\(address)")
    }
  }

  @Test func `The page needs no other file, and no script`() async throws {
    let runs = [try SampleRuns.run("14M")]
    let page = Self.page(runs, figures: [try await Self.figure(of: runs)])
    let text = String(decoding: page.bytes, as: UTF8.self)
    #expect(!text.contains("http://") && !text.contains("https://"))
    for node in try XMLNode.parse(page.bytes).descendants {
      for attribute in ["src", "srcset", "onload", "onclick", "xlink:href", "action"] {
        #expect(node.attributes[attribute] == nil)
      }
      #expect(!["script", "link", "iframe", "object", "img"].contains(node.name))
    }
  }

  @Test func `Ids are unique, though two figures are inlined`() async throws {
    let runs = [try SampleRuns.run("14M")]
    let figure = try await Self.figure(of: runs)
    let page = Self.page(runs, figures: [figure, figure])
    let ids = try XMLNode.parse(page.bytes).descendants.compactMap { $0.attributes["id"] }
    #expect(Set(ids).count == ids.count)
  }

  @Test func `A run without deceleration is warned of, and its break is not printed as one`() throws {
    let run = try SampleRuns.run("14M", verdict: .noBreak)
    let root = try XMLNode.parse(Self.page([run]).bytes)
    let warning = try #require(root.all("p").first { $0.attributes["class"] == "warning" })
    #expect(warning.content.hasPrefix("14M: no break. The first reason."))
    let results = try #require(root.all("section").first { $0.attributes["id"] == "results" })
    #expect(!results.all("td").map(\.content).contains { $0.hasPrefix("4914") })
  }

  @Test func `The methods say how these curves were prepared`() throws {
    func methods(_ analyses: [CurveAnalysis]) throws -> String {
      let page = Self.page(analyses.enumerated().map { SampleRuns.run(of: $0.element, index: $0.offset) })
      let root = try XMLNode.parse(page.bytes)
      return try #require(root.all("section").first { $0.attributes["id"] == "methods" }).content
    }
    let published = try methods([SampleRuns.analysis("14M")])
    #expect(
      published.contains("the mean of points ⌊j / 1.2⌋ to j [1]; of the steps, those from 10 to 100 are kept")
    )
    #expect(published.contains("Steps up to 100 are the transient at the start"))
    let other = try methods([SampleRuns.analysis("14M", skip: 0, smoothing: 1.5, subsampled: false)])
    #expect(
      other.contains(
        "the mean of points ⌊j / 1.5⌋ to j; all points are kept. All steps from 1 on are fitted."))
    let mixed = try methods([
      SampleRuns.analysis("a", skip: 30, smoothing: nil), SampleRuns.analysis("b", prepared: true),
      SampleRuns.analysis("c", prepared: true),
    ])
    #expect(mixed.contains("of a, the losses are not smoothed; of the steps, those from 10"))
    #expect(mixed.contains("of b, c, the losses are points that their authors have smoothed and subsampled."))
    #expect(mixed.contains("Steps up to 30 or 100, as the run may be, are the transient"))
  }

  @Test func `Captions call losses smoothed only where they are`() throws {
    let smooth = SampleRuns.run(of: try SampleRuns.analysis("a"))
    let rough = SampleRuns.run(of: try SampleRuns.analysis("b", smoothing: nil), index: 1)
    func captions(_ runs: [ReportedRun]) -> [String] {
      [
        Figure.fits(of: runs, title: nil, width: 720, columns: 2),
        .overview(of: runs, title: nil, width: 720), .residuals(of: runs, title: nil, width: 720, columns: 2),
      ].map(\.caption)
    }
    for caption in captions([smooth]) { #expect(caption.contains("smoothed loss")) }
    for caption in captions([rough]) { #expect(!caption.contains("smoothed")) }
    for caption in captions([smooth, rough]) { #expect(caption.contains("loss (smoothed, but for b)")) }
  }

  @Test func `Where most resamples could not be fitted, it is not said that there were none`() throws {
    func notes(_ resamples: Int) throws -> String {
      var json = try #require(SampleRuns.analysis("14M").json.object)
      json["intervals"] = .null
      var options = try #require(json["options"]?.object)
      options["bootstrap"] = .integer(Int64(resamples))
      json["options"] = .object(options)
      let run = SampleRuns.run(of: try CurveAnalysis(json: .object(json)))
      return try #require(try XMLNode.parse(Self.page([run]).bytes).all("dd").first).content
    }
    #expect(try notes(0).contains("No bootstrap."))
    #expect(try notes(200).contains("No intervals: of 200 resamples no more than half could be fitted."))
  }

  @Test func `A table of breaks says of which runs they are none`() throws {
    func sensitivity(_ verdict: Verdict) throws -> String {
      let root = try XMLNode.parse(Self.page([try SampleRuns.run("14M", verdict: verdict)]).bytes)
      return try #require(root.all("section").first { $0.attributes["id"] == "sensitivity" }).content
    }
    #expect(
      try sensitivity(.noBreak).contains("Of runs that do not decelerate they are numbers of the fit alone"))
    #expect(try !sensitivity(.deceleration).contains("Of runs that do not decelerate"))
  }

  @Test func `A law is drawn also where an interval keeps its axis from being logarithmic`() throws {
    let analyses = try (1...4).map { size in
      var json = try #require(SampleRuns.analysis("\(size)M", finalRate: 0.01 * Double(size)).json.object)
      var intervals = try #require(json["intervals"]?.object)
      intervals["r_d"] = [-0.01, 0.05]
      json["intervals"] = .object(intervals)
      return try CurveAnalysis(json: .object(json))
    }
    let sizes = Dictionary(uniqueKeysWithValues: (1...4).map { ("\($0)M", 1e6 * Double($0)) })
    let figure = Figure.scaling(
      of: try CurveComparison(analyses, sizes: sizes),
      runs: analyses.enumerated().map { SampleRuns.run(of: $0.element, index: $0.offset) }, title: nil,
      width: 720)
    let laws = figure.panels.map { panel in panel.series.first { $0.name == "power law" }?.rows.count }
    #expect(laws == [2, 2, 61])
  }

  @Test func `The summary says what the numbers say`() throws {
    let root = try XMLNode.parse(Self.page([try SampleRuns.run("14M")]).bytes)
    let item = try #require(root.all("li").first)
    #expect(
      item.content == """
        14M decelerates at step td = 4914 (95 %: 4447 to 5431), at a loss of Ld = 3.654 nats per token. The exponent of the \
        power law falls from 0.200 to rd = 0.0200, 10 times less steep (8.3 to 12, from the ends of both 95 % intervals, so in at least 90 %). From there it predicts 3.553 at step \
        20\u{202F}000, where the loss is 3.250. td moves with the cut.
        """)
  }

  @Test func `More than one change of slope comes ahead of the t_d that sums it up`() throws {
    func summary(_ analysis: CurveAnalysis) throws -> String {
      let root = try XMLNode.parse(Self.page([SampleRuns.run(of: analysis)]).bytes)
      return try #require(root.all("section").first { $0.attributes["id"] == "summary" }).content
    }
    var json = try #require(try SampleRuns.analysis("14M", hasTwoBreaks: true, cutStep: 5000).json.object)
    let sentence = try #require(try CurveAnalysis(json: .object(json)).slopeChanges?.sentence)
    json["reasons"] = ["The first reason.", .string(sentence), "Another."]
    let text = try summary(try CurveAnalysis(json: .object(json)))
    #expect(
      text.contains(
        "The loss of the one run decelerates. In it there is more than one change of slope, of which td is a summary."
      ),
      "\(text)")
    #expect(
      text.contains(
        "14M decelerates with more than one change of slope, at steps 1181 (95 %: 1100 to 1300) and 2384 (95 %: 2000 to 3000) "
          + "(exponents 0.150, then 0.400, then 0.0125; two breaks are 20.5 ahead of one, where 2.71 decides). The one-break fit sums them up at td = 4914 (95 %:"
      ),
      "\(text)")
    // Said once.
    #expect(!text.contains("There is more than one") && text.contains("Another."))
    let unknown = try summary(
      try SampleRuns.analysis("14M", hasTwoBreaks: true, hasBreakIntervals: false, cutStep: 5000))
    #expect(
      unknown.contains(
        "at steps 1181 and 2384 (exponents 0.150, then 0.400, then 0.0125; two breaks are 20.5 ahead of one, where 2.71 decides; no "
          + "intervals of the steps are known: in 21 of 200 resamples the law has no such breaks)"),
      "\(unknown)")
    let other = try summary(try SampleRuns.analysis("14M", hasLimit: true, cutStep: 5000))
    #expect(
      other.contains(
        "14M decelerates: the law that is supported, one break with limit, has its break at step 6000 (95 %: 5900 to 6100); the one-break "
          + "fit has it at td = 4914 (95 %:"),
      "\(other)")
    let moving = try summary(try SampleRuns.analysis("14M"))
    #expect(
      moving.contains("In it td moves with the cut of the transient, beyond its interval."), "\(moving)")
  }

  @Test func `How much less steep it is has no upper end where r_d may be 0`() throws {
    var json = try #require(try SampleRuns.analysis("14M").json.object)
    var intervals = try #require(json["intervals"]?.object)
    intervals["r_d"] = [-0.01, 0.05]
    json["intervals"] = .object(intervals)
    let run = SampleRuns.run(of: try CurveAnalysis(json: .object(json)))
    let item = try #require(try XMLNode.parse(Self.page([run]).bytes).all("li").first).content
    #expect(
      item.contains("10 times less steep (at least 3.8, with no bound above, as the interval of rd reaches 0")
    )
  }

  @Test func `A panel names all breaks, and shows where the deceleration point moves to`() throws {
    func figure(_ hasTwoBreaks: Bool, _ cutStep: Double) throws -> Figure {
      let analysis = try SampleRuns.analysis("14M", hasTwoBreaks: hasTwoBreaks, cutStep: cutStep)
      return .fits(of: [SampleRuns.run(of: analysis)], title: nil, width: 720, columns: 2)
    }
    let plain = try figure(false, 5000)
    #expect(!plain.legendEntries.contains { $0.name?.contains("cut") == true })
    #expect(plain.panels[0].subheading?.hasPrefix("{/:Italic t}_d = 4914,") == true)
    let both = try figure(true, 4000)
    let names = both.legendEntries.compactMap(\.name)
    for name in [
      "changes of slope (two breaks)", "deceleration point that moves with the cut",
      "the same with other cuts",
    ] { #expect(names.contains(name), "\(names)") }
    #expect(
      both.panels[0].subheading?.hasPrefix("breaks at 1181 and 2384;  {/:Italic t}_d†‡ = 4914,") == true)
    #expect(both.caption.contains("† t_d moves with the cut") && both.caption.contains("‡ t_d is a summary"))
    let breaks = try #require(both.panels[0].series.first { $0.name == "changes of slope (two breaks)" })
    #expect(breaks.rows.compactMap(\.first) == [1181.5, 1181.5, 2384.25, 2384.25])
    let intervals = try #require(both.panels[0].series.first { $0.name == "their 95 % intervals" })
    #expect(intervals.rows.compactMap(\.first) == [1100.5, 1300.25, 2000.5, 3000.75])
  }

  @Test func `Laws over sizes say which runs they are of, and where a size has one seed`() throws {
    let verdicts: [Verdict] = [.deceleration, .deceleration, .deceleration, .deceleration, .noBreak]
    let analyses = try verdicts.enumerated().map { size, verdict in
      try SampleRuns.analysis("\(size + 1)M", verdict: verdict)
    }
    let sizes = Dictionary(uniqueKeysWithValues: (1...5).map { ("\($0)M", 1e6 * Double($0)) })
    let comparison = try CurveComparison(analyses, sizes: sizes)
    let page = Page(
      title: "", introduction: "", runs: analyses.enumerated().map { SampleRuns.run(of: $1, index: $0) },
      comparison: (comparison, Digest(of: comparison.json.canonicalBytes)), figures: [])
    let root = try XMLNode.parse(page.bytes)
    let text = try #require(root.all("section").first { $0.attributes["id"] == "summary" }).content
    #expect(text.contains("means over the 4 of 5 runs that decelerate"), "\(text)")
    #expect(text.contains("Of each size there is one such seed"), "\(text)")
  }

  @Test func `What the import found is told`() throws {
    let text = String(decoding: Self.page([try SampleRuns.run("14M")]).bytes, as: UTF8.self)
    #expect(text.contains("line 512: step 100 after 612"))
    #expect(text.contains("3 of them not to be fitted"))
  }

  @Test func `A saved table is the table`() throws {
    let runs = [try SampleRuns.run("14M", label: "a&b 100%")]
    let root = try XMLNode.parse(Self.page(runs).bytes)
    let link = try #require(root.all("a").first { $0.attributes["download"] == "table.csv" })
    let encoded = try #require(link.attributes["href"]?.split(separator: ",", maxSplits: 1).last)
    #expect(
      String(encoded).removingPercentEncoding == String(decoding: ResultTable(runs: runs).csv, as: UTF8.self))
  }
}
