import Artefacts
import JSON
import System

/// A package of a conda environment, as the file of `conda-meta/` describes it that its installer wrote.
struct CondaPackage: Sendable {
  let name: String
  /// With the build, such as `1.26.4 py311h64a7726_0`.
  let version: String
  /// What stands for what the package contains, wherever it is installed.
  let digest: Digest
  /// The paths of its files in the environment.
  let files: [String]

  /// - Parameter packagesFolder: where the environment has Python's packages, with a slash behind it: `lib/python3.11/site-packages/`.
  /// - Throws: if the file does not say what the package contains.
  init(_ bytes: [UInt8], path: String, packagesFolder: String) throws {
    func malformed(_ what: String) -> Failure {
      Failure(
        .malformed, "\(path) \(what)",
        hint: "conda, mamba or micromamba wrote it: install the package again, or make the environment anew")
    }
    guard let json = try? JSON(parsing: bytes), let name = json["name"]?.string,
      let version = json["version"]?.string
    else { throw malformed("names no package with its version") }
    let build = json["build"]?.string ?? json["build_string"]?.string ?? ""
    self.name = name
    self.version = build.isEmpty ? version : "\(version) \(build)"
    // The digests of the files are those of the package: of a file that names its environment, from before it was made to.
    let isForAnyPython = json["noarch"]?.string == "python"
    let paths = (json["paths_data"]?["paths"]?.array ?? []).compactMap { entry -> PathEntry? in
      guard let name = entry["_path"]?.string else { return nil }
      return PathEntry(
        path: isForAnyPython ? CondaPackage.place(of: name, packagesFolder) : name,
        kind: entry["path_type"]?.string ?? "", digest: entry["sha256"]?.string)
    }
    let contents = paths.filter(\.isContent)
    var lines: [String]
    if !contents.isEmpty, contents.allSatisfy({ $0.digest != nil }) {
      lines = contents.map { "\($0.path) \($0.digest ?? "")" }
    } else if let archive = json["sha256"]?.string ?? json["md5"]?.string {
      lines = [archive]
    } else if contents.isEmpty, (json["files"]?.array ?? []).isEmpty {
      // It only makes others be installed.
      lines = []
    } else {
      throw malformed("does not say what the package contains")
    }
    lines.append(json["subdir"]?.string ?? "")
    digest = Digest(of: Array(lines.sorted().joined(separator: "\n").utf8))
    files = paths.isEmpty ? (json["files"]?.array ?? []).compactMap(\.string) : paths.map(\.path)
  }

  private struct PathEntry {
    let path: String
    let kind: String
    let digest: String?

    /// Whether the package has brought it: what is compiled, and the programs that start a function of it, were made where it was
    /// installed, and these name the environment's folder.
    var isContent: Bool {
      !path.hasSuffix(".pyc") && !kind.contains("python_entry_point") && kind != "directory"
    }
  }

  /// Where a file stands of a package that fits any Python: conda says where the package has it, the others where the environment does.
  private static func place(of path: String, _ packagesFolder: String) -> String {
    for (before, now) in [("site-packages/", packagesFolder), ("python-scripts/", "bin/")]
    where path.hasPrefix(before) {
      return now + path.dropFirst(before.count)
    }
    return path
  }
}
