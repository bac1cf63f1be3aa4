import Actions
import Foundation
import Support
import Testing

@testable import Report

@Suite struct FontsTests {
  private let folder = TemporaryFolder()

  @Test func `The first family of which both files are there is taken, and one for other signs`() {
    for name in [
      "a/FreeSans.ttf", "a/FreeSansOblique.ttf", "b/c/Arimo-Regular.ttf", "b/c/Arimo-Italic.ttf",
      "b/LiberationSans-Regular.ttf", "DejaVuSans.ttf", "b/Other.ttf",
    ] { folder.write("font", to: name) }
    let fonts = Fonts(in: [folder["nothing"], folder.path])
    #expect(fonts.families == ["Arimo", "DejaVu Sans"])
    #expect(fonts.files.map(\.name) == ["Arimo-Regular.ttf", "Arimo-Italic.ttf", "DejaVuSans.ttf"])
    #expect(fonts.files[0].path == folder["b/c/Arimo-Regular.ttf"])
  }

  @Test func `Without any of them there are no settings`() throws {
    #expect(try Fonts(in: [folder.path]).write(into: folder.path) == nil)
  }

  /// Another font in the same folder, whatever it is called, is not drawn with.
  @Test(.enabled(if: !Fonts().files.isEmpty, "none of the fonts is installed"))
  func `Figures are drawn with these fonts alone`() async throws {
    let fonts = Fonts()
    for file in fonts.files {
      try FileManager.default.copyItem(atPath: file.path, toPath: folder[file.name])
    }
    func drawn(_ name: String) async throws -> [UInt8] {
      let scratch = folder[name]
      try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true)
      var gnuplot = Gnuplot()
      let settings: String = try #require(try Fonts(in: [folder.path]).write(into: scratch))
      gnuplot.fontSettings = settings
      return PDF.undated(
        try await gnuplot.run(
          "set terminal pdfcairo font 'Helvetica,12'\nset title 'AaBb {/:Italic t} ∇ℓ δ'\nplot x\n"))
    }
    let before = try await drawn("before")
    let name = Array(fonts.families[0].replacing(" ", with: "").utf8)
    #expect(before.indices.contains { before[$0...].starts(with: name) }, "the font is not in the PDF")
    // One that fontconfig would otherwise take for Helvetica.
    for each in try FileManager.default.subpathsOfDirectory(atPath: "/usr/share/fonts")
    where each.hasSuffix("Bold.ttf") {
      try FileManager.default.copyItem(
        atPath: "/usr/share/fonts/" + each, toPath: folder["copy-" + each.replacing("/", with: "-")])
    }
    #expect(try await drawn("after") == before)
  }
}
