import Runners
import System

/// Makes one Python environment, with the programs that people make them with.
struct EnvironmentBuilder {
  private let order: MadeEnvironments.Order
  /// Ends what it has started when brake ends; nil where there is none.
  private let guardExecutable: String?
  private let disk: any FileSystem
  private let maker: Maker

  private enum Maker {
    case pip
    case uv(String)
    case conda(CondaMaker)
  }

  /// - Parameter searchPath: the folders in which programs are looked for; nil for the user's own.
  /// - Throws: if it is needed and not there.
  init(
    _ order: MadeEnvironments.Order, guardExecutable: String?, disk: any FileSystem, searchPath: String? = nil
  ) throws(Failure) {
    self.order = order
    self.guardExecutable = guardExecutable
    self.disk = disk
    switch order.source {
    case .requirements: maker = .pip
    case .lock:
      guard let found = ProgramPath.find("uv", in: searchPath) else {
        throw Failure(
          .notFound, "uv is not installed, which makes the Python environment of \(order.name)",
          hint:
            "install it (pip install uv, pipx install uv, or as https://docs.astral.sh/uv says) and put its folder into PATH"
        )
      }
      maker = .uv(found)
    case .environment:
      guard let found = CondaMaker(in: searchPath) else { throw CondaMaker.missing(for: order.name) }
      maker = .conda(found)
    }
  }

  /// - Parameter entry: the folder that holds what the environment is made of; absolute.
  func build(in entry: String) async throws {
    let venv = entry + "/venv"
    do {
      switch maker {
      case .uv(let uv):
        try await execute([order.interpreter, "-m", "venv", "--without-pip", venv], in: entry)
        // What is locked, each file with the digest in the lock, and nothing that would have to be resolved. The project itself would
        // be installed in editable form.
        try await execute(
          [
            uv, "sync", "--frozen", "--no-install-workspace", "--python", order.interpreter, "--no-progress",
            "--color", "never",
          ], in: entry,
          seeing: ["UV_PROJECT_ENVIRONMENT": venv, "UV_PYTHON_DOWNLOADS": "never"])
      case .pip:
        try await execute([order.interpreter, "-m", "venv", venv], in: entry)
        try await installRequirements(in: entry)
      case .conda(let conda): try await build(with: conda, in: entry)
      }
    } catch {
      // What was printed stays, for whom the last lines of it are not enough.
      disk.removeAll(venv)
      throw error
    }
  }

  private func installRequirements(in entry: String, seeing more: [String: String] = [:]) async throws {
    try await execute(
      [
        entry + "/venv/bin/python3", "-m", "pip", "install", "--disable-pip-version-check", "--no-input",
        "--no-color", "--progress-bar", "off", "--requirement", entry + "/requirements.txt",
      ], in: entry, seeing: more)
  }

  private func build(with conda: CondaMaker, in entry: String) async throws {
    let line = conda.line(in: entry, making: entry + "/venv")
    // Rattler may be among the user's own packages. It runs no pip itself.
    let variables =
      conda.kind == .rattler
      ? CondaMaker.variables.filter { $0.key != "PYTHONNOUSERSITE" } : CondaMaker.variables
    let ending = try await run(line, in: entry, seeing: variables)
    if conda.kind == .rattler, ending == .exited(CondaMaker.withoutRattler) {
      throw CondaMaker.missing(for: order.name)
    }
    try check(ending, in: entry)
    guard disk.mayExecute(entry + "/venv/bin/python3") else {
      throw Failure(
        .refused, "there is no Python in the environment of \(order.name)",
        hint: "write - python under dependencies:, with the version that the stage needs")
    }
    if conda.kind == .rattler, try disk.status(entry + "/" + CondaMaker.requirementsFile) != nil {
      try await installRequirements(in: entry, seeing: CondaMaker.variables)
    }
  }

  /// What would lead Python, pip or uv elsewhere than into the environment, or let uv install something else than the default groups of
  /// what is locked.
  static let misleading: Set<String> = [
    "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER",
    "PIP_REQUIREMENT", "PIP_EDITABLE", "UV_PROJECT", "UV_WORKING_DIRECTORY", "UV_WORKING_DIR", "UV_PYTHON",
    "UV_NO_PROJECT", "UV_ACTIVE", "UV_FROZEN", "UV_LOCKED", "UV_NO_SYNC", "UV_DEV", "UV_NO_DEV",
    "UV_NO_GROUP", "UV_NO_DEFAULT_GROUPS", "UV_NO_SOURCES", "UV_NO_SOURCES_PACKAGE",
    "UV_NO_INSTALL_PROJECT", "UV_NO_INSTALL_WORKSPACE", "UV_NO_INSTALL_LOCAL", "UV_ONLY_INSTALL_PROJECT",
    "UV_ONLY_INSTALL_WORKSPACE", "UV_ONLY_INSTALL_LOCAL", "UV_NO_EDITABLE", "UV_SYSTEM_PYTHON",
    "UV_MANAGED_PYTHON", "UV_NO_MANAGED_PYTHON", "UV_ISOLATED",
  ]

  private func execute(_ line: [String], in entry: String, seeing more: [String: String] = [:]) async throws {
    try check(try await run(line, in: entry, seeing: more), in: entry)
  }

  private func run(_ line: [String], in entry: String, seeing more: [String: String]) async throws
    -> ProcessEnding
  {
    let environment = OwnEnvironment.variables.filter {
      !EnvironmentBuilder.misleading.contains($0.key) && !CondaMaker.misleading.contains($0.key)
    }
    let process = ChildProcess(
      arguments: guardExecutable.map { CommandGuard.arguments(around: line, by: $0) } ?? line,
      environment: environment.merging(more) { $1 }, folder: entry, streams: .log(entry + "/log"),
      patience: .seconds(2))
    return try await process.run()
  }

  private func check(_ ending: ProcessEnding, in entry: String) throws {
    guard ending != .exited(0) else { return }
    let printed = (try? disk.end(of: entry + "/log", limit: 64 << 10)) ?? []
    let said = String(decoding: printed, as: UTF8.self).split(whereSeparator: \.isNewline).suffix(8)
    throw Failure(
      .refused, "the Python environment of \(order.name) cannot be made",
      facts: said.map { ("said", String($0)) } + [("log", entry + "/log")], hint: hint)
  }

  private var hint: String {
    switch order.source {
    case .requirements:
      "make one that works with \(order.interpreter) -m venv and pip install -r \(order.name), and correct the file by what that says; then run brake again"
    case .lock:
      "see whether uv sync --frozen works beside \(order.name), with \(order.interpreter); what the lock says wrongly uv lock writes anew; then run brake again"
    case .environment:
      "make one that works with micromamba, mamba or conda, and correct \(order.name) by what that says; then run brake again"
    }
  }
}
