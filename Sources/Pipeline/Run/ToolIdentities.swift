import Artefacts
import Glibc
import Synchronization

/// What makes a program the same program: the digest of its executable, or what it prints as its version. Found out once
/// a run.
final class ToolIdentities: Sendable {
  private struct Tool: Hashable {
    let name: String
    let version: String?
  }

  private let files: StatCache
  private let known = Mutex<[Tool: String]>([:])

  init(files: StatCache) { self.files = files }

  func identity(
    of name: String, version: String? = nil, at instance: StageInstance
  ) throws -> String {
    let tool = Tool(name: name, version: version)
    if let identity = known.withLock({ $0[tool] }) { return identity }
    guard let path = ToolIdentities.path(of: name) else {
      throw PipelineError(
        "the program '\(name)' is not installed", at: instance.position,
        facts: [("stage", instance.name)], hint: "install it, or put its folder into PATH")
    }
    let identity: String
    if let version {
      identity = try output(of: version, tool: name, at: instance)
    } else {
      identity = try files.artefact(at: path).digest.description
    }
    known.withLock { $0[tool] = identity }
    return identity
  }

  /// The executable that a shell would run.
  static func path(of name: String) -> String? {
    if name.contains("/") { return access(name, X_OK) == 0 ? name : nil }
    let folders = getenv("PATH").map { String(cString: $0) } ?? "/usr/local/bin:/usr/bin:/bin"
    return folders.split(separator: ":").map { "\($0)/\(name)" }
      .first { access($0, X_OK) == 0 && !isFolder($0) }
  }

  private static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// The first 4 KiB that a version command prints.
  private func output(of command: String, tool: String, at instance: StageInstance) throws -> String {
    guard let pipe = popen("exec 2>&1 </dev/null; \(command)", "re") else {
      throw PipelineError("cannot start '\(command)'", facts: [("stage", instance.name)])
    }
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = fread(&buffer, 1, buffer.count, pipe)
    var rest = [UInt8](repeating: 0, count: 4096)
    while fread(&rest, 1, rest.count, pipe) > 0 {}
    let status = pclose(pipe)
    guard status == 0, count > 0 else {
      throw PipelineError(
        "the version of '\(tool)' cannot be found out", at: instance.position,
        facts: [("stage", instance.name), ("command", command)],
        hint: "the command must print something and exit with 0")
    }
    return String(decoding: buffer[..<count], as: UTF8.self)
  }
}
