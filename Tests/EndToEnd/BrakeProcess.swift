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

/// The real binary, run in a test's own folder.
struct BrakeProcess {
  static let packageRoot = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent()
    .deletingLastPathComponent().path

  /// `$BRAKE_BINARY`, or else what `./brake` has built.
  static let binary =
    ProcessInfo.processInfo.environment["BRAKE_BINARY"] ?? packageRoot + "/.build/release/brake"

  private let process = Process()
  private let out: String
  private let err: String

  /// Starts it. It sees none of the tester's BRAKE_ and colour settings.
  init(
    _ arguments: [String], in folder: TemporaryFolder, at place: String = "", executable: String = binary,
    environment: [String: String] = [:]
  ) throws {
    let name = UUID().uuidString
    let outputs = folder.path + "-output"
    try FileManager.default.createDirectory(atPath: outputs, withIntermediateDirectories: true)
    out = "\(outputs)/\(name).out"
    err = "\(outputs)/\(name).err"
    for path in [out, err] { FileManager.default.createFile(atPath: path, contents: nil) }
    process.executableURL = URL(fileURLWithPath: executable)
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: place.isEmpty ? folder.path : folder[place])
    let inherited = ProcessInfo.processInfo.environment.filter {
      ["PATH", "HOME", "TMPDIR"].contains($0.key)
    }
    process.environment = inherited.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle(forWritingAtPath: out)
    process.standardError = FileHandle(forWritingAtPath: err)
    try process.run()
  }

  var identifier: pid_t { process.processIdentifier }

  func send(_ signal: Int32) { kill(identifier, signal) }

  func wait() -> Finished {
    process.waitUntilExit()
    defer {
      unlink(out)
      unlink(err)
      rmdir((out as NSString).deletingLastPathComponent)
    }
    let signalled = process.terminationReason == .uncaughtSignal
    return Finished(
      status: process.terminationStatus + (signalled ? 128 : 0), out: text(out), err: text(err))
  }

  private func text(_ path: String) -> String {
    String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
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
