import Artefacts
import Glibc
import Subprocess
import Synchronization
import SystemPackage

/// One execution of a `run:` stage: lays out its folder, runs the shell, collects what it left.
struct CommandRun: Sendable {
  let action: Action
  let command: ShellCommand
  let scratch: Scratch
  let store: Store

  func run() async throws -> [OutputFile] {
    try placeInputs()
    for output in action.instance.outputs { try makeFolders(parent(of: scratch.work + "/" + output.file)) }
    try await execute(expanded())
    try refuseUndeclared()
    return try action.instance.outputs.flatMap(collect)
  }

  private func placeInputs() throws {
    var placed: Set<String> = []
    for member in action.inputs.flatMap(\.members) where placed.insert(member.place).inserted {
      let path = scratch.work + "/" + member.place
      if action.instance.outputs.contains(where: { $0.file == member.place }) {
        throw PipelineError(
          "'\(member.place)' is both an input and an output", hint: "give the output another name under out:")
      }
      try makeFolders(parent(of: path))
      try InputArtefact(member.artefact, key: member.key, origin: member.origin, store: store).write(to: path)
    }
  }

  /// The command with `${in.NAME}` and `${out.NAME}` replaced by paths, quoted for the shell where they need it.
  private func expanded() -> String {
    var text = command.template
    for input in action.inputs {
      let paths = input.members.map { quoted($0.place) }.joined(separator: " ")
      text = text.replacing("${in.\(input.name)}", with: paths)
    }
    for output in action.instance.outputs {
      text = text.replacing("${out.\(output.name)}", with: quoted(output.file))
    }
    return text
  }

  private func quoted(_ path: String) -> String {
    let plain = path.utf8.allSatisfy {
      switch $0 {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "-"):
        true
      default: false
      }
    }
    return plain ? path : "'" + path.replacing("'", with: "'\\''") + "'"
  }

  private func execute(_ text: String) async throws {
    var options = PlatformOptions()
    options.processGroupID = 0
    options.teardownSequence = [
      .gracefulShutDown(toProcessGroup: true, allowedDurationToNextStep: .seconds(2))
    ]
    let log = try FileDescriptor.open(
      scratch.log, .writeOnly, options: [.create, .append, .closeOnExec], permissions: .ownerReadWrite)
    let group = Mutex<pid_t?>(nil)
    // What the command left running in the background ends with it.
    defer { if let group = group.withLock({ $0 }) { kill(-group, SIGKILL) } }
    let result = try await log.closeAfter {
      try await Subprocess.run(
        .path("/bin/sh"), arguments: ["-c", text], environment: .custom(environment),
        workingDirectory: FilePath(scratch.work), platformOptions: options, input: .none,
        output: .fileDescriptor(log, closeAfterSpawningProcess: false),
        error: .fileDescriptor(log, closeAfterSpawningProcess: false)
      ) { execution in group.withLock { $0 = execution.processIdentifier.value } }
    }
    try Task.checkCancellation()
    switch result.terminationStatus {
    case .exited(0): return
    case .exited(let code):
      throw PipelineError(
        "the command failed", facts: [("exit", String(code))],
        hint: code == 127
          ? "the shell did not find a program: name it in tools: to have this checked first" : nil)
    case .signaled(let signal):
      let name = strsignal(signal).map { String(cString: $0) } ?? "unknown"
      throw PipelineError(
        "the command was killed by a signal", facts: [("signal", "\(signal) (\(name))")],
        hint: signal == SIGKILL ? "the system kills programs that use too much memory" : nil)
    }
  }

  /// What a command sees: what was declared, and a few variables that hardly any program can do without. Their values
  /// are no part of the key; locale and time zone are fixed.
  private var environment: [Environment.Key: String] {
    var variables = [
      "LC_ALL": "C.UTF-8", "TZ": "UTC", "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": scratch.temporary,
    ]
    for name in ["PATH", "HOME", "USER", "SHELL"] + command.passed {
      if let value = getenv(name) { variables[name] = String(cString: value) }
    }
    variables.merge(command.environment) { _, declared in declared }
    return Dictionary(uniqueKeysWithValues: variables.map { (Environment.Key(rawValue: $0.key)!, $0.value) })
  }

  /// A file that the command made and nobody declared would be lost without a word.
  private func refuseUndeclared() throws {
    let inputs = Set(action.inputs.flatMap(\.members).map(\.place))
    let outputs = Set(
      action.instance.outputs.map { $0.file.hasSuffix("/") ? String($0.file.dropLast()) : $0.file })
    var extra: [String] = []
    func visit(_ folder: String) throws {
      for name in try names(in: scratch.work + "/" + folder) {
        let place = folder.isEmpty ? name : folder + "/" + name
        if inputs.contains(place) || outputs.contains(place) { continue }
        if fileType(scratch.work + "/" + place) == .folder { try visit(place) } else { extra.append(place) }
      }
    }
    try visit("")
    if extra.isEmpty { return }
    let shown = extra.prefix(5).joined(separator: ", ") + (extra.count > 5 ? ", …" : "")
    throw PipelineError(
      "the command left \(extra.count == 1 ? "a file that is" : "\(extra.count) files that are") not declared",
      facts: [("files", shown)], hint: "declare what is wanted under out:, and write the rest to $TMPDIR")
  }

  private func collect(_ output: OutputDeclaration) throws -> [OutputFile] {
    let path = scratch.work + "/" + output.file
    guard let type = fileType(path.hasSuffix("/") ? String(path.dropLast()) : path) else {
      throw PipelineError(
        "the output '\(output.name)' was not written", facts: [("file", output.file)],
        hint: "the command must leave it there; ${out.\(output.name)} stands for the path")
    }
    guard output.keyed else { return [OutputFile(name: output.name, key: nil, path: path)] }
    guard type == .folder else {
      throw PipelineError("the output '\(output.name)' is not a folder", facts: [("file", output.file)])
    }
    return try names(in: path).map { name in
      let dot = name.lastIndex(of: ".") ?? name.endIndex
      let key = dot == name.startIndex ? name : String(name[..<dot])
      try PlannedKeys.check(key, of: output.name)
      return OutputFile(name: output.name, key: key, path: path + (path.hasSuffix("/") ? "" : "/") + name)
    }
  }
}

private func parent(of path: String) -> String {
  let path = path.hasSuffix("/") ? path.dropLast() : path[...]
  return String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
}

extension FileDescriptor {
  fileprivate func closeAfter<R>(_ body: () async throws -> R) async throws -> R {
    do {
      let result = try await body()
      try close()
      return result
    } catch {
      try? close()
      throw error
    }
  }
}
