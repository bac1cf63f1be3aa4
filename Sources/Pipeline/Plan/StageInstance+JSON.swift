public import Actions
import Artefacts
public import JSON

/// An instance as a value that can be kept and sent: with the operations that the reader has too, it says everything that
/// is needed to make an action of it. There may be very many: what is false, null or empty is left out.
extension StageInstance {
  public var json: JSON {
    var members: [String: JSON] = [
      "stage": .string(stage), "keys": .array(keys.map { .string($0) }),
      "inputs": .array(inputs.map { [.string($0.name), $0.source.json] }),
      "publish": .array(publish.map { [.string($0.output), .string($0.path)] }),
      "position": position.json,
      "resources": resources.json,
    ]
    if !linkFolders.isEmpty { members["link-folders"] = .array(linkFolders.map(\.json)) }
    if let link { members["link"] = .string(link) }
    members = members.filter { !$0.value.isNothing }
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
  public convenience init(_ json: JSON, registry: OperationRegistry) throws {
    let reader = JSONReader(json)
    let inputs = try (json["inputs"]?.array ?? []).map { input in
      guard let pair = input.array, pair.count == 2, let name = pair[0].string else {
        throw reader.malformed("inputs")
      }
      return StageInstance.Input(name: name, source: try InputSource(pair[1], depth: 0))
    }
    let publish = try (json["publish"]?.array ?? []).map { rule in
      guard let pair = rule.array, pair.count == 2, let output = pair[0].string, let path = pair[1].string
      else {
        throw reader.malformed("publish")
      }
      return PublishRule(output: output, path: path)
    }
    let work: Work
    let outputs: [OutputDeclaration]
    if let command = json["command"] {
      work = .command(try ShellCommand(command))
      outputs = try reader.array("outputs").map { try OutputDeclaration($0) }
    } else {
      let (operation, parameters) = try registry.operation(in: json)
      work = .operation(operation, parameters)
      outputs = operation.outputs
    }
    self.init(
      stage: try reader.string("stage"), keys: (json["keys"]?.array ?? []).compactMap(\.string),
      link: json["link"]?.string, work: work, inputs: inputs, outputs: outputs, publish: publish,
      linkFolders: try (json["link-folders"]?.array ?? []).map { try LinkFolder($0) },
      resources: Resources(json["resources"] ?? [:]), position: try reader.position())
  }
}

extension LinkFolder {
  var json: JSON { [.string(path), .array(names.sorted().map { .string($0) })] }

  init(_ json: JSON) throws(PipelineError) {
    guard let parts = json.array, parts.count == 2, let path = parts[0].string, let names = parts[1].array
    else { throw PipelineError("a folder of links is malformed") }
    self.init(path: path, names: Set(names.compactMap(\.string)))
  }
}

extension InputSource {
  var json: JSON {
    switch self {
    case .file(let name): ["file", .string(name)]
    case .artefact(let digest): ["artefact", .string(digest.description)]
    case .output(let instance, let output, let key):
      ["output", .string(instance), .string(output), key.map { .string($0) } ?? .null]
    case .members(let instance, let output): ["members", .string(instance), .string(output)]
    case .collection(let members):
      ["collection", .array(members.map { [.string($0.key), $0.source.json] })]
    }
  }

  /// Deeper than any pipeline nests them.
  private static let mostDepth = 64

  init(_ json: JSON, depth: Int) throws {
    let parts = json.array ?? []
    let texts = parts.map { $0.string ?? "" }
    switch (texts.first, parts.count) {
    case ("file", 2): self = .file(texts[1])
    case ("artefact", 2):
      guard let digest = Digest(texts[1]) else { throw PipelineError("an input has no digest: \(texts[1])") }
      self = .artefact(digest)
    case ("output", 4): self = .output(instance: texts[1], output: texts[2], key: parts[3].string)
    case ("members", 3): self = .members(instance: texts[1], output: texts[2])
    case ("collection", 2) where depth < InputSource.mostDepth:
      self = .collection(
        try (parts[1].array ?? []).map { member in
          guard let pair = member.array, pair.count == 2, let key = pair[0].string else {
            throw PipelineError("a member of an input is malformed")
          }
          return Member(key: key, source: try InputSource(pair[1], depth: depth + 1))
        })
    default: throw PipelineError("an input is malformed")
    }
  }
}

extension ShellCommand {
  var json: JSON {
    let members: [String: JSON] = [
      "template": template.json, "shell": .array(shell.words.map { .string($0) }),
      "environment": .object(environment.mapValues { .string($0) }),
      "passed": .array(passed.map { .string($0) }),
      "tools": .object(tools.mapValues { $0.map { .string($0) } ?? .null }), "python": python?.json ?? .null,
      "image": .bool(hasImage), "sandbox": .bool(sandbox),
      "network": .bool(network), "refuses-undeclared": .bool(refusesUndeclared),
      "stdin": stdin.map { .string($0) } ?? .null, "ending": ending.json,
      "growing": .array(growing.map { .string($0) }),
      "eager": .array(eager.map { .string($0) }), "resume": .bool(resumes),
    ]
    return .object(members.filter { !$0.value.isNothing })
  }

  init(_ json: JSON) throws {
    let reader = JSONReader(json)
    guard let template = json["template"] else { throw reader.malformed("command") }
    func list(_ name: String) -> [String] { (json[name]?.array ?? []).compactMap(\.string) }
    func flag(_ name: String) -> Bool { json[name]?.bool ?? false }
    guard let shell = CommandShell(try reader.array("shell").compactMap(\.string)) else {
      throw reader.malformed("shell")
    }
    self.init(
      template: try ShellTemplate(template),
      shell: shell,
      environment: (json["environment"]?.object ?? [:]).compactMapValues(\.string), passed: list("passed"),
      tools: (json["tools"]?.object ?? [:]).mapValues(\.string),
      python: PythonSource(json["python"] ?? .null),
      hasImage: flag("image"), sandbox: flag("sandbox"), network: flag("network"),
      refusesUndeclared: flag("refuses-undeclared"), stdin: json["stdin"]?.string,
      ending: CommandEnding(json["ending"] ?? [:]), growing: list("growing"), eager: list("eager"),
      resumes: flag("resume"))
  }
}

extension JSON {
  fileprivate var isNothing: Bool {
    switch self {
    case .null, .bool(false): true
    case .array(let list): list.isEmpty
    case .object(let members): members.isEmpty
    default: false
    }
  }
}
