import Actions
import ArgumentParser
import Bundles
import Glibc
import JSON
import Pipeline
import Remotes
import Runs
import System

extension Brake {
  struct Bundle: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "bundle",
      abstract: "Write a whole analysis into one folder or file, to put beside a paper.",
      discussion: """
        Without targets: the pipeline's defaults. All that they need must be recorded; nothing is run. The folder holds the \
        pipeline and all that it reads (workspace/), all that was made and the records of how (store/), results under their \
        names (files/), a page that shows all of it without brake (index.html), the same as a research object \
        (ro-crate-metadata.json: RO-Crate 1.1 with the Provenance Run Crate profile 0.5), and SHA256SUMS. The same store and \
        pipeline make the same bytes. 'brake reproduce FOLDER' runs it again, elsewhere.
        """)

    enum Files: String, ExpressibleByArgument, CaseIterable { case results, all, none }

    @OptionGroup var pipeline: PipelineOptions
    @Option(
      help: ArgumentHelp(
        "The folder to write: one that is not there, or is empty. What ends in .tar is one file with the folder in it.",
        valueName: "folder"),
      completion: .directory)
    var to: String
    @Option(
      help: """
        Which outputs are also written out as files: results (what is published or no other stage reads, up to 16 MiB \
        each), all or none.
        """)
    var files = Files.results
    @Flag(help: "Keep no artefacts between sources and results, such as checkpoints; their records are kept.")
    var resultsOnly = false
    @Option(
      help: ArgumentHelp(
        "What it is called (default: the pipeline's parameter 'title', or else the name of its file).",
        valueName: "text"))
    var name: String?
    @Option(help: ArgumentHelp("What it is about, in a sentence or more.", valueName: "text"))
    var description: String?
    @Option(
      help: ArgumentHelp(
        "An identifier of the SPDX list such as CC-BY-4.0, or an address (default: none is stated).",
        valueName: "licence"))
    var license: String?
    @Option(help: ArgumentHelp("Whose it is; may be given several times.", valueName: "name"))
    var author: [String] = []
    @Option(
      help: ArgumentHelp(
        "The day of its publication (default: that of SOURCE_DATE_EPOCH, else the day on which its newest result was made).",
        valueName: "yyyy-mm-dd"))
    var date: String?
    @Flag(help: "Print one object.") var json = false
    @OptionGroup var given: Targets

    func validate() throws {
      if to.isEmpty { throw ValidationError("--to names no folder") }
    }

    func run() async throws {
      let engine = try pipeline.engine(given.overrides)
      let progress = TransferProgress()
      let summary = try await Transfer.run("bundled", progress, kept: false) { [self] in
        let analysis = try await Analysis(engine, targets: given.targets)
        try OwnRecords.signIfConfigured(analysis.records, in: engine.store)
        var options = BundleOptions()
        options.files = BundleOptions.Files(rawValue: files.rawValue)!
        options.resultsOnly = resultsOnly
        return try await BundleWriter(analysis, title(of: analysis, engine.source.path), options)
          .write(to: to, progress: progress)
      }
      if json {
        return try Output.print([
          "folder": .string(to), "stages": .integer(Int64(summary.stages)),
          "actions": .integer(Int64(summary.actions)), "artefacts": .integer(Int64(summary.artefacts)),
          "omitted": .integer(Int64(summary.omitted)), "files": .integer(Int64(summary.files)),
          "bytes": .integer(Int64(summary.bytes)),
        ])
      }
      let seen = pipeline.workspace.seen(to)
      let place = BundleWriter.isArchive(to) ? "file: \(seen)" : "page: \(seen)/index.html"
      let left = summary.omitted == 0 ? "" : ", of which \(summary.omitted) are recorded and not kept"
      try Output.print(
        "\(summary.actions) actions and \(summary.artefacts) artefacts\(left) in \(summary.files) files, "
          + "\(byteCount(summary.bytes))\n" + place)
    }

    private func title(of analysis: Analysis, _ path: String) throws -> BundleTitle {
      let file = path.split(separator: "/").last.map(String.init) ?? path
      let name = self.name ?? analysis.title ?? file.split(separator: ".").first.map(String.init) ?? file
      return try BundleTitle(
        name: name, description: description ?? "The analysis of the pipeline \(file), as brake ran it.",
        license: license, authors: author, date: day(of: analysis))
    }

    private func day(of analysis: Analysis) throws -> String {
      if let date { return date }
      if let text = getenv("SOURCE_DATE_EPOCH").map({ String(cString: $0) }), !text.isEmpty {
        guard let seconds = Int(text), 0...253_402_300_799 ~= seconds else {
          throw Failure(.malformed, "SOURCE_DATE_EPOCH is '\(text)', and no number of seconds since 1970")
        }
        return String(SystemTime.utc(seconds).prefix(10))
      }
      return analysis.newestDay ?? String(SystemTime.utc(SystemTime.milliseconds() / 1000).prefix(10))
    }
  }
}
