import Foundation
import Support
import Testing

/// A finished process.
struct Finished {
  /// The exit status, or 128 + n of a process that signal n ended.
  let status: Int32
  let out: String
  let err: String

  var outLines: [Substring] { out.split(separator: "\n") }
}

/// The real binary, run in a test's own folder, with signals as a shell would hand them on: the tests' threads block
/// some, and children would inherit that.
struct BrakeProcess {
  static let packageRoot = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent()
    .deletingLastPathComponent().path

  /// `$BRAKE_BINARY`, or else what `./brake` has built.
  static let binary =
    ProcessInfo.processInfo.environment["BRAKE_BINARY"] ?? packageRoot + "/.build/release/brake"

  let identifier: pid_t
  private let output: TemporaryFolder

  /// Starts it. It sees none of the tester's BRAKE_ and colour settings.
  init(
    _ arguments: [String], in folder: TemporaryFolder, at place: String = "", executable: String = binary,
    environment: [String: String] = [:]
  ) throws {
    output = TemporaryFolder()
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, output["out"], O_WRONLY | O_CREAT | O_APPEND, 0o600)
    posix_spawn_file_actions_addopen(&actions, 2, output["err"], O_WRONLY | O_CREAT | O_APPEND, 0o600)

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    for signal in [SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGPIPE, SIGCHLD] { sigaddset(&signals, signal) }
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

    let inherited = ProcessInfo.processInfo.environment.filter {
      ["PATH", "HOME", "TMPDIR"].contains($0.key)
    }
    let variables = inherited.merging(environment) { $1 }.map { "\($0)=\($1)" }
    var process: pid_t = 0
    let command = ["/usr/bin/env", "-C", place.isEmpty ? folder.path : folder[place], executable] + arguments
    let error = BrakeProcess.withStrings(command) { arguments in
      BrakeProcess.withStrings(variables) {
        posix_spawn(&process, command[0], &actions, &attributes, arguments, $0)
      }
    }
    guard error == 0 else {
      throw POSIXError(POSIXErrorCode(rawValue: error) ?? .ENOENT, userInfo: ["executable": executable])
    }
    identifier = process
  }

  private static func withStrings<Result>(
    _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
  ) -> Result {
    var pointers = strings.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    return pointers.withUnsafeMutableBufferPointer { body($0.baseAddress!) }
  }

  func send(_ signal: Int32) { kill(identifier, signal) }

  func wait() -> Finished {
    var status: Int32 = 0
    while waitpid(identifier, &status, 0) < 0 && errno == EINTR {}
    let signal = status & 0x7F
    return Finished(
      status: signal == 0 ? status >> 8 & 0xFF : 128 + signal, out: output.text("out") ?? "",
      err: output.text("err") ?? "")
  }
}

extension TemporaryFolder {
  /// Runs brake here and waits for it.
  func brake(
    _ arguments: String..., at place: String = "", environment: [String: String] = [:]
  ) throws -> Finished {
    try BrakeProcess(arguments, in: self, at: place, environment: environment).wait()
  }

  /// Runs a shell command here, with the binary as `$BRAKE`.
  func shell(_ command: String, environment: [String: String] = [:]) throws -> Finished {
    try BrakeProcess(
      ["-c", command], in: self, executable: "/bin/sh",
      environment: environment.merging(["BRAKE": BrakeProcess.binary]) { $1 }
    ).wait()
  }

  func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: self[name]) }

  /// Waits until a file is there; false if that takes longer than anything should.
  func appears(_ name: String) -> Bool {
    for _ in 0..<500 {
      if exists(name) { return true }
      usleep(20_000)
    }
    return false
  }

  func text(_ name: String) -> String? { read(name).map { String(decoding: $0, as: UTF8.self) } }
}
