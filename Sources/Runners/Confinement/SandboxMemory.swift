import Artefacts
import Glibc
import JSON
import System

/// Remembers from one run to the next that bubblewrap works here: to find that out takes as long as a small command.
///
/// Only that it does is remembered. A command is started in it all the same, and bubblewrap says so where it does not work any more; then
/// this is forgotten, and the next run finds out anew.
struct SandboxMemory: Sendable {
  let store: Store

  private var path: String { "\(store.root)/index/sandbox-\(geteuid())" }
  private static let limit = 4096

  func knows(_ line: [String]) -> Bool {
    guard let bytes = (try? store.files.contents(of: path, limit: SandboxMemory.limit)) ?? nil,
      let key = key(line)
    else { return false }
    return bytes == Array(key.hex.utf8)
  }

  /// Nothing depends on it, so that it need not be durable.
  func remember(_ line: [String]) {
    guard let key = key(line) else { return }
    _ = try? store.makeFolders(store.root + "/index")
    try? store.files.write(Array(key.hex.utf8), to: path)
  }

  func forget() { try? store.files.remove(path) }

  // MARK: What it depends on

  /// What decides in the kernel whether a process may make namespaces.
  private static let settings = [
    "/proc/sys/kernel/random/boot_id", "/proc/sys/user/max_user_namespaces",
    "/proc/sys/user/max_net_namespaces",
    "/proc/sys/kernel/unprivileged_userns_clone", "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
    "/proc/self/attr/current",
  ]
  private static let namespaces = ["user", "mnt", "pid", "net"]
  private static let rights = ["Uid", "Gid", "CapPrm", "CapEff", "CapBnd", "NoNewPrivs", "Seccomp"]

  /// - Parameter line: the command line that was tried.
  /// - Returns: nil if it cannot be told.
  private func key(_ line: [String]) -> Digest? {
    guard let program = line.first, let status = (try? store.files.status(program)) ?? nil,
      let own = text("/proc/self/status")
    else { return nil }
    let rights = own.split(separator: "\n").filter { line in
      SandboxMemory.rights.contains { line.hasPrefix($0 + ":") }
    }
    let namespaces = SandboxMemory.namespaces.map { try? store.files.target(ofLink: "/proc/self/ns/" + $0) }
    let facts: JSON = [
      "line": .array(line.map { .string($0) }),
      "program": .array(status.key.bytes.map { .integer(Int64($0)) }),
      "namespaces": .array(namespaces.map { .string(($0 ?? nil) ?? "") }),
      "rights": .array(rights.map { .string(String($0)) }),
      "settings": .array(SandboxMemory.settings.map { text($0).map { .string($0) } ?? .null }),
    ]
    return Digest(of: facts.canonicalBytes)
  }

  private func text(_ path: String) -> String? {
    ((try? store.files.contents(of: path, limit: 1 << 16)) ?? nil).map { String(decoding: $0, as: UTF8.self) }
  }
}
