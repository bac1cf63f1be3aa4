import Foundation
import System

/// SSH keys in a folder, made by the real ssh-keygen.
public struct SSHKeys {
  /// Tests that need it are skipped by name where it is not installed.
  public static var isInstalled: Bool { ProgramPath.find("ssh-keygen") != nil }

  private struct Failed: Error { let complaint: String }

  private let folder: TemporaryFolder

  public init(in folder: TemporaryFolder) { self.folder = folder }

  /// Makes a key without a passphrase.
  /// - Returns: the path of its private part.
  public func make(_ name: String) throws -> String {
    try run(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", folder["\(name).key"]])
    return folder["\(name).key"]
  }

  /// Writes a file of allowed signers, in which each key has the name that it was made with.
  /// - Parameter options: what stands before each key, such as `valid-before="20200101"`.
  public func allow(_ names: [String], options: String = "") throws -> String {
    let lines = names.map { name in
      "\(name)@example.org \(options.isEmpty ? "" : options + " ")"
        + (folder.read("\(name).key.pub").map { String(decoding: $0, as: UTF8.self) } ?? "")
    }
    folder.write(lines.joined(), to: "allowed")
    return folder["allowed"]
  }

  /// Signs bytes for whatever namespace.
  public func sign(_ message: [UInt8], with name: String, namespace: String) throws -> String {
    folder.write(String(decoding: message, as: UTF8.self), to: "message")
    try run(["-Y", "sign", "-f", folder["\(name).key"], "-n", namespace, folder["message"]])
    defer { try? FileManager.default.removeItem(atPath: folder["message.sig"]) }
    return String(decoding: folder.read("message.sig") ?? [], as: UTF8.self)
  }

  private func run(_ arguments: [String]) throws {
    let result = try FilterProgram("ssh-keygen", arguments: arguments).run(
      [], limit: 1 << 16, within: .seconds(60))
    guard result.ending == .exited(0) else { throw Failed(complaint: "\(arguments): \(result.complaint)") }
  }
}
