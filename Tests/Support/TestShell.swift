import Foundation

/// Scripts by which tests make what they need.
public enum TestShell {
  /// - Returns: what it prints.
  /// - Throws: if a part of it fails.
  @discardableResult public static func run(_ script: String) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = ["-euc", script]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let bytes = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    struct Failed: Error { let script: String }
    guard process.terminationStatus == 0 else { throw Failed(script: script) }
    return String(decoding: bytes, as: UTF8.self)
  }
}
