import Artefacts
import JSON
import System

/// What is installed in a virtual environment of Python, or in one of conda's, told by contents and not by place: two that were made of the same
/// packages are the same, wherever they stand and whoever made them.
///
/// Of each distribution the lines of its `RECORD` count, which hold the digest of each of its files: as its installer wrote them, so that
/// whoever changes an installed file by hand changes nothing here. What says only where or by whom it was installed does not count: the
/// programs in `bin/`, which name the environment's folder, compiled bytecode, and pip itself. What no `RECORD` names is
/// read itself, also where it stands among the files of a distribution. In an environment of conda's the interpreter and all libraries are
/// packages, too, which are counted in the same way by what `conda-meta/` says of them.
struct InstalledPackages: Sendable {
  /// Version by name, written as indexes of packages compare them.
  let versions: [String: String]
  /// What stands for all that is installed.
  let digest: Digest
  /// All that was looked at, as it was before it was read.
  private let marks: [Mark]

  fileprivate struct Mark: Sendable {
    let path: String
    /// Nil where nothing stood.
    let key: FileStatus.Key?
  }

  /// - Parameters:
  ///   - environment: the folder that holds `pyvenv.cfg`, or conda's `conda-meta`.
  ///   - isConda: whether it is one of conda's.
  /// - Throws: also where what can be imported is not known from this folder alone.
  init(in environment: String, isConda: Bool = false, files: StatCache, on disk: any FileSystem) throws {
    var reader = Reader(environment: environment, isConda: isConda, files: files, disk: disk)
    try reader.read()
    versions = reader.versions
    digest = Digest(of: Array(reader.lines.sorted().joined(separator: "\n").utf8))
    marks = reader.marks
  }

  /// Whether nothing has been written since to what was read, as far as the file system tells.
  func isCurrent(on disk: any FileSystem) -> Bool {
    marks.allSatisfy { mark in (try? disk.status(mark.path))?.key == mark.key }
  }

  /// No file that describes a distribution is larger.
  fileprivate static let limit = 64 << 20
  /// No environment has more files and folders that no `RECORD` names, or folders in one another.
  fileprivate static let most = 1 << 20
  fileprivate static let deepest = 64
}

private struct Reader {
  let environment: String
  let isConda: Bool
  let files: StatCache
  let disk: any FileSystem
  var versions: [String: String] = [:]
  var lines: [String] = []
  var marks: [InstalledPackages.Mark] = []
  /// Files that some distribution has put there, by their paths from the folder of packages, and the folders that describe one.
  private var claimed: Set<String> = []
  private var looked = 0

  init(environment: String, isConda: Bool, files: StatCache, disk: any FileSystem) {
    self.environment = environment
    self.isConda = isConda
    self.files = files
    self.disk = disk
  }

  mutating func read() throws {
    if !isConda { try checkIsClosed() }
    let folder = try packagesFolder()
    if isConda { try readCondaPackages(in: folder) }
    try mark(folder)
    let names = try disk.names(in: folder).sorted()
    var rest: [String] = []
    for name in names {
      guard name.hasSuffix(".dist-info") else {
        rest.append(name)
        continue
      }
      if try !readDistribution(name, in: folder) { rest.append(name) }
    }
    for name in rest where !claimed.contains(name) && name != "__pycache__" {
      try refuseEditable(name, in: folder)
      try readLoose(folder + "/" + name, as: name, depth: 1)
    }
  }

  /// To be called before something is read.
  private mutating func mark(_ path: String) throws {
    marks.append(InstalledPackages.Mark(path: path, key: try disk.status(path)?.key))
  }

  /// Nothing but what stands in the folder can be imported, and the interpreter's own library.
  private mutating func checkIsClosed() throws {
    let path = environment + "/pyvenv.cfg"
    try mark(path)
    guard let bytes = try disk.contents(of: path, limit: 1 << 16) else {
      let isConda = (try? disk.entry(environment + "/conda-meta")) != nil
      throw Failure(
        .notFound, "there is no virtual environment in \(environment)",
        hint: isConda
          ? "it is one of conda's: write python: { conda: ... } for it"
          : "python3 -m venv makes one; it holds a file pyvenv.cfg")
    }
    for line in String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline) {
      let parts = line.split(separator: "=", maxSplits: 1).map {
        String($0).lowercased().filter { !$0.isWhitespace }
      }
      if parts == ["include-system-site-packages", "true"] {
        throw Failure(
          .refused, "the environment in \(environment) also shows what the system has installed",
          hint: "make it without --system-site-packages: what else it shows would be no part of the key")
      }
    }
  }

  private mutating func packagesFolder() throws -> String {
    let library = environment + "/lib"
    try mark(library)
    let versions = ((try? disk.names(in: library)) ?? []).filter {
      $0.hasPrefix("python") || $0.hasPrefix("pypy")
    }
    // Conda's python has a second name for its folder, lib/python3.1.
    let folders = Set(
      try versions.compactMap { try disk.realPath("\(library)/\($0)/site-packages") }.filter {
        (try? disk.status($0))?.isFolder == true
      })
    guard folders.count == 1 else {
      throw Failure(
        .malformed,
        "the environment in \(environment) has \(folders.isEmpty ? "no folder" : "\(folders.count) folders") of packages",
        hint: "there has to be one, lib/python3.N/site-packages: make the environment anew")
    }
    return folders.first ?? ""
  }

  // MARK: Conda

  private mutating func readCondaPackages(in folder: String) throws {
    let described = environment + "/conda-meta"
    try mark(described)
    guard try disk.status(described)?.isFolder == true else {
      throw Failure(
        .notFound, "there is no conda environment in \(environment)",
        hint: "conda create --prefix makes one; it holds a folder conda-meta")
    }
    let start = String(folder.dropFirst((try disk.realPath(environment) ?? environment).count + 1)) + "/"
    for name in try disk.names(in: described).sorted() where name.hasSuffix(".json") {
      let path = "\(described)/\(name)"
      try mark(path)
      guard let bytes = try disk.contents(of: path, limit: InstalledPackages.limit) else { continue }
      let package = try CondaPackage(bytes, path: path, packagesFolder: start)
      for file in package.files where file.hasPrefix(start) {
        claimed.insert(String(file.dropFirst(start.count)))
      }
      if package.name == "pip" { continue }
      versions["conda \(package.name)"] = package.version
      lines.append("conda \(package.name) \(package.version) \(package.digest)")
    }
  }

  // MARK: Distributions

  /// - Returns: false if it says nothing of its files.
  private mutating func readDistribution(_ name: String, in folder: String) throws -> Bool {
    let title = name.dropLast(".dist-info".count)
    try mark("\(folder)/\(name)/RECORD")
    guard let dash = title.lastIndex(of: "-"), dash > title.startIndex,
      let record = try disk.contents(of: "\(folder)/\(name)/RECORD", limit: InstalledPackages.limit)
    else { return false }
    let distribution = Reader.normal(title[..<dash])
    let version = String(title[title.index(after: dash)...])
    if try isEditable("\(folder)/\(name)/direct_url.json") { throw editable(distribution) }
    claimed.insert(name)
    var entries: [String] = []
    for line in record.split(whereSeparator: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) {
      guard let entry = RecordEntry(line) else { continue }
      if let file = entry.file { claimed.insert(file) }
      if entry.isContent { entries.append(entry.line) }
    }
    if distribution == "pip" { return true }
    versions[distribution] = version
    let digest = Digest(of: Array(entries.sorted().joined(separator: "\n").utf8))
    lines.append("\(distribution) \(version) \(digest)")
    return true
  }

  private mutating func isEditable(_ path: String) throws -> Bool {
    try mark(path)
    guard let bytes = try disk.contents(of: path, limit: 1 << 20), let json = try? JSON(parsing: bytes) else {
      return false
    }
    return json["dir_info"]?["editable"]?.bool == true
  }

  private func editable(_ name: String) -> Failure {
    Failure(
      .refused, "'\(name)' is installed in editable form in \(environment)",
      facts: [],
      hint:
        "its sources can change without the environment changing: install it as it is (pip install .), or let the stage read its modules under in:"
    )
  }

  /// As indexes of packages compare names.
  private static func normal(_ name: Substring) -> String {
    var text = ""
    for character in name.lowercased() {
      if !"-_.".contains(character) { text.append(character) } else if text.last != "-" { text.append("-") }
    }
    return text
  }

  // MARK: What else stands there

  /// What makes modules elsewhere importable.
  private func refuseEditable(_ name: String, in folder: String) throws {
    if name.hasSuffix(".egg-link") { throw editable(String(name.dropLast(".egg-link".count))) }
    guard name.hasSuffix(".pth") else { return }
    let text = try disk.contents(of: "\(folder)/\(name)", limit: 1 << 20) ?? []
    for line in String(decoding: text, as: UTF8.self).split(whereSeparator: \.isNewline) {
      let words = line.drop(while: \.isWhitespace)
      if words.isEmpty || words.hasPrefix("#") || words.hasPrefix("import ") || words.hasPrefix("import\t") {
        continue
      }
      throw Failure(
        .refused, "\(name) makes modules of another folder importable in \(environment)",
        facts: [("folder", String(words))],
        hint: "remove the file, and let the stage read those modules under in:")
    }
  }

  /// A file, or what no distribution has put into a folder, by its bytes.
  private mutating func readLoose(_ path: String, as name: String, depth: Int) throws {
    looked += 1
    if looked > InstalledPackages.most || depth > InstalledPackages.deepest {
      throw Failure(
        .refused, "too much is installed in \(environment) to be read, or its folders lead into one another",
        facts: [("at", path)], hint: "remove links to folders from it, or make the environment anew")
    }
    try mark(path)
    guard let status = try disk.status(path) else { return }
    if status.isFolder {
      for entry in try disk.names(in: path).sorted() where entry != "__pycache__" {
        let inner = "\(name)/\(entry)"
        if !claimed.contains(inner) { try readLoose("\(path)/\(entry)", as: inner, depth: depth + 1) }
      }
    } else if status.isFile {
      lines.append("\(name) \(try files.artefact(at: path).digest)")
    }
  }
}

/// A line of a `RECORD`: a path, a digest and a size, separated by commas, as the specification of installed projects says.
private struct RecordEntry {
  let path: Substring
  let digest: Substring
  let line: String

  /// Nil for what has fewer than three parts.
  init?(_ bytes: ArraySlice<UInt8>) {
    line = String(decoding: bytes, as: UTF8.self)
    guard let last = line.lastIndex(of: ","), let middle = line[..<last].lastIndex(of: ",") else {
      return nil
    }
    path = line[..<middle]
    digest = line[line.index(after: middle)..<last]
  }

  /// Its path in the folder of packages; nil for what stands elsewhere. A path in quotes has its own quotes twice.
  var file: String? {
    var plain = String(path)
    if plain.hasPrefix("\""), plain.hasSuffix("\""), plain.utf8.count > 1 {
      plain = String(plain.dropFirst().dropLast()).replacing("\"\"", with: "\"")
    }
    return plain.isEmpty || plain.hasPrefix("../") || plain.hasPrefix("/") ? nil : plain
  }

  /// Whether it tells what is installed, and not only where and by whom.
  var isContent: Bool {
    if digest.isEmpty || path.hasSuffix(".pyc") { return false }
    if path.hasPrefix("../../../bin/") { return false }
    let parts = path.split(separator: "/")
    guard parts.count == 2, parts[0].hasSuffix(".dist-info") else { return true }
    return !["INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"].contains(parts[1])
  }
}
