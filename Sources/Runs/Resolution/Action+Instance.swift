import Actions
import Artefacts
import JSON
import Pipeline

extension Action {
  /// What an instance is to do with these inputs.
  ///
  /// - Parameters:
  ///   - tools: program -> identity.
  ///   - python: the Python environment of a command; nil if it declares none.
  ///   - image: the container image of a command; nil if it declares none.
  ///   - system: what the files of the system are that an operation reads; nil if it reads none.
  ///   - marks: how the stages behind the inputs ran, for an operation that tells of it.
  /// - Throws: if the path of an input cannot be written where it stands in a command.
  init(
    instance: StageInstance, inputs: [ActionInput], tools: [String: String],
    python: PythonEnvironments.Found? = nil, image: CommandImage? = nil, system: Digest? = nil,
    marks: StageMarks = StageMarks()
  ) throws(PipelineError) {
    let work: Work =
      switch instance.work {
      case .operation(let operation, let parameters): .operation(operation, parameters)
      case .command(let command):
        .command(
          try command.action(inputs: inputs, outputs: instance.outputs, python: python?.folder, image: image))
      }
    self.init(
      name: instance.name, position: instance.position, work: work, inputs: inputs, outputs: instance.outputs,
      resources: instance.resources,
      manifest: Action.manifest(instance, inputs, tools, python?.identity, image, system, marks))
  }

  private static func manifest(
    _ instance: StageInstance, _ inputs: [ActionInput], _ tools: [String: String], _ python: JSON?,
    _ image: CommandImage?, _ system: Digest?, _ marks: StageMarks
  ) -> JSON {
    var members: [String: JSON] = [:]
    switch instance.work {
    case .operation(let operation, let parameters):
      members["operation"] = .string(operation.name)
      members["revision"] = .integer(Int64(operation.revision))
      members["parameters"] = .object(parameters.values)
      members["inputs"] = .object(
        Dictionary(uniqueKeysWithValues: inputs.map { ($0.name, $0.contents) }))
    case .command(let command):
      members["command"] = .string(command.text)
      members["environment"] = .object(command.environment.mapValues { .string($0) })
      members["shell"] = .array(command.shell.words.map { .string($0) })
      // What a stage asks for that can change what it makes; what it is given here and not there cannot be told.
      if command.network { members["network"] = true }
      if !command.sandbox { members["sandbox"] = false }
      // What it reads, and whether what it leaves is a result.
      if let stdin = command.stdin { members["stdin"] = .string(stdin) }
      if command.ending.codes != [0] {
        members["codes"] = .array(command.ending.codes.map { .integer(Int64($0)) })
      }
      members["inputs"] = .object(
        Dictionary(uniqueKeysWithValues: inputs.map { ($0.name, $0.contentsAndPlaces) }))
      members["outputs"] = .object(
        Dictionary(uniqueKeysWithValues: instance.outputs.map { ($0.name, .string($0.file)) }))
    }
    if !marks.unsandboxed.isEmpty {
      members["without-sandbox"] = .array(marks.unsandboxed.map { .string($0) })
    }
    if !marks.resumed.isEmpty { members["resumed"] = .array(marks.resumed.map { .string($0) }) }
    if let system { members["system"] = .string(system.description) }
    members["python"] = python
    if let image { members["image"] = .string(image.id.description) }
    if !tools.isEmpty { members["tools"] = .object(tools.mapValues { .string($0) }) }
    return .object(members)
  }
}

extension ActionInput {
  /// What the key of an operation holds of it: the contents.
  fileprivate var contents: JSON {
    guard isCollection else { return .string(members[0].artefact.digest.description) }
    return .array(
      members.map { [.string($0.key ?? ""), .string($0.artefact.digest.description)] })
  }

  /// A command also sees where its inputs stand, and whether it can execute them.
  fileprivate var contentsAndPlaces: JSON {
    .array(
      members.map {
        let digest = JSON.string($0.artefact.digest.description)
        return $0.isExecutable ? [.string($0.place), "755", digest] : [.string($0.place), digest]
      })
  }
}
