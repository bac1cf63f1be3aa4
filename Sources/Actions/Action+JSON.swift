import Artefacts
public import JSON

/// An action as a value that can be kept and sent: with the operations that the reader has too, and the artefacts that it
/// names, it can be executed there.
extension Action {
  public var json: JSON {
    var members: [String: JSON] = [
      "name": .string(name), "position": position.json, "resources": resources.json, "manifest": manifest,
      "inputs": .array(inputs.map(\.json)),
    ]
    switch work {
    case .operation(let operation, let parameters):
      members.merge(OperationRegistry.members(operation, parameters)) { $1 }
    case .command(let command):
      members["command"] = command.json
      members["outputs"] = .array(outputs.map(\.json))
    }
    return .object(members)
  }

  /// - Parameter registry: has the operation that it names, in the same revision.
  /// - Throws: what is missing or malformed.
  public init(_ json: JSON, registry: OperationRegistry) throws {
    let reader = JSONReader(json)
    let work: Work
    let outputs: [OutputDeclaration]
    if let command = json["command"] {
      work = .command(try ActionCommand(command))
      outputs = try reader.array("outputs").map { try OutputDeclaration($0) }
    } else {
      let (operation, parameters) = try registry.operation(in: json)
      work = .operation(operation, parameters)
      outputs = operation.outputs
    }
    guard let manifest = json["manifest"], manifest.object != nil else { throw reader.malformed("manifest") }
    self.init(
      name: try reader.string("name"), position: try reader.position(), work: work,
      inputs: try reader.array("inputs").map { try ActionInput($0) }, outputs: outputs,
      resources: Resources(json["resources"] ?? [:]), manifest: manifest)
  }
}

extension OutputDeclaration {
  package var json: JSON { [.string(name), .string(file), .bool(keyed)] }

  package init(_ json: JSON) throws {
    guard let parts = json.array, parts.count == 3, let name = parts[0].string, let file = parts[1].string,
      let keyed = parts[2].bool
    else { throw PipelineError("an output is malformed") }
    self.init(name, file: file, keyed: keyed, help: "")
  }
}

extension ActionCommand {
  fileprivate var json: JSON {
    [
      "text": .string(text), "shell": .array(shell.words.map { .string($0) }),
      "environment": .object(environment.mapValues { .string($0) }),
      "passed": .array(passed.map { .string($0) }),
      "python": python?.json ?? .null, "image": image?.json ?? .null, "sandbox": .bool(sandbox),
      "network": .bool(network),
      "refuses-undeclared": .bool(refusesUndeclared), "stdin": stdin.map { .string($0) } ?? .null,
      "ending": ending.json, "growing": .array(growing.map { .string($0) }), "resume": .bool(resumes),
    ]
  }

  fileprivate init(_ json: JSON) throws {
    let reader = JSONReader(json)
    guard let shell = CommandShell(try reader.array("shell").compactMap(\.string)),
      let environment = json["environment"]?.object, let sandbox = json["sandbox"]?.bool,
      let network = json["network"]?.bool, let refusesUndeclared = json["refuses-undeclared"]?.bool
    else { throw reader.malformed("command") }
    self.init(
      text: try reader.string("text"), shell: shell, environment: environment.compactMapValues(\.string),
      passed: try reader.array("passed").compactMap(\.string),
      python: try ActionCommand.part("python", of: json, PythonFolder.init),
      image: try ActionCommand.part("image", of: json, CommandImage.init), sandbox: sandbox, network: network,
      refusesUndeclared: refusesUndeclared, stdin: json["stdin"]?.string,
      ending: CommandEnding(json["ending"] ?? [:]),
      growing: (json["growing"]?.array ?? []).compactMap(\.string), resumes: json["resume"]?.bool ?? false)
  }
}

extension ActionCommand {
  /// What a command may do without; nil where it does.
  private static func part<Part>(
    _ name: String, of json: JSON, _ read: (JSON) throws -> Part
  ) rethrows -> Part? {
    guard let part = json[name], part != .null else { return nil }
    return try read(part)
  }
}

extension PythonFolder {
  /// A virtual environment is a path alone.
  fileprivate var json: JSON { isConda ? ["conda": .string(path)] : .string(path) }

  fileprivate init(_ json: JSON) throws {
    if let path = json.string {
      self.init(path)
    } else {
      self.init(try JSONReader(json).string("conda"), isConda: true)
    }
  }
}

extension CommandImage {
  fileprivate var json: JSON { ["id": .string(id.description), "saved": saved.json] }

  fileprivate init(_ json: JSON) throws {
    let reader = JSONReader(json)
    guard let id = Digest(try reader.string("id")), let saved = json["saved"] else {
      throw reader.malformed("image")
    }
    self.init(id: id, saved: try ActionInput.Member(saved))
  }
}

extension ActionInput {
  fileprivate var json: JSON {
    ["name": .string(name), "collection": .bool(isCollection), "members": .array(members.map(\.json))]
  }

  fileprivate init(_ json: JSON) throws {
    let reader = JSONReader(json)
    guard let isCollection = json["collection"]?.bool else { throw reader.malformed("collection") }
    let members = try reader.array("members").map { try Member($0) }
    if !isCollection, members.count != 1 { throw reader.malformed("members") }
    self.init(name: try reader.string("name"), members: members, isCollection: isCollection)
  }
}

extension ActionInput.Member {
  fileprivate var json: JSON {
    var members: [String: JSON] = [
      "digest": .string(artefact.digest.description), "tree": .bool(artefact.kind == .tree),
      "size": .integer(Int64(artefact.size)), "place": .string(place), "executable": .bool(isExecutable),
    ]
    if let key { members["key"] = .string(key) }
    if case .workspace(let name, let path) = origin { members["workspace"] = [.string(name), .string(path)] }
    return .object(members)
  }

  fileprivate init(_ json: JSON) throws {
    let reader = JSONReader(json)
    guard let digest = Digest(try reader.string("digest")), let isTree = json["tree"]?.bool,
      let size = json["size"]?.integer, size >= 0, let isExecutable = json["executable"]?.bool
    else { throw reader.malformed("members") }
    let place = try reader.string("place")
    let isEscaping = place.split(separator: "/", omittingEmptySubsequences: false).contains("..")
    if place.hasPrefix("/") || isEscaping { throw PipelineError("an input has no place at '\(place)'") }
    var origin = ActionInput.Origin.store
    if let workspace = json["workspace"] {
      guard let parts = workspace.array, parts.count == 2, let name = parts[0].string,
        let path = parts[1].string
      else { throw reader.malformed("workspace") }
      origin = .workspace(name: name, path: path)
    }
    self.init(
      key: json["key"]?.string, artefact: Artefact(digest: digest, kind: isTree ? .tree : .blob, size: size),
      origin: origin, place: place, isExecutable: isExecutable)
  }
}
