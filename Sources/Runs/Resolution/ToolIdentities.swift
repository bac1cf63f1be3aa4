import Actions
import Artefacts
import Glibc
import JSON
import Pipeline
import Synchronization
import System

/// What makes a program the same program: the digest of its executable, or what a command prints as its version.
///
/// Whoever only looks is told what is remembered, or that nothing is: nothing is executed. A run asks once.
final class ToolIdentities: Sendable {
  struct Tool: Hashable {
    let name: String
    /// What a command that is asked for its version sees, as the stage's own command does.
    let environment: [String: String]
    let version: String
    /// Whether the command is a question to Python that looks at no installed packages.
    var ignoresPackages = false
  }

  private let files: StatCache
  private let memory: VersionMemory
  private let command: VersionCommand
  private struct State {
    var known: [Tool: String] = [:]
    /// Those of which the answer is an earlier one.
    var remembered: Set<Tool> = []
    var believesMemory = true
    /// By the name of the operation that reads them.
    var systemFiles: [String: [(file: SystemFile, digest: Digest)]] = [:]
  }
  private let state = Mutex(State())

  init(files: StatCache, memory: VersionMemory, command: VersionCommand) {
    self.files = files
    self.memory = memory
    self.command = command
  }

  /// - Parameters:
  ///   - environment: the variables that the program sees.
  ///   - searchPath: where it is looked for, instead of the user's PATH.
  ///   - ignoresPackages: whether the version command is a question to Python that looks at no installed packages.
  /// - Throws: `UnknownIdentity` if it has to be asked for.
  func identity(
    of name: String, version: String?, seeing environment: [String: String], in searchPath: String? = nil,
    ignoresPackages: Bool = false, at instance: StageInstance
  ) throws -> String {
    guard let path = ProgramPath.find(name, in: searchPath) else {
      throw PipelineError(
        "the program '\(name)' is not installed", at: instance.position,
        facts: [("stage", instance.name)], hint: "install it, or put its folder into PATH")
    }
    guard let version else { return try files.artefact(at: path).digest.description }
    let tool = Tool(
      name: name, environment: environment, version: version, ignoresPackages: ignoresPackages)
    let (known, believesMemory) = state.withLock { ($0.known[tool], $0.believesMemory) }
    if let known { return known }
    guard believesMemory, let answer = memory.answer(of: tool, at: path, files) else {
      throw UnknownIdentity(
        reason: "the version of '\(name)' is not known before it runs", isVersion: true
      ) { _ in
        try await self.ask(tool, at: path, for: instance)
      }
    }
    state.withLock { state in
      state.known[tool] = answer
      state.remembered.insert(tool)
    }
    return answer
  }

  /// The files of the system that an operation reads, with their digests.
  func systemFiles(of operation: any Operation) throws -> [(file: SystemFile, digest: Digest)] {
    if let known = state.withLock({ $0.systemFiles[operation.name] }) { return known }
    let found = try operation.systemFiles.map { (file: $0, digest: try files.artefact(at: $0.path).digest) }
    state.withLock { $0.systemFiles[operation.name] = found }
    return found
  }

  /// What they are, all together; nil if there are none.
  func systemIdentity(of operation: any Operation) throws -> Digest? {
    let all = try systemFiles(of: operation)
    guard !all.isEmpty else { return nil }
    let digests = Dictionary(all.map { ($0.file.name, JSON.string($0.digest.description)) }) { first, _ in
      first
    }
    return Digest(of: JSON.object(digests).canonicalBytes)
  }

  /// Runs a version command.
  private func ask(_ tool: Tool, at path: String, for instance: StageInstance) async throws {
    if state.withLock({ $0.known[tool] != nil }) { return }
    // What it depends on is looked at before, so that a change meanwhile is not taken for what was asked.
    let key = memory.key(of: tool, at: path, files)
    let answer = try await command.output(of: tool, for: instance)
    state.withLock { state in
      state.known[tool] = answer
      state.remembered.remove(tool)
    }
    if let key { memory.remember(answer, as: key) }
  }

  /// Something is to be executed: versions are asked for from now on, so that no record rests on an earlier answer.
  func askAnew() {
    state.withLock { state in
      state.believesMemory = false
      for tool in state.remembered { state.known[tool] = nil }
      state.remembered = []
    }
  }

  /// The programs of which an earlier answer was believed.
  var believed: [String] { state.withLock { Set($0.remembered.map(\.name)).sorted() } }
}

extension StageInstance.Work {
  /// The variables that a command sees, but for those of its own folder.
  ///
  /// - Parameter python: its Python environment, if it has one.
  func visibleEnvironment(python: PythonFolder?) -> [String: String] {
    guard case .command(let command) = self else { return [:] }
    var variables = ["LC_ALL": "C.UTF-8", "TZ": "UTC", "PYTHONDONTWRITEBYTECODE": "1"]
    for name in ["PATH", "HOME", "USER", "SHELL"] + command.passed {
      if let value = getenv(name) { variables[name] = String(cString: value) }
    }
    python?.activate(in: &variables)
    return variables.merging(command.environment) { _, declared in declared }
  }
}
