import Artefacts
import Glibc
import JSON
import System

/// What version commands printed, in the store's `index/`, by all that is known to have an influence on it: the program's
/// path and bytes, the command, the variables that it sees, the files and programs that it names, and of Python the
/// folders of installed packages. Wherever there may be more to it, such as a variable in the command or a script of
/// the workspace, nothing is remembered; and nothing is for longer than a day.
///
/// An answer from here is good enough to say that there is nothing to do, and whoever believes it says so. Before
/// anything is executed the command is asked again.
struct VersionMemory: Sendable {
  let store: Store
  let root: String

  private var disk: any FileSystem { store.files }
  private var path: String { store.root + "/index/versions" }
  private static let limit = 1 << 20
  private static let day: Int64 = 86_400

  func answer(of tool: ToolIdentities.Tool, at path: String, _ files: StatCache) -> String? {
    guard let bytes = try? disk.contents(of: self.path, limit: VersionMemory.limit),
      let key = key(of: tool, at: path, files)
    else { return nil }
    let now = VersionMemory.now
    var answer: String?
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
      guard let parts = (try? JSON(parsing: Array(line)))?.array, parts.count == 3,
        parts[0].string == key.hex, let time = parts[1].integer, let text = parts[2].string
      else { continue }
      let (age, overflow) = now.subtractingReportingOverflow(Int64(time))
      // The last one counts. One from the future is from a clock that was set.
      answer = !overflow && 0..<VersionMemory.day ~= age ? text : nil
    }
    return answer
  }

  func remember(_ answer: String, as key: Digest) {
    let line: JSON = [.string(key.hex), .integer(VersionMemory.now), .string(answer)]
    if let status = try? disk.entry(path), status.size > VersionMemory.limit - 16384 {
      try? disk.remove(path)
    }
    _ = try? store.makeFolders(store.root + "/index")
    try? disk.write(line.canonicalBytes + [UInt8(ascii: "\n")], to: path, .appending)
  }

  private static var now: Int64 { SystemTime.real() / 1_000_000_000 }

  // MARK: What an answer depends on

  /// Nil if there may be more than can be seen.
  func key(of tool: ToolIdentities.Tool, at path: String, _ files: StatCache) -> Digest? {
    guard tool.version.utf8.allSatisfy({ !"$`*?[~\\!#".utf8.contains($0) }) else { return nil }
    var seen: [String: JSON] = [:]
    let words = tool.version.split { " \t\n;|&()<>'\"{}=,".contains($0) }.map(String.init)
    var isPython = false
    for (index, word) in ([path] + words).enumerated() where seen[word] == nil {
      let isProgram = index == 0 || !word.contains("/") && (try? disk.status(absolute(word))) == nil
      guard let found = isProgram ? ProgramPath.find(word, in: tool.environment["PATH"]) : absolute(word)
      else { continue }
      guard let status = try? disk.status(found) else { continue }
      guard status.isFile, let digest = try? files.artefact(at: found).digest else {
        return nil
      }
      switch interpreter(of: found) {
      case nil: break
      case .some(let line) where line.contains("python") && isInstalled(found): isPython = true
      case .some: return nil
      }
      let name = found.split(separator: "/").last ?? ""
      if name.hasPrefix("python") || name == "pip" { isPython = true }
      // Code for other interpreters may read anything.
      let others = [
        "perl", "ruby", "node", "julia", "R", "Rscript", "lua", "php", "git", "cat", "make", "env",
      ]
      if index > 0, others.contains(where: { name.hasPrefix($0) }), name != "cat" { return nil }
      seen[word] = [.string(realPath(found)), .string(digest.description)]
    }
    let key: JSON = [
      "version": "1", "command": .string(tool.version), "program": .string(path),
      "environment": .object(tool.environment.mapValues { .string($0) }), "words": .object(seen),
      // An interpreter that looks at none of them says the same, whatever is installed.
      "packages": isPython && !tool.ignoresPackages ? .array(packages(of: path)) : .null,
    ]
    return Digest(of: key.canonicalBytes)
  }

  private func absolute(_ word: String) -> String { word.hasPrefix("/") ? word : root + "/" + word }

  private func realPath(_ path: String) -> String {
    (try? disk.realPath(path)) ?? path
  }

  /// The first line of a script.
  private func interpreter(of path: String) -> String? {
    guard let bytes = try? InputFile(path, files: disk).bytes(at: 0, count: 128) else { return "" }
    guard bytes.starts(with: "#!".utf8) else { return nil }
    return String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
  }

  /// Whether a script was put there by an installer, beside the program that it is for.
  private func isInstalled(_ path: String) -> Bool {
    let folder = path.prefix(upTo: path.lastIndex(of: "/") ?? path.startIndex)
    return folder.hasSuffix("/bin") && !realPath(path).hasPrefix(realPath(root) + "/")
  }

  /// The stamps of the folders in which an installer of Python packages adds and removes entries.
  private func packages(of path: String) -> [JSON] {
    var prefixes = Set(
      [path, realPath(path)].map { path in
        path.split(separator: "/").dropLast(2).map { "/" + $0 }.joined()
      })
    prefixes.formUnion(["/usr", "/usr/local"])
    if let home = getenv("HOME") { prefixes.insert(String(cString: home) + "/.local") }
    var found: [JSON] = []
    for prefix in prefixes.sorted() {
      let libraries = (try? disk.names(in: prefix + "/lib")) ?? []
      let folders = libraries.filter { $0.hasPrefix("python") }.flatMap {
        ["\(prefix)/lib/\($0)/site-packages", "\(prefix)/lib/\($0)/dist-packages"]
      }
      for place in folders + [prefix + "/pyvenv.cfg"] {
        guard let status = try? disk.status(place) else { continue }
        found.append([
          .string(place), .string("\(status.device) \(status.inode)"), .integer(status.modified),
        ])
      }
    }
    return found
  }
}
