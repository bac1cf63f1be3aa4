public import Artefacts
public import JSON

/// A stage instance whose inputs are all known, and so has a key.
public struct Action: Sendable {
  public let instance: StageInstance
  public let inputs: [ActionInput]
  /// All that can change what the action produces, and nothing else. Its digest is the key.
  public let manifest: JSON
  public let key: Digest

  init(instance: StageInstance, inputs: [ActionInput], tools: [String: String]) {
    self.instance = instance
    self.inputs = inputs
    manifest = Action.manifest(instance, inputs, tools)
    key = Digest(of: manifest.canonicalBytes)
  }

  /// - Parameter tools: program -> identity.
  private static func manifest(
    _ instance: StageInstance, _ inputs: [ActionInput], _ tools: [String: String]
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
      members["inputs"] = .object(
        Dictionary(uniqueKeysWithValues: inputs.map { ($0.name, $0.contentsAndPlaces) }))
      members["outputs"] = .object(
        Dictionary(uniqueKeysWithValues: instance.outputs.map { ($0.name, .string($0.file)) }))
    }
    if !tools.isEmpty { members["tools"] = .object(tools.mapValues { .string($0) }) }
    return .object(members)
  }
}

/// An input of an action: one artefact, or several with keys.
public struct ActionInput: Sendable {
  public struct Member: Sendable {
    public let key: String?
    public let artefact: Artefact
    public let origin: Origin
    /// Where a command finds it, relative to its folder.
    let place: String
    /// Of a command's input: whether it is a file that can be executed.
    let isExecutable: Bool
  }

  /// Where the bytes are.
  public enum Origin: Sendable, Hashable {
    case store
    /// A file or folder of the workspace: its path as the pipeline names it, and where that is.
    case workspace(name: String, path: String)
  }

  public let name: String
  public let members: [Member]
  /// Whether it is a list of artefacts with keys, even if it has only one.
  public let isCollection: Bool

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
