import Artefacts
import Glibc
import Subprocess
import Synchronization
import SystemPackage

extension CommandRun {
  func execute(_ text: String) async throws {
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
        .path(FilePath(try shell())), arguments: Arguments(command.shell.words.dropFirst() + [text]),
        environment: .custom(environment()),
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
        hint: hint(of: code))
    case .signaled(let signal):
      let name = strsignal(signal).map { String(cString: $0) } ?? "unknown"
      throw PipelineError(
        "the command was killed by a signal", facts: [("signal", "\(signal) (\(name))")],
        hint: signal == SIGKILL ? "the system kills programs that use too much memory" : nil)
    }
  }

  private func hint(of code: Int32) -> String? {
    switch code {
    case 127: "the shell did not find a program: name it in tools: to have this checked first"
    case 128 + SIGPIPE:
      "a program wrote into a pipe whose reader had stopped, as head does; behind it, || test $? = 141 allows that"
    default: nil
    }
  }

  /// Where the shell is.
  private func shell() throws -> String {
    let name = command.shell.program
    guard let path = ToolIdentities.path(of: name), path.hasPrefix("/") else {
      throw PipelineError(
        "the shell '\(name)' is not installed",
        hint: command.shell == .bash
          ? "commands run under bash: install it, or name another shell in the stage, such as shell: sh -eu"
          : "install it, or put its folder into PATH")
    }
    return path
  }

  /// What a command sees: what was declared, and a few variables that hardly any program can do without. Their values
  /// are no part of the key; locale and time zone are fixed.
  private func environment() throws -> [Environment.Key: String] {
    var variables = [
      "LC_ALL": "C.UTF-8", "TZ": "UTC", "PYTHONDONTWRITEBYTECODE": "1",
      "TMPDIR": try absolute(scratch.temporary),
    ]
    for name in ["PATH", "HOME", "USER", "SHELL"] + command.passed {
      if let value = getenv(name) { variables[name] = String(cString: value) }
    }
    variables.merge(command.environment) { _, declared in declared }
    return Dictionary(uniqueKeysWithValues: variables.map { (Environment.Key(rawValue: $0.key)!, $0.value) })
  }

  /// The command runs in another folder than brake, to which the path of a store may be relative.
  private func absolute(_ path: String) throws -> String {
    guard let real = realpath(path, nil) else { throw PipelineError(system: "find the folder", path) }
    defer { free(real) }
    return String(cString: real)
  }
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
