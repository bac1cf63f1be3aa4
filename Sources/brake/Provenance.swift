import Actions
import ArgumentParser
import Artefacts
import JSON
import Runs
import System

extension Brake {
  struct Provenance: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "provenance",
      abstract: "Show where an artefact comes from, back to the source files.",
      discussion: """
        Of each stage on the way: the command or the operation with its parameters, and when, where and how long it ran, \
        as far as this store knows. \(ArtefactArguments.help)
        """)

    @OptionGroup var pipeline: PipelineOptions
    @Flag(help: "Print one object.") var json = false
    @OptionGroup var given: ArtefactArguments

    func validate() throws { _ = try given.one() }

    func run() async throws {
      try pipeline.workspace.enter()
      let store = try pipeline.workspace.open()
      let resolver = given.resolver(pipeline, in: store, needsBytes: false)
      let provenance = try Lineage(of: await resolver.one(given.one()), in: store)
      let origins = try RecordOrigins(of: provenance, in: store)
      if json { return try Output.print(origins.added(to: provenance.json)) }
      var tree = LineageTree(provenance, origins)
      try Output.print(tree.text())
    }
  }
}

/// A lineage as an indented tree. What an artefact was made from is shown where it first comes up.
private struct LineageTree {
  let provenance: Lineage
  private let origins: RecordOrigins
  private var shown: Set<Digest> = []
  private var lines: [String] = []

  init(_ provenance: Lineage, _ origins: RecordOrigins) {
    self.provenance = provenance
    self.origins = origins
  }

  mutating func text() -> String {
    if let asked = provenance.asked {
      add(asked, of: provenance.digest, isNew: true, first: "", rest: "", label: "")
    } else {
      add(provenance.digest, source: nil, first: "", rest: "", label: "")
    }
    return lines.map { $0.visible() }.joined(separator: "\n")
  }

  private mutating func add(_ digest: Digest, source: String?, first: String, rest: String, label: String) {
    guard let maker = provenance.makers[digest] else {
      lines.append("\(first)\(label)\(digest.short)  " + (source.map { "source \($0)" } ?? "source"))
      return
    }
    let isNew = shown.insert(digest).inserted
    add(maker, of: digest, isNew: isNew, first: first, rest: rest, label: label)
  }

  /// - Parameter isNew: whether what it was made from was not shown yet.
  private mutating func add(
    _ maker: Lineage.Maker, of digest: Digest, isNew: Bool, first: String, rest: String, label: String
  ) {
    let key = maker.key.map { "[\($0)]" } ?? ""
    let work = maker.record.manifest["operation"]?.string ?? "run"
    let made =
      "\(digest.short)  \(maker.record.stage).\(maker.output)\(key) by \(work)"
      + (maker.isTold ? ", as others say" : "")
    lines.append(first + label + made + (isNew || maker.inputs.isEmpty ? "" : "  (as above)"))
    guard isNew else { return }
    let bar = maker.inputs.isEmpty ? "   " : "│  "
    lines += details(of: maker).map { rest + bar + $0 }
    for (index, input) in maker.inputs.enumerated() {
      let isLast = index == maker.inputs.count - 1
      let name = input.name + (input.key.map { "[\($0)]" } ?? "")
      add(
        input.digest, source: input.source, first: rest + (isLast ? "└─ " : "├─ "),
        rest: rest + (isLast ? "   " : "│  "), label: name + "  ")
    }
  }

  /// The command, or the parameters of the operation, and when and where it was.
  private func details(of maker: Lineage.Maker) -> [String] {
    let manifest = maker.record.manifest
    var details: [String] = []
    if let command = manifest["command"]?.string {
      let most = 12
      let all = command.split(separator: "\n").map { "$ " + $0 }
      details += all.prefix(most)
      if all.count > most { details.append("… and \(all.count - most) more lines (--json has them)") }
    }
    for (label, name) in [("with", "parameters"), ("environment", "environment"), ("programs", "tools")] {
      let members = (manifest[name]?.object ?? [:]).sorted { $0.key < $1.key }
      if members.isEmpty { continue }
      let texts = members.map { "\($0.key): \(brief($0.value))" }
      details.append("\(label) " + texts.joined(separator: ", "))
    }
    if let python = PythonIdentity.words(in: manifest) { details.append("Python \(python)") }
    if let image = manifest["image"]?.string { details.append("container image \(image)") }
    if let doubt = maker.record.doubt {
      details.append("\(doubt.words): it may have read more than is told here")
    }
    if maker.record.isResumed {
      let times = maker.record.timesResumed
      details.append(
        times == 1
          ? "it went on once from what an attempt had saved that did not end"
          : "it went on \(times) times from what an attempt had saved that did not end")
    }
    if let origin = origins.words(for: maker.record.key) { details.append(origin) }
    if let making = maker.making {
      let time = making.finished.replacing("T", with: " ").replacing("Z", with: " UTC")
      details.append("made \(time) in \(making.taken) on \(making.host), brake \(making.version)")
      if let graphics = making.graphics { details.append("graphics processors \(graphics.words)") }
    }
    return details
  }

  private func brief(_ value: JSON) -> String {
    let text = value.string ?? value.canonical
    return Digest(text)?.short ?? text.fitted(to: 100)
  }
}
