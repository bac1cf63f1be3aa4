import Actions
import Artefacts
import JSON
import Pipeline
import Runs

/// The bundle as a research object: RO-Crate 1.1 with the Provenance Run Crate profile 0.5, which the Workflow Run and
/// Process Run Crate profiles are parts of.
///
/// https://www.researchobject.org/ro-crate/specification/1.1/, https://www.researchobject.org/workflow-run-crate/profiles/0.5/
struct Crate {
  private let contents: BundleContents
  private let artefacts: CrateArtefacts
  private let steps: CrateSteps

  init(_ contents: BundleContents) {
    self.contents = contents
    artefacts = CrateArtefacts(contents)
    steps = CrateSteps(contents, artefacts)
  }

  private static let profiles = [
    ("https://w3id.org/ro/wfrun/process/0.5", "Process Run Crate", "0.5"),
    ("https://w3id.org/ro/wfrun/workflow/0.5", "Workflow Run Crate", "0.5"),
    ("https://w3id.org/ro/wfrun/provenance/0.5", "Provenance Run Crate", "0.5"),
    ("https://w3id.org/workflowhub/workflow-ro-crate/1.0", "Workflow RO-Crate", "1.0"),
  ]

  /// The terms for digests and steps stand in the second of these.
  private static let context: JSON = [
    "https://w3id.org/ro/crate/1.1/context", "https://w3id.org/ro/terms/workflow-run/context",
  ]

  var json: JSON {
    let entities =
      [descriptor, root, workflow, language, engine, run, organisation]
      + Crate.profiles.map { address, name, version in
        CrateEntity(address, ["CreativeWork"], ["name": .string(name), "version": .string(version)])
      } + people + license + included + parameters + artefacts.entities + steps.entities
    var seen: Set<String> = []
    return [
      "@context": Crate.context,
      "@graph": .array(entities.filter { seen.insert($0.id).inserted }.map(\.json)),
    ]
  }

  // MARK: The crate

  private var descriptor: CrateEntity {
    CrateEntity(
      "ro-crate-metadata.json", ["CreativeWork"],
      [
        "about": .reference("./"),
        "conformsTo": .references([
          "https://w3id.org/ro/crate/1.1", "https://w3id.org/workflowhub/workflow-ro-crate/1.0",
        ]),
      ])
  }

  private var root: CrateEntity {
    let title = contents.title
    var members: [String: JSON] = [
      "name": .string(title.name), "description": .string(title.description),
      "datePublished": .string(title.date), "license": .reference(licenseName),
      "conformsTo": .references(Crate.profiles.map(\.0)), "mainEntity": .reference(steps.workflow),
      "mentions": .references([Crate.runName] + steps.actions),
      "hasPart": .references(
        [steps.workflow] + includedPaths.map(Crate.workspace) + artefacts.dataEntities + documents.map(\.id)),
    ]
    if !title.authors.isEmpty { members["author"] = .references(title.authors.indices.map(Crate.person)) }
    return CrateEntity("./", ["Dataset"], members)
  }

  private static let runName = "#run"

  /// Who ran it, as far as that is said.
  static func agent(of title: BundleTitle) -> [String: JSON] {
    title.authors.isEmpty ? [:] : ["agent": .references(title.authors.indices.map(person))]
  }

  private static func person(_ number: Int) -> String { "#author-\(number + 1)" }
  private static func workspace(_ path: String) -> String { ("workspace/" + path).addressEscaped }

  private var people: [CrateEntity] {
    contents.title.authors.enumerated().map {
      CrateEntity(Crate.person($0.offset), ["Person"], ["name": .string($0.element)])
    } + documents
  }

  /// What stands beside the data.
  private var documents: [CrateEntity] {
    [
      CrateEntity(
        "index.html", ["File"],
        [
          "name": "The analysis as a page for a browser", "encodingFormat": "text/html",
          "about": .reference("./"),
        ]),
      CrateEntity(
        "README.md", ["File"],
        [
          "name": "How to check this folder, and how to run it again", "encodingFormat": "text/markdown",
          "about": .reference("./"),
        ]),
      CrateEntity(
        "bundle.json", ["File"],
        ["name": "What brake reads to run it again", "encodingFormat": "application/json"]),
    ]
  }

  private var licenseName: String {
    guard let license = contents.title.license else { return "#licence-not-stated" }
    return license.contains("://") ? license : "https://spdx.org/licenses/\(license.addressEscaped)"
  }

  private var license: [CrateEntity] {
    let text = contents.title.license
    return [
      CrateEntity(
        licenseName, ["CreativeWork"],
        [
          "name": .string(text ?? "No licence is stated"),
          "description": .string(
            text.map { "The licence \($0)" } ?? "Nothing is said of who may use this; ask its authors."),
        ])
    ]
  }

  // MARK: The workflow

  private var workflow: CrateEntity {
    CrateEntity(
      steps.workflow, ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
      artefacts.fileMembers(at: "workspace/" + contents.analysis.pipeline).merging([
        "name": .string(contents.analysis.pipeline.split(separator: "/").last.map(String.init) ?? "pipeline"),
        "encodingFormat": "application/yaml", "programmingLanguage": .reference("#brake-pipeline"),
        "step": .references(steps.names),
        "hasPart": .references(steps.tools),
        "mentions": .references(includedPaths.map(Crate.workspace)),
        "input": .references(parameterNames.map { "#parameter-" + $0.addressEscaped }),
        "output": .references([CrateArtefacts.results]),
        "version": .string(digest(ofPipeline: contents.analysis.pipeline)),
        "conformsTo": .reference("https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"),
      ]) { $1 })
  }

  /// What stands for the version of a file that has none.
  private func digest(ofPipeline path: String) -> String {
    contents.analysis.sources.first { $0.path == path }?.artefact.digest.description ?? ""
  }

  private var includedPaths: [String] {
    contents.analysis.sources.filter { $0.isPipeline && $0.path != contents.analysis.pipeline }.map(\.path)
  }

  private var included: [CrateEntity] {
    includedPaths.map { path in
      CrateEntity(
        Crate.workspace(path), ["File", "SoftwareSourceCode"],
        artefacts.fileMembers(at: "workspace/" + path).merging([
          "name": .string(path), "encodingFormat": "application/yaml",
          "programmingLanguage": .reference("#brake-pipeline"), "version": .string(digest(ofPipeline: path)),
        ]) { $1 })
    }
  }

  private var language: CrateEntity {
    CrateEntity(
      "#brake-pipeline", ["ComputerLanguage"],
      ["name": "brake pipeline", "description": "Pipelines of stages in YAML, which brake executes"])
  }

  private var engine: CrateEntity {
    CrateEntity(
      "#brake", ["SoftwareApplication"],
      [
        "name": "brake", "softwareVersion": .string(brakeVersion),
        "description": "A content-addressed make for training-dynamics research",
      ])
  }

  private var parameterNames: [String] { contents.analysis.parameters.keys.sorted() }

  private var parameters: [CrateEntity] {
    parameterNames.flatMap { name -> [CrateEntity] in
      let id = name.addressEscaped
      let value = contents.analysis.parameters[name]!
      return [
        CrateEntity(
          "#parameter-" + id, ["FormalParameter"],
          [
            "name": .string(name), "additionalType": .string(Crate.type(of: value)), "valueRequired": false,
            "conformsTo": .reference(Crate.formalParameter),
          ]),
        CrateEntity(
          "#value-" + id, ["PropertyValue"],
          [
            "name": .string(name), "value": .string(value.string ?? value.canonical),
            "exampleOfWork": .reference("#parameter-" + id),
          ]),
      ]
    } + [
      CrateEntity(
        CrateArtefacts.results, ["FormalParameter"],
        [
          "name": "results", "additionalType": "File", "description": "What no other stage reads",
          "conformsTo": .reference(Crate.formalParameter),
        ])
    ]
  }

  private static let formalParameter = "https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE"

  private static func type(of value: JSON) -> String {
    switch value {
    case .bool: "Boolean"
    case .integer: "Integer"
    case .number: "Float"
    default: "Text"
    }
  }

  // MARK: The run

  private var run: CrateEntity {
    let analysis = contents.analysis
    let sources = analysis.sources.filter { !$0.isPipeline }.map { artefacts.name(of: $0.artefact.digest) }
    let given = analysis.given.map { artefacts.name(of: $0.digest) }
    let results = analysis.stages.filter { analysis.ends.contains($0.instance.name) }
      .flatMap(\.record.outputs).map { artefacts.name(of: $0.artefact.digest) }
    return CrateEntity(
      Crate.runName, ["CreateAction"],
      Crate.agent(of: contents.title).merging([
        "name": "The run of the pipeline", "instrument": .reference(steps.workflow),
        "object": .references(sources + given + parameterNames.map { "#value-" + $0.addressEscaped }),
        "result": .references(results),
        "description": .string(
          "brake \(brakeVersion) brought \(analysis.targets.isEmpty ? "the pipeline's targets" : analysis.targets.joined(separator: ", ")) up to date"
        ),
      ]) { $1 })
  }

  private var organisation: CrateEntity {
    CrateEntity(
      "#organisation", ["OrganizeAction"],
      Crate.agent(of: contents.title).merging([
        "name": "brake's work on the run", "instrument": .reference("#brake"),
        "object": .references(steps.controls), "result": .reference(Crate.runName),
      ]) { $1 })
  }
}

/// A thing in a crate.
struct CrateEntity {
  let id: String
  private let types: [String]
  private let members: [String: JSON]

  init(_ id: String, _ types: [String], _ members: [String: JSON]) {
    self.id = id
    self.types = types
    self.members = members
  }

  var json: JSON {
    let type: JSON = types.count == 1 ? .string(types[0]) : .array(types.map { .string($0) })
    // Nothing is told by an empty list.
    let told = members.filter { $0.value != .array([]) }
    return .object(told.merging(["@id": .string(id), "@type": type]) { $1 })
  }
}

extension JSON {
  static func reference(_ id: String) -> JSON { ["@id": .string(id)] }

  /// Each once, in order; a single one alone.
  static func references(_ ids: [String]) -> JSON {
    var seen: Set<String> = []
    let all = ids.filter { seen.insert($0).inserted }.map { reference($0) }
    return all.count == 1 ? all[0] : .array(all)
  }
}
