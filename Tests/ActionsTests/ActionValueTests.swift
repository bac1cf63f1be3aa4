import Artefacts
import JSON
import Testing

@testable import Actions

/// An operation that only declares.
private struct Declared: Actions.Operation {
  let name: String
  var revision = 1
  var summary: String { "For tests." }
  var inputs: [InputDeclaration] { [] }
  var parameters: [any ParameterDeclaration] { [Declared.skip] }
  var outputs: [OutputDeclaration] { [OutputDeclaration("fit", file: "fit.json", help: "")] }

  static let skip = Parameter("skip", default: 10, in: 0..., help: "Steps to leave out.")

  func run(_ context: OperationContext) async throws {}
}

/// A chain that only declares.
private struct DeclaredChain: ChainOperation {
  var name: String { "train" }
  var revision: Int { 3 }
  var summary: String { "For tests." }
  var inputs: [InputDeclaration] { [] }
  var parameters: [any ParameterDeclaration] { [Declared.skip] }
  var linkParameters: [any ParameterDeclaration] { [Declared.skip] }
  var carried: [String] { ["state"] }
  var gathered: [String] { ["state"] }
  var outputs: [OutputDeclaration] {
    [
      OutputDeclaration("state", file: ".bin", keyed: true, help: ""),
      OutputDeclaration("curve", file: "curve.csv", help: ""),
    ]
  }

  func links(_ parameters: ParameterValues) throws(ParameterError) -> [ChainLink] {
    [ChainLink(key: "1", parameters: [:])]
  }
  func runLink(_ context: OperationContext) async throws {}
  func run(_ context: OperationContext) async throws {}
}

struct ActionValueTests {
  private let registry = OperationRegistry([Declared(name: "curve.fit"), DeclaredChain()])
  private let digest = Digest(of: Array("bytes".utf8))

  private func action(_ work: Action.Work, _ outputs: [OutputDeclaration]) -> Action {
    let blob = Artefact(digest: digest, kind: .blob, size: 5)
    let tree = Artefact(digest: digest, kind: .tree, size: 7)
    return Action(
      name: "stage[a]@1", position: Position(file: "p.yaml", line: 3, column: 5), work: work,
      inputs: [
        ActionInput(
          name: "x",
          members: [
            .init(key: nil, artefact: blob, origin: .store, place: "x/data.bin", isExecutable: false)
          ], isCollection: false),
        ActionInput(
          name: "many",
          members: [
            .init(
              key: "47k", artefact: tree, origin: .workspace(name: "./run", path: "/work/run"), place: "run",
              isExecutable: true)
          ], isCollection: true),
      ],
      outputs: outputs, resources: Resources(cores: 2, memory: 1 << 30, gpus: 1, time: .seconds(60)),
      manifest: ["operation": "whatever", "inputs": [:]])
  }

  /// What a reader makes of the bytes that a writer sends.
  private func sent(_ action: Action) throws -> Action {
    try Action(JSON(parsing: action.json.canonicalBytes), registry: registry)
  }

  @Test func `An operation arrives as it was sent`() throws {
    let operation = Declared(name: "curve.fit")
    let values = try ParameterValues(["skip": 20], declarations: operation.parameters)
    let action = action(.operation(operation, values), operation.outputs)
    let read = try sent(action)
    #expect(read.json == action.json)
    #expect(read.key == action.key && read.name == "stage[a]@1" && read.position == action.position)
    #expect(read.inputs == action.inputs && read.resources == action.resources)
    guard case .operation(let other, let parameters) = read.work else { throw Missing() }
    #expect(other.name == "curve.fit" && parameters[Declared.skip] == 20)
  }

  @Test func `A link and the end of a chain arrive as what they were`() throws {
    let link = LinkOperation(chain: DeclaredChain())
    let end = EndOperation(chain: DeclaredChain())
    let values = try ParameterValues([:], declarations: link.parameters)
    guard case .operation(let first, _) = try sent(action(.operation(link, values), link.outputs)).work,
      case .operation(let last, _) = try sent(action(.operation(end, .none), end.outputs)).work
    else { throw Missing() }
    #expect(first is LinkOperation && first.name == "train" && first.revision == 3)
    #expect(last is EndOperation && last.name == "train.end")
  }

  @Test func `A command arrives as it was sent`() throws {
    let command = ActionCommand(
      text: "cat './x/data.bin' > ./o", shell: CommandShell(["sh", "-eu", "-c"])!, environment: ["A": "1"],
      passed: ["TERM"], sandbox: false, network: true, refusesUndeclared: true, stdin: "x/data.bin",
      ending: CommandEnding(codes: [0, 3], timeout: .seconds(60), grace: .seconds(5), retries: 2),
      growing: ["p"], resumes: true)
    let outputs = [
      OutputDeclaration("o", file: "o", help: ""),
      OutputDeclaration("p", file: "p/*.png", keyed: true, help: ""),
    ]
    let action = action(.command(command), outputs)
    let read = try sent(action)
    #expect(read.json == action.json)
    guard case .command(let other) = read.work else { throw Missing() }
    #expect(other == command)
    #expect(read.outputs.map(\.file) == ["o", "p/*.png"] && read.outputs.map(\.keyed) == [false, true])
  }

  @Test func `The container image of a command arrives as what it is, and is read where it is stored`() throws
  {
    let blob = Artefact(digest: digest, kind: .blob, size: 5)
    let origins = [ActionInput.Origin.store, .workspace(name: "a.tar", path: "/lab/a.tar")]
    for origin in origins {
      let saved = ActionInput.Member(
        key: nil, artefact: blob, origin: origin, place: "container.image", isExecutable: false)
      let command = ActionCommand(
        text: "true", shell: .bash, image: CommandImage(id: Digest(of: [1]), saved: saved))
      let action = action(.command(command), [])
      guard case .command(let read) = try sent(action).work else { return #expect(Bool(false)) }
      #expect(read == command)
      #expect(action.storedArtefacts.count == (origin == .store ? 2 : 1))
    }
  }

  @Test(arguments: [PythonFolder("/lab/.venv"), PythonFolder("/lab/env", isConda: true)])
  func `The Python environment of a command arrives as what it is`(python: PythonFolder) throws {
    let command = ActionCommand(text: "true", shell: .bash, python: python)
    guard case .command(let other) = try sent(action(.command(command), [])).work else { throw Missing() }
    #expect(other == command)
  }

  @Test func `An operation of another revision is refused, as is one that is not known`() throws {
    for operation in [Declared(name: "curve.fit", revision: 2), Declared(name: "curve.bend")] {
      let values = try ParameterValues([:], declarations: operation.parameters)
      #expect(throws: PipelineError.self) { try sent(action(.operation(operation, values), [])) }
    }
  }

  @Test func `What is missing or malformed is refused`() throws {
    let command = ActionCommand(text: "true", shell: .bash)
    let json = action(.command(command), []).json
    let members = try #require(json.object)
    for name in members.keys where name != "resources" {
      for value: JSON? in [nil, "text", 7, [[:]], ["members": 1]] {
        var changed = members
        changed[name] = value
        if changed[name] == members[name] || (name == "name" && value == "text") { continue }
        #expect(throws: (any Error).self, "\(name): \(value?.canonical ?? "nothing")") {
          try Action(.object(changed), registry: registry)
        }
      }
    }
    // A command without them is another one: what cannot be read is not left out.
    for name in ["python", "image"] {
      for value: JSON in [7, [], ["path": "/lab"]] {
        var (changed, parts) = (members, try #require(members["command"]?.object))
        parts[name] = value
        changed["command"] = .object(parts)
        #expect(throws: (any Error).self, "\(name): \(value.canonical)") {
          try Action(.object(changed), registry: registry)
        }
      }
    }
    for place in ["/etc/passwd", "../x", "a/../../b"] {
      let text = json.canonical.replacing("\"run\"", with: "\"\(place)\"")
      #expect(throws: PipelineError.self) {
        try Action(JSON(parsing: Array(text.utf8)), registry: registry)
      }
    }
  }

  private struct Missing: Error {}
}
