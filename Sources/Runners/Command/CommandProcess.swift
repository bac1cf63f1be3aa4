import Actions
import Glibc
import System

extension CommandRun {
  /// Runs the shell, in a sandbox where there is one.
  func execute(
    _ text: String, _ inputs: MountedInputs?, _ image: UnpackedImage?, resume: String?,
    growing: GrowingOutputs
  ) async throws {
    try checkPython()
    let folder = if case .sandbox(let sandbox) = confinement { sandbox.folder } else { scratch.path }
    defer { withExtendedLifetime(image) {} }
    let variables = environment(in: folder, image, resume: resume)
    let text = try argument(text, temporary: folder + "/tmp")
    let shell = try image.map { try shellLine(text, in: $0, variables) } ?? shellLine(text)
    var line = shell
    var covers: [Sandbox.Cover] = []
    if case .sandbox(let sandbox) = confinement, let inputs, let image {
      line = try sandbox.arguments(
        around: shell, scratch: scratch, inputs: inputs, resume: resume, image: image.path,
        variables: image.environment.filter { variables[$0.key] == nil }, network: command.network)
    } else if case .sandbox(let sandbox) = confinement, let inputs {
      (line, covers) = try sandbox.arguments(
        around: shell, scratch: scratch, inputs: inputs, resume: resume, python: command.python?.path,
        hiding: supplies.hidingPlaces(), network: command.network)
    } else if case .guarded(let executable, _) = confinement {
      line = CommandGuard.arguments(around: shell, by: executable)
    }
    defer { bringBack(covers) }
    let follower = try CommandFollower(
      scratch: scratch.path, files: disk, report: watcher.report,
      saved: { [watcher, scratch] in watcher.saved($0, scratch.work) }, growing: growing,
      grown: watcher.grown)
    let process = ChildProcess(
      arguments: line, environment: variables, folder: scratch.work,
      streams: .log(
        scratch.log, input: command.stdin.map { inputs?.path(of: $0) ?? "\(scratch.work)/\($0)" }),
      jobServer: jobServer, limits: limits { follower.foresee($0) })
    let meter = CommandMeter(folder: (try? disk.realPath(scratch.work)) ?? scratch.work) { [notes] in
      notes.add($0)
    }
    let ending = try await follower.following { [notes, codes = command.ending.codes] in
      let ending = try await meter.measuring {
        try await process.run(measured: { notes.add(meter.effort($0)) })
      }
      if case .exited(let code) = ending, codes.contains(Int(code)) { follower.succeed() }
      return ending
    }
    switch ending {
    case .exited(let code) where command.ending.codes.contains(Int(code)): return
    case .overdue: throw overdue()
    case .exited(let code) where code > 128: throw killed(by: code - 128, exit: code)
    case .exited(let code): throw failed(code)
    case .killed(let signal): throw killed(by: signal)
    }
  }

  /// Without it, the shell would find another Python further on in PATH.
  private func checkPython() throws {
    guard let python = command.python, !disk.mayExecute(python.interpreter) else { return }
    throw PipelineError(
      "there is no Python any more in the environment of the command",
      facts: [("wanted", python.interpreter)],
      hint: "make the environment anew, and leave it as it is while brake runs")
  }

  /// The text itself, or what reads it from a file: no argument of a program has more than 128 KiB, and a command may read
  /// thousands of files.
  private func argument(_ text: String, temporary: String) throws -> String {
    guard text.utf8.count > 100_000, command.shell.isPOSIX else { return text }
    try disk.write(Array(text.utf8), to: scratch.temporary + "/command")
    return ". " + ShellText.quoted(temporary + "/command")
  }

  private func shellLine(_ text: String) throws -> [String] {
    let name = command.shell.program
    let searchPath = command.python.map {
      $0.searchPath(before: getenv("PATH").map { String(cString: $0) })
    }
    guard let path = ProgramPath.find(name, in: searchPath), path.hasPrefix("/") else {
      throw PipelineError(
        "the shell '\(name)' is not installed",
        hint: command.shell == .bash
          ? "commands run under bash: install it, or name another shell in the stage, such as shell: sh -eu"
          : "install it, or put its folder into PATH")
    }
    return [path] + command.shell.words.dropFirst() + [text]
  }

  /// What a command sees: what was declared, and a few variables that hardly any program can do without. Their values
  /// are no part of the key; locale and time zone are fixed.
  ///
  /// - Parameter folder: where the command sees its scratch folder.
  private func environment(
    in folder: String, _ image: UnpackedImage?, resume: String?
  ) -> [String: String] {
    var variables = [
      "LC_ALL": "C.UTF-8", "TZ": "UTC", "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": folder + "/tmp",
      // Into a file, Python writes only now and then: nobody could follow what it prints.
      "PYTHONUNBUFFERED": "1",
    ]
    // What its stage declares, and no share of this machine: sums may come out otherwise with another number of threads.
    if let cores = action.resources.cores { variables["OMP_NUM_THREADS"] = String(cores) }
    // There also where it says nothing, as with -j 1: whether a command works must not depend on how many run at once.
    variables["MAKEFLAGS"] = jobServer.flatMap { $0.isOffered ? $0.makeFlags : nil } ?? ""
    // In an image, the others would lead to files of the machine, which are not there.
    let usual = image == nil ? ["PATH", "HOME", "USER", "SHELL"] : ["USER"]
    for name in usual + command.passed {
      if let value = getenv(name) { variables[name] = String(cString: value) }
    }
    variables["BRAKE_EVENTS"] = folder + "/" + CommandEvents.name
    if case .sandbox(let sandbox) = confinement, resume != nil {
      variables["BRAKE_RESUME"] = sandbox.resume
    } else {
      variables["BRAKE_RESUME"] = resume
    }
    command.python?.activate(in: &variables)
    if let image, variables["HOME"] == nil, image.environment["HOME"] == nil {
      // What its users have as theirs cannot be written to.
      variables["HOME"] = folder + "/tmp"
    }
    // Who was given some of the graphics processors hands no others on.
    let graphics = watcher.graphics ?? supplies.givenGraphics
    variables.merge(graphics.variables) { _, given in given }
    return variables.merging(command.environment) { _, declared in declared }
  }

  private func bringBack(_ covers: [Sandbox.Cover]) {
    for cover in covers {
      do { try cover.bringBack(disk) } catch {
        notes.add(
          "what the command wrote to \(cover.path) is lost: \(PipelineError(wrapping: error).headline)")
      }
    }
  }

  private func limits(_ foresee: @escaping @Sendable (ChildProcess.Foreseen) -> Void) -> ChildProcess.Limits {
    let isHolder = if case .none = confinement { false } else { true }
    return ChildProcess.Limits(
      time: command.ending.timeout, grace: command.ending.grace, notice: notice, isHolder: isHolder,
      foresee: foresee)
  }

  // MARK: Failures

  private func overdue() -> PipelineError {
    let timeout = command.ending.timeout?.components.seconds ?? 0
    return PipelineError(
      "the command took longer than it may", facts: [("timeout", "\(timeout) s")],
      hint: "timeout: in its stage says how long that is; it was asked to end, and killed if it did not")
  }

  private func failed(_ code: Int32) -> PipelineError {
    let (facts, hint) = suspects
    let usual =
      code == 127
      ? command.image != nil
        ? "the shell did not find a program: in a container image there are those of the image alone"
        : "the shell did not find a program: name it in tools: to have this checked first" : nil
    let codes = command.ending.codes.map(String.init).joined(separator: ", ")
    let wanted: [Failure.Fact] = command.ending.codes == [0] ? [] : [("success", codes)]
    return PipelineError(
      "the command failed", facts: [("exit", String(code))] + wanted + facts, hint: hint ?? usual)
  }

  /// - Parameter exit: the shell's status, where it was not the shell itself that was killed.
  private func killed(by signal: Int32, exit: Int32? = nil) -> PipelineError {
    let name = strsignal(signal).map { String(cString: $0) } ?? "unknown"
    let hint: String? =
      switch signal {
      case SIGKILL: "the system kills programs that use too much memory"
      case SIGPIPE:
        "a program wrote into a pipe whose reader had stopped, as head does; behind it, || test $? = 141 allows that"
      default: nil
      }
    return PipelineError(
      "the command was killed by a signal",
      facts: (exit.map { [("exit", String($0))] } ?? []) + [("signal", "\(signal) (\(name))")], hint: hint)
  }

  /// What the sandbox may have kept from the command, by what it printed.
  private var suspects: (facts: [(label: String, value: String)], hint: String?) {
    guard case .sandbox(let sandbox) = confinement,
      let printed = (try? disk.end(of: scratch.log, limit: 64 << 10)).map({
        String(decoding: $0, as: UTF8.self)
      })
    else { return ([], nil) }
    let hidden = sandbox.hiddenFiles(namedIn: Sandbox.withoutRefusals(printed), from: scratch.work)
    if !hidden.isEmpty {
      return (
        [("undeclared", hidden.prefix(5).joined(separator: ", "))],
        "a command can read only what it declares: declare \(hidden.count == 1 ? "it" : "them") under in:"
      )
    }
    if let refused = sandbox.refusedWriting(namedIn: printed) { return refused }
    let signs = [
      "network is unreachable", "name resolution", "could not resolve", "name or service not known",
    ]
    if !command.network, signs.contains(where: printed.lowercased().contains) {
      return ([], "a command has no network unless its stage declares network: true")
    }
    return ([], nil)
  }
}
