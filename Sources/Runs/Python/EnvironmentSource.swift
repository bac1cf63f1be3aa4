import Artefacts
import JSON
import System

/// The files of which a Python environment is made.
enum EnvironmentSource: Sendable {
  /// What pip reads.
  case requirements(File)
  /// What uv has resolved, and the project that it stands beside.
  case lock(File, project: File)
  /// What conda, mamba or micromamba reads.
  case environment(File)

  /// A file of the workspace.
  struct File: Sendable {
    /// What it was when the stage that reads it was looked at.
    let digest: Digest
    let path: String
    /// What it is called where an environment is made of it.
    let name: String

    /// - Throws: if it is another one now.
    func contents(limit: Int, on disk: any FileSystem) throws(Failure) -> [UInt8] {
      guard let bytes = try disk.contents(of: path, limit: limit) else {
        throw Failure(.notFound, "there is no file \(path)")
      }
      guard Digest(of: bytes) == digest else {
        throw Failure(.refused, "\(path) was changed while it was read", hint: "run brake once more")
      }
      return bytes
    }
  }

  var files: [File] {
    switch self {
    case .requirements(let file), .environment(let file): [file]
    case .lock(let file, let project): [file, project]
    }
  }

  /// What stands for the contents of all of them.
  var identity: [JSON] { files.map { .string($0.digest.hex) } }

  /// No lock file that uv writes is larger.
  private static let limit = 32 << 20

  /// The files to be written where the environment is made.
  ///
  /// - Throws: if one of them has changed, or cannot say all that is needed.
  func contents(on disk: any FileSystem) throws -> EnvironmentContents {
    switch self {
    case .requirements(let file):
      return EnvironmentContents(files: [(file.name, try RequirementsFile(file, on: disk).bytes)])
    case .lock:
      return EnvironmentContents(
        files: try files.map { ($0.name, try $0.contents(limit: EnvironmentSource.limit, on: disk)) })
    case .environment(let file):
      return try EnvironmentFile(file, on: disk).contents(name: file.name)
    }
  }
}

/// What is written where an environment is made.
struct EnvironmentContents {
  var files: [(name: String, bytes: [UInt8])]
  /// What the user is to know of it.
  var notes: [String] = []
}
