import Artefacts
import Pipeline
import Runs
import System

/// What stands in a bundle's README.md.
struct Readme {
  private let contents: BundleContents

  init(_ contents: BundleContents) { self.contents = contents }

  /// A text of others that stands for itself, in one line: no link, no markup, no column of a table.
  static func plain(_ text: String) -> String {
    let line = text.split(whereSeparator: \.isNewline).joined(separator: " ").visible()
    let plain = String(line.flatMap { "\\`*_[]<>|~&".contains($0) ? ["\\", $0] : [$0] })
    return plain.first.map { "#-+=".contains($0) } == true ? "\\" + plain : plain
  }

  var text: String {
    let analysis = contents.analysis
    let commands = Set(analysis.stages.filter(\.isCommand).map(\.instance.stage)).count
    let tools =
      commands == 0
      ? "All of its stages are operations of brake, so nothing else is needed."
      : """
      Commands of \(commands) \(commands == 1 ? "stage" : "stages") need the programs that they call, and run only with \
      `--run-commands`: they do with your rights what their author wants.
      """
    let left =
      contents.omitted.isEmpty
      ? ""
      : "\n\(contents.omitted.count) artefacts between sources and results are recorded here and not kept; running the pipeline makes them again.\n"
    return """
      # \(Readme.plain(contents.title.name))

      \(Readme.plain(contents.title.description))

      This folder is an analysis that brake \(brakeVersion) ran: the pipeline, all that it reads, all that it made, and the
      records of how. `index.html` shows it in any browser.

      | here | is |
      |---|---|
      | `index.html` | results, graph, and where each artefact comes from |
      | `files/` | results under their names |
      | `workspace/` | the pipeline (\(Readme.plain(analysis.pipeline))) and all that it reads |
      | `store/` | what was made, by digest, and the records of how |
      | `ro-crate-metadata.json` | the same for programs: RO-Crate 1.1, Provenance Run Crate 0.5 |
      | `bundle.json` | the same for brake |
      \(left)
      ## Check it

          sha256sum -c --quiet SHA256SUMS      # that no file has changed

      An artefact is named by the SHA-256 of its bytes, as `sha256sum` prints it. That of a file in `files/` and `workspace/` can
      be compared with the page. One that is only in the store is a sequence of zstd frames, under its digest:

          zstd -dc < store/objects/ab/cdef… | sha256sum      # abcdef…; tensors are kept in planes, which brake restores
          brake verify --store store                         # all of it

      ## Run it again

          brake reproduce .                    # in a temporary folder, with an empty store; says what is identical
          brake reproduce . --to FOLDER        # the same, and keeps the folder, to go on from there

      \(tools)

      Nothing is taken from `store/` but what the pipeline names by digest. Of an artefact that differs it says by how much.

      """
  }
}
