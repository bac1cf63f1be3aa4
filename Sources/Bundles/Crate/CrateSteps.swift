import Actions
import Artefacts
import JSON
import Pipeline
import Runs

/// The stages of a pipeline as steps of a workflow, and their recorded actions.
struct CrateSteps {
  /// The pipeline file.
  let workflow: String
  /// Of the steps, in order.
  let names: [String]
  /// Operations and commands.
  private(set) var tools: [String] = []
  /// Each once, in the order of the plan.
  private(set) var actions: [String] = []
  private(set) var controls: [String] = []
  private(set) var entities: [CrateEntity] = []

  init(_ contents: BundleContents, _ artefacts: CrateArtefacts) {
    let analysis = contents.analysis
    workflow = ("workspace/" + analysis.pipeline).addressEscaped
    var stages: [String] = []
    var executed: [String: [RecordedStage]] = [:]
    for stage in analysis.stages {
      if executed[stage.instance.stage] == nil { stages.append(stage.instance.stage) }
      executed[stage.instance.stage, default: []].append(stage)
    }
    names = stages.map(CrateSteps.step)
    var toolNames: [String] = []
    for (number, name) in stages.enumerated() {
      let instances = executed[name]!
      let used = instances.map { CrateSteps.tool($0) }
      toolNames += used.map(\.id)
      entities += used
      entities.append(
        CrateEntity(
          CrateSteps.step(name), ["HowToStep"],
          [
            "name": .string(name), "position": .string(String(number + 1)),
            "workExample": .references(used.map(\.id)),
          ]))
      let done = instances.map { CrateSteps.action($0) }
      entities.append(
        CrateEntity(
          "#control-" + name.addressEscaped, ["ControlAction"],
          [
            "name": .string("The execution of \(name)"), "instrument": .reference(CrateSteps.step(name)),
            "object": .references(done),
          ]))
      controls.append("#control-" + name.addressEscaped)
      for stage in instances { add(stage, artefacts, contents.title) }
    }
    var seen: Set<String> = []
    tools = toolNames.filter { seen.insert($0).inserted }
    actions = analysis.stages.map(CrateSteps.action).filter { seen.insert($0).inserted }
  }

  private static func step(_ stage: String) -> String { "#step-" + stage.addressEscaped }
  private static func action(_ stage: RecordedStage) -> String { "#action-" + stage.record.key.hex }

  private static func tool(_ stage: RecordedStage) -> CrateEntity {
    let work = RecordedWork(stage.record)
    if let command = work.command {
      let name = Digest(of: Array(((work.shell ?? "") + "\n" + command).utf8)).short
      return CrateEntity(
        "#command-" + name, ["SoftwareApplication"],
        [
          "name": .string("The command of \(stage.instance.stage)"), "text": .string(command),
          "description": .string("A command for \(work.shell ?? "a shell")"),
          "softwareVersion": .string(name),
        ])
    }
    var members: [String: JSON] = ["name": .string(work.title)]
    if case .operation(let operation, _) = stage.instance.work {
      members["description"] = .string(operation.summary)
    }
    if let revision = stage.record.manifest["revision"]?.integer {
      members["softwareVersion"] = .string("\(brakeVersion), revision \(revision)")
    }
    return CrateEntity(
      "#operation-" + work.title.replacing(", revision ", with: "-").addressEscaped,
      ["SoftwareApplication"], members)
  }

  private mutating func add(_ stage: RecordedStage, _ artefacts: CrateArtefacts, _ title: BundleTitle) {
    let work = RecordedWork(stage.record)
    let values = work.parameters.map { name, value -> CrateEntity in
      let id = Digest(of: Array("\(name)=\(value)".utf8)).short
      return CrateEntity(
        "#parameter-value-" + id, ["PropertyValue"], ["name": .string(name), "value": .string(value)])
    }
    entities += values
    var members: [String: JSON] = [
      "name": .string(stage.instance.name), "instrument": .reference(CrateSteps.tool(stage).id),
      "identifier": .string(stage.record.key.description),
      // An image may be saved otherwise by now, so that what it was then is no artefact of the analysis.
      "object": .references(
        work.inputs.filter { $0.name != ShellCommand.imageInput || artefacts.has($0.digest) }
          .map { artefacts.name(of: $0.digest) } + values.map(\.id)),
      "result": .references(stage.record.outputs.map { artefacts.name(of: $0.artefact.digest) }),
      "description": .string(
        "By \(work.title)" + (stage.record.doubt.map { ", \($0.words)" } ?? "")),
    ]
    members.merge(Crate.agent(of: title)) { $1 }
    entities.append(CrateEntity(CrateSteps.action(stage), ["CreateAction"], members))
  }
}
