import Runners
import System

/// Makes one Python environment, with the programs that people make them with.
struct EnvironmentBuilder {
  private let order: MadeEnvironments.Order
  /// Ends what it has started when brake ends; nil where there is none.
  private let guardExecutable: String?
  private let disk: any FileSystem
  /// Nil where it is not needed.
  private let uv: String?

  /// - Parameter searchPath: the folders in which uv is looked for; nil for the user's own.
  /// - Throws: if it is needed and not there.
  init(
    _ order: MadeEnvironments.Order, guardExecutable: String?, disk: any FileSystem, searchPath: String? = nil
  ) throws(Failure) {
    self.order = order
    self.guardExecutable = guardExecutable
    self.disk = disk
    guard case .lock = order.source else {
      uv = nil
      return
    }
    guard let found = ProgramPath.find("uv", in: searchPath) else {
      throw Failure(
        .notFound, "uv is not installed, which makes the Python environment of \(order.name)",
        hint:
          "install it (pip install uv, pipx install uv, or as https://docs.astral.sh/uv says) and put its folder into PATH"
      )
    }
    uv = found
  }

  /// - Parameter entry: the folder that holds what the environment is made of; absolute.
  func build(in entry: String) async throws {
    let venv = entry + "/venv"
    do {
      if let uv {
        try await execute([order.interpreter, "-m", "venv", "--without-pip", venv], in: entry)
        // What is locked, each file with the digest in the lock, and nothing that would have to be resolved. The project itself would
        // be installed in editable form.
        try await execute(
          [
            uv, "sync", "--frozen", "--no-install-workspace", "--python", order.interpreter, "--no-progress",
            "--color", "never",
          ], in: entry,
          seeing: ["UV_PROJECT_ENVIRONMENT": venv, "UV_PYTHON_DOWNLOADS": "never"])
      } else {
        try await execute([order.interpreter, "-m", "venv", venv], in: entry)
        try await execute(
          [
            venv + "/bin/python3", "-m", "pip", "install", "--disable-pip-version-check", "--no-input",
            "--no-color", "--progress-bar", "off", "--requirement", entry + "/requirements.txt",
          ], in: entry)
      }
    } catch {
      // What was printed stays, for whom the last lines of it are not enough.
      disk.removeAll(venv)
      throw error
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
    let environment = OwnEnvironment.variables.filter { !EnvironmentBuilder.misleading.contains($0.key) }
    let process = ChildProcess(
      arguments: guardExecutable.map { CommandGuard.arguments(around: line, by: $0) } ?? line,
      environment: environment.merging(more) { $1 }, folder: entry, streams: .log(entry + "/log"),
      patience: .seconds(2))
    guard try await process.run() != .exited(0) else { return }
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
    }
  }
}
