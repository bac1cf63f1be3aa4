import Actions
import Artefacts
import JSON
import Pipeline
import Synchronization
import System

/// The Python environments of the commands of a run: where they are, and what in the key says which they are.
final class PythonEnvironments: Sendable {
  /// An environment that is there.
  struct Found: Sendable {
    let folder: PythonFolder
    /// What it is by content: the interpreter, the names and versions of what is installed, and one digest of all of that.
    let identity: JSON
  }

  private let root: String
  private let store: Store
  private let files: StatCache
  private let tools: ToolIdentities
  private let made: MadeEnvironments
  /// What was found in a folder.
  private struct Known {
    let installed: InstalledPackages
    /// The file of the interpreter, which is asked once in a run what it is.
    let interpreter: FileStatus.Key?
  }
  /// What is installed is read again when something was written there.
  private let known = Mutex<[PythonFolder: Known]>([:])

  init(root: String, store: Store, files: StatCache, tools: ToolIdentities, made: MadeEnvironments) {
    self.root = root
    self.store = store
    self.files = files
    self.tools = tools
    self.made = made
  }

  /// - Parameters:
  ///   - inputs: of the instance.
  ///   - isLooking: whether the environment that was used last will do, where only a run can tell which one it takes.
  /// - Returns: nil if the instance declares none.
  /// - Throws: `UnknownIdentity` if it has to be made, or its interpreter has to be asked.
  func environment(
    of instance: StageInstance, reading inputs: [ActionInput], isLooking: Bool = false
  ) throws -> Found? {
    guard case .command(let command) = instance.work, let source = command.python else { return nil }
    do {
      let folder: PythonFolder
      switch source {
      case .folder(let path): folder = PythonFolder(try place(of: path))
      case .conda(let path): folder = PythonFolder(try place(of: path), isConda: true)
      case .requirements(let input):
        let file = try file(input, among: inputs, as: "requirements.txt")
        folder = PythonFolder(
          try place(madeOf: .requirements(file.file), called: file.source, isLooking, at: instance))
      case .lock(let input, let project):
        let file = try file(input, among: inputs, as: "uv.lock")
        let beside = try self.file(project, among: inputs, as: "pyproject.toml")
        folder = PythonFolder(
          try place(
            madeOf: .lock(file.file, project: beside.file), called: file.source, isLooking, at: instance))
      case .environment(let input):
        let file = try file(input, among: inputs, as: CondaMaker.file)
        let order = MadeEnvironments.Order(
          source: .environment(file.file), name: file.source, interpreter: "",
          version: CondaMaker.target(OwnEnvironment.variables))
        folder = PythonFolder(try place(of: order, at: instance), isConda: true)
      }
      let installed = try installed(in: folder)
      let interpreter = folder.interpreter
      let version: String
      do {
        version = try tools.identity(
          of: interpreter, version: PythonEnvironments.question(interpreter), seeing: [:],
          ignoresPackages: true, at: instance)
      } catch var unknown as UnknownIdentity {
        // One in a folder that the pipeline names may be any program.
        switch source {
        case .folder, .conda: throw unknown
        case .requirements, .lock, .environment: break
        }
        unknown.isQuestionToPython = true
        throw unknown
      }
      return Found(
        folder: folder,
        identity: [
          "interpreter": .string(version), "installed": .string(installed.digest.description),
          "packages": .object(installed.versions.mapValues { .string($0) }),
        ])
    } catch let error as Failure {
      throw PipelineError(error, at: instance.position).adding([("stage", instance.name)])
    }
  }

  private func installed(in folder: PythonFolder) throws -> InstalledPackages {
    try known.withLock { known in
      let interpreter = try store.files.status(folder.interpreter)?.key
      if let before = known[folder] {
        if before.interpreter != interpreter {
          throw Failure(
            .refused,
            "the Python of the environment in \(folder.path) was replaced or removed while brake ran",
            hint: "run brake again when nobody changes the environment any more")
        }
        if before.installed.isCurrent(on: store.files) { return before.installed }
      }
      let installed = try InstalledPackages(
        in: folder.path, isConda: folder.isConda, files: files, on: store.files)
      known[folder] = Known(installed: installed, interpreter: interpreter)
      return installed
    }
  }

  /// To be called before a command runs, and when it has ended: what its key says of its environment has to hold all the time.
  ///
  /// - Throws: `InputChanged` if something else is installed there now.
  func check(_ action: Action) throws {
    guard case .command(let command) = action.work, let folder = command.python else { return }
    made.noteUse(of: folder.path)
    let installed = try installed(in: folder).digest.description
    if action.manifest["python"]?["installed"]?.string != installed { throw InputChanged(input: folder.path) }
  }

  // MARK: Places

  private func place(of path: String) throws -> String {
    let absolute = path.hasPrefix("/") ? path : root + "/" + path
    guard let folder = try store.files.realPath(absolute) else {
      throw Failure(
        .notFound, "there is no folder '\(path)' with a Python environment",
        hint: "make one with python3 -m venv \(path) and install there what the stage needs")
    }
    if try store.files.realPath(root) == folder {
      throw Failure(
        .refused, "the Python environment '\(path)' is the whole folder in which the pipeline runs",
        hint:
          "a command sees of that folder only what it declares: make an environment in a folder of its own, such as python3 -m venv .venv"
      )
    }
    guard store.files.mayExecute(folder + "/bin/python3") else {
      throw Failure(
        .notFound, "there is no Python in '\(path)'", facts: [("wanted", folder + "/bin/python3")],
        hint: "it is no virtual environment, or the Python that it was made of is gone: make it anew")
    }
    return folder
  }

  /// An input of an instance, and what the user calls it.
  private func file(
    _ input: String, among inputs: [ActionInput], as name: String
  ) throws -> (file: EnvironmentSource.File, source: String) {
    guard let member = inputs.first(where: { $0.name == input })?.members.first,
      case .workspace(let source, let path) = member.origin
    else {
      throw Failure(.malformed, "what the Python environment is to be made of is no file of the workspace")
    }
    let file = EnvironmentSource.File(digest: member.artefact.digest, path: path, name: name)
    return (file, source.hasPrefix("./") ? String(source.dropFirst(2)) : source)
  }

  private func place(
    madeOf source: EnvironmentSource, called name: String, _ isLooking: Bool, at instance: StageInstance
  ) throws -> String {
    guard let interpreter = ProgramPath.find("python3") else {
      throw Failure(
        .notFound, "there is no python3 of which an environment for \(name) could be made",
        hint: "install it, or put its folder into PATH")
    }
    // What a python3 that chooses between others may look at.
    let seen = OwnEnvironment.variables.filter { $0.key == "PATH" || $0.key == "HOME" }
    let version: String
    do {
      version = try tools.identity(
        of: "python3", version: PythonEnvironments.question("python3", more: " + ' ' + sys.base_exec_prefix"),
        seeing: seen, ignoresPackages: true, at: instance)
    } catch var unknown as UnknownIdentity {
      if isLooking, let folder = made.lastUsed(source) { return folder }
      unknown.isQuestionToPython = true
      throw unknown
    }
    let order = MadeEnvironments.Order(
      source: source, name: name, interpreter: interpreter, version: version)
    return try place(of: order, at: instance)
  }

  private func place(of order: MadeEnvironments.Order, at instance: StageInstance) throws -> String {
    if let folder = made.found(order) { return folder }
    throw UnknownIdentity(reason: "the Python environment of \(order.name) is not made before it runs") {
      [made, position = instance.position, stage = instance.name] tell in
      do { try await made.make(order, tell: tell) } catch let error as Failure {
        throw PipelineError(error, at: position).adding([("stage", stage)])
      }
    }
  }

  /// A command that prints what an interpreter is: its kind, version and machine. It has no sign that a shell expands, and calls
  /// nothing by a name that programs have, so that its answer is remembered.
  private static func question(_ interpreter: String, more: String = "") -> String {
    let program = interpreter.hasPrefix("/") ? ShellText.quoted(interpreter) : interpreter
    return program
      + " -I -S -c \"import platform, sys; sys.stdout.write(sys.implementation.name + ' ' + platform.python_version()"
      + " + ' ' + sys.platform + ' ' + platform.machine()\(more))\""
  }
}

extension PipelineError {
  fileprivate func adding(_ facts: [Failure.Fact]) -> PipelineError {
    PipelineError(failure.with(facts: facts + failure.facts), at: position)
  }
}
