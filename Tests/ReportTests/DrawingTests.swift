import Foundation
import Support
import System
import Testing

@testable import Report

@Suite struct DrawingTests {
  static let hostile = #"a"b'c\\n{x_1}^2<b>&amp;`ls`@y%d$z~é→\\"#

  static func figure(named name: String = "run", rows: [[Double]] = [[1, 10], [10, 5], [100, 3]]) -> Figure {
    let panel = Panel(
      heading: name, subheading: "{/:Italic t}_d = 10",
      x: Axis("step", logarithmic: true, holding: rows.map { $0[0] }),
      y: Axis("loss", logarithmic: true, holding: rows.map { $0[1] }),
      series: [
        Series(.points(radius: 1), Theme.run(0), rows, name: name),
        Series(.line(width: 1), Theme.ink, rows, name: "fit"),
        Series(.ring, Theme.ink, [rows[1]], name: "point"),
      ])
    return Figure(
      title: "Loss of \(name)", caption: "It falls.", panels: [panel, panel], columns: 2,
      panelSize: (420, 240), legend: .above)
  }

  @Test func `A figure drawn twice has the same bytes`() async throws {
    let first = try await Drawing(Self.figure())
    try await Task.sleep(for: .milliseconds(1100))
    let second = try await Drawing(Self.figure())
    #expect(first.svg.file == second.svg.file)
    #expect(first.pdf == second.pdf)
    #expect(first.pdf.starts(with: "%PDF".utf8))
  }

  @Test func `Nothing of the user's environment changes a drawing`() async throws {
    let expected = try await Drawing(Self.figure())
    let folder = TemporaryFolder()
    let settings = folder["fonts.conf"]
    try "<fontconfig><dir>\(folder.path)</dir></fontconfig>".write(
      toFile: settings, atomically: true, encoding: .utf8)
    let variables = [
      "FONTCONFIG_FILE": settings, "GNUPLOT_FONTPATH": folder.path, "GNUTERM": "dumb",
      "LC_NUMERIC": "de_DE.UTF-8",
      "PANGO_LANGUAGE": "ja",
    ]
    for (name, value) in variables { setenv(name, value, 1) }
    defer { for name in variables.keys { unsetenv(name) } }
    let drawing = try await Drawing(Self.figure())
    #expect(drawing.svg.file == expected.svg.file && drawing.pdf == expected.pdf)
  }

  @Test func `Logarithmic axes are drawn without gnuplot's logarithms`() throws {
    let script = try Self.figure().script(for: .svg)
    #expect(!script.contains("logscale"))
    #expect(script.contains("\n1.0 0.69897000433601"), "\(script)")
    #expect(script.contains("\"10^{2}\" 2.0"))
  }

  @Test func `A label is drawn as it is written`() async throws {
    let svg = try await Drawing(Self.figure(named: Self.hostile)).svg
    let texts = try XMLNode.parse(svg.file).all("text").map(\.content)
    // Two headings and an entry of the legend.
    #expect(texts.filter { $0 == Self.hostile }.count == 3, "\(texts)")
    #expect(svg.title == "Loss of \(Self.hostile)")
  }

  @Test func `Line breaks and control characters in a label cannot end a command`() async throws {
    let name = "a\nset print '/dev/stderr'\r\u{0}\u{1B}[31m\u{2028}b"
    let svg = try await Drawing(Self.figure(named: name)).svg
    let texts = try XMLNode.parse(svg.file).all("text").map(\.content)
    #expect(texts.contains { $0.hasPrefix("a set print '/dev/stderr'") })
  }

  @Test(arguments: [Double.nan, .infinity, -.infinity, 0, -1])
  func `A number that cannot be drawn is refused`(
    value: Double
  ) {
    let figure = Self.figure(named: "14M", rows: [[1, 10], [10, value], [100, 3]])
    let error = #expect(throws: Failure.self) { try figure.script(for: .svg) }
    #expect(error?.code == .undrawable)
    #expect(error?.headline.contains("14M") == true)
  }

  @Test func `An SVG has no ids, so that two can stand in one page`() async throws {
    let svg = try await Drawing(Self.figure()).svg
    let file = String(decoding: svg.file, as: UTF8.self)
    #expect(!file.contains(" id="))
    #expect(!file.contains("href"))
    #expect(!svg.inline.text.contains("<style"))
    #expect(!svg.inline.text.contains("class=\"paper\""))
    #expect(file.contains("prefers-color-scheme"))
    #expect(try SVG(file: svg.file) == svg)
  }

  @Test func `Every colour of a drawing has a dark counterpart`() async throws {
    let svg = try await Drawing(Self.figure()).svg
    let known = Set(
      ([Theme.paper, Theme.ink, Theme.muted, Theme.faint, Theme.hairline] + Theme.runs).map(\.light))
    #expect(known.count == 5 + Theme.runs.count)
    for node in try XMLNode.parse(svg.file).descendants {
      for name in ["fill", "stroke"] {
        guard let colour = node.attributes[name], colour != "none" else { continue }
        #expect(known.contains(colour), "\(node.name) \(name)=\(colour)")
      }
    }
  }

  @Test(arguments: [
    "", "<svg", "<svg class='plot'><script>alert(1)</script></svg>", "<svg class='plot' onload='x()'/>",
    "<svg class='plot'><g></svg>", "<html/>", "<svg class='plot'><path d='M0'",
  ]) func `Only a figure is taken for one`(text: String) {
    #expect(throws: Failure.self) { try SVG(file: Array(text.utf8)) }
  }

  @Test func `Without gnuplot the error says how to install it`() async throws {
    let folder = TemporaryFolder()
    let error = await #expect(throws: Failure.self) {
      try await Gnuplot(searchPath: folder.path).run("plot x")
    }
    #expect(error?.code == .missingTool)
    #expect(error?.description.contains("apt-get install gnuplot-nox") == true)
  }

  @Test func `What gnuplot says of a failure stands in the error`() async throws {
    let error = await #expect(throws: Failure.self) {
      try await Gnuplot().run("set terminal svg\nplot nonsense(x)\n")
    }
    #expect(error?.code == .drawing)
    #expect(error?.headline.contains("nonsense") == true, "\(String(describing: error))")
  }

  @Test func `A gnuplot that does not end is stopped`() async throws {
    let folder = TemporaryFolder()
    let script = "set print '\(folder["process"])'; print system('echo $PPID'); unset print; pause 600\n"
    // Gnuplot may not have come to its first line when a short time is over on a busy machine.
    var limit = Duration.milliseconds(300)
    var process: pid_t?
    while process == nil {
      let error = await #expect(throws: Failure.self) { try await Gnuplot(limit: limit).run(script) }
      try #require(error?.headline.contains("did not end") == true, "\(String(describing: error))")
      process = (try? String(contentsOfFile: folder["process"], encoding: .utf8))
        .flatMap { pid_t($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
      limit *= 2
    }
    let stopped = try #require(process)
    #expect(kill(stopped, 0) == -1 && errno == ESRCH)
  }
}
