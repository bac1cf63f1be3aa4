import ArgumentParser
import Artefacts
import JSON
import Pipeline

extension Brake {
  struct Provenance: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show where an artefact comes from, back to the source files.")

    @OptionGroup var pipeline: PipelineOptions
    @Flag(help: "Print one object.") var json = false
    @OptionGroup var given: ArtefactArguments

    func validate() throws { _ = try given.one() }

    func run() async throws {
      try pipeline.workspace.enter()
      let store = try pipeline.workspace.open()
      let digest = try await given.resolver(pipeline, in: store).one(given.one()).digest
      let provenance = try Pipeline.Provenance(of: digest, in: store)
      if json { return try Output.print(provenance.json) }
      var tree = LineageTree(provenance)
      try Output.print(tree.text())
    }
  }
}

/// A lineage as an indented tree. What an artefact was made from is shown where it first comes up.
private struct LineageTree {
  let provenance: Pipeline.Provenance
  private var shown: Set<Digest> = []
  private var lines: [String] = []

  init(_ provenance: Pipeline.Provenance) { self.provenance = provenance }

  mutating func text() -> String {
    add(provenance.digest, source: nil, first: "", rest: "", label: "")
    return lines.map { $0.visible() }.joined(separator: "\n")
  }

  private mutating func add(_ digest: Digest, source: String?, first: String, rest: String, label: String) {
    guard let maker = provenance.makers[digest] else {
      lines.append("\(first)\(label)\(digest.short)  " + (source.map { "source \($0)" } ?? "source"))
      return
    }
    let isNew = shown.insert(digest).inserted
    let key = maker.key.map { "[\($0)]" } ?? ""
    let work = maker.record.manifest["operation"]?.string ?? "run"
    let made = "\(digest.short)  \(maker.record.stage).\(maker.output)\(key) by \(work)"
    lines.append(first + label + made + (isNew || maker.inputs.isEmpty ? "" : "  (as above)"))
    guard isNew else { return }
    for (index, input) in maker.inputs.enumerated() {
      let isLast = index == maker.inputs.count - 1
      let name = input.name + (input.key.map { "[\($0)]" } ?? "")
      add(
        input.digest, source: input.source, first: rest + (isLast ? "└─ " : "├─ "),
        rest: rest + (isLast ? "   " : "│  "), label: name + "  ")
    }
  }
}
