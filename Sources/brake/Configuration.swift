import Artefacts
import Glibc
import Remotes
import Runs
import Signing
import System

/// What a user has set for all of brake: with which key to sign, whom to trust, where stages run, and where results are looked for.
///
/// It is read from the user's own folder and never from a store or a workspace: both may come from somebody else, who is not to say
/// whom to trust.
struct Configuration {
  /// The file of an SSH key; nil if nothing is signed.
  var signingKey: String?
  /// The file of allowed signers; nil if nobody is allowed.
  var allowedSigners: String?
  /// Nil for everybody's records, as where nothing is configured.
  var trust: Set<Trust.Group>?
  /// Where stages run; nil for this machine.
  var runner: String?
  /// Further words for `sbatch`.
  var slurmOptions: [String] = []
  /// The lines of a job's script before brake is started.
  var slurmSetup: [String] = []
  /// What runs do with another place that are not told; nil for nothing. Without a place it is that which commands take. Where they
  /// write, it is an address: names stand in stores.
  var remoteCache: (use: RemoteCache.Use, remote: String?)?

  /// Where it stands: `BRAKE_CONFIG`, or `$XDG_CONFIG_HOME/brake/config`, or `~/.config/brake/config`; nil where there is no place
  /// for it.
  static var path: String? {
    func value(_ name: String) -> String? {
      getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }
    if let path = value("BRAKE_CONFIG") { return path }
    if let folder = value("XDG_CONFIG_HOME"), folder.hasPrefix("/") { return folder + "/brake/config" }
    return value("HOME").map { $0 + "/.config/brake/config" }
  }

  /// - Throws: `.malformed` for a file that says something else, `.notFound` if `BRAKE_CONFIG` names none.
  static func read() throws -> Configuration {
    let given = getenv("BRAKE_CONFIG").map { String(cString: $0) } ?? ""
    guard let path, given.isEmpty ? try isThere(path) : true,
      let bytes = try LocalFileSystem().contents(of: path, limit: 64 << 10)
    else {
      if given.isEmpty { return Configuration() }
      throw Failure(.notFound, "there is no file '\(given)', which BRAKE_CONFIG names")
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw Failure(.malformed, "\(path) is not UTF-8 text")
    }
    return try Configuration(text, path: path)
  }

  /// What stands in a folder that the user may not even look into, such as the home folder of who has become another user, is not
  /// this user's. One that is there and cannot be read is an error, so that nobody's policy is passed over.
  private static func isThere(_ path: String) throws -> Bool {
    do { return try LocalFileSystem().status(path) != nil } catch  where error.errno == EACCES {
      return false
    }
  }

  init() {}

  /// Lines `NAME: VALUE`; what stands behind `#` and in empty lines says nothing.
  init(_ text: String, path: String) throws {
    var seen: Set<Substring> = []
    for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let place = "line \(number + 1) of \(path)"
      var line = line[...]
      if let sign = line.firstIndex(of: "#"),
        sign == line.startIndex || line[line.index(before: sign)].isWhitespace
      {
        line = line[..<sign]
      }
      line = Configuration.trimmed(line)
      if line.isEmpty { continue }
      guard let colon = line.firstIndex(of: ":") else {
        throw Failure(.malformed, "\(place) is no setting", hint: "a setting is NAME: VALUE")
      }
      let name = Configuration.trimmed(line[..<colon])
      let value = String(Configuration.trimmed(line[line.index(after: colon)...]))
      guard seen.insert(name).inserted || name == "slurm-setup" else {
        throw Failure(.malformed, "\(place) sets '\(name)' once more")
      }
      switch name {
      case "signing-key": signingKey = try Configuration.file(value, beside: path, place)
      case "allowed-signers": allowedSigners = try Configuration.file(value, beside: path, place)
      case "trust":
        do { trust = try Configuration.groups(value) } catch let error as Failure {
          throw Failure(
            error.code, "\(place): \(error.headline)", facts: error.facts, hint: error.hint, cause: error)
        }
      case "runner": runner = value
      case "slurm-options": slurmOptions = value.split(whereSeparator: \.isWhitespace).map(String.init)
      case "slurm-setup": slurmSetup.append(value)
      case "remote-cache":
        let words = value.split(whereSeparator: \.isWhitespace).map(String.init)
        guard let use = words.first.flatMap(RemoteCache.Use.init(rawValue:)), words.count < 3 else {
          throw Failure(
            .malformed, "\(place): '\(value)' does not say what runs do with another place",
            hint: "give read, write or off, and perhaps the place, as in: read lab")
        }
        if use == .write, words.count < 2 || (try? RemoteAddress(words[1])) == nil {
          throw Failure(
            .malformed, "\(place) does not say by an address where runs send what they make",
            hint: "give one, as in: write ssh://host/path; what a name stands for is said by the store, "
              + "which may be somebody else's")
        }
        // It would be another folder in each workspace, and that may be somebody else's.
        if words.count == 2, words[1].hasPrefix(".") {
          throw Failure(
            .malformed, "\(place) names the folder '\(words[1])', which is another one in each workspace",
            hint: "give its path from the root: /path")
        }
        remoteCache = (use, words.dropFirst().first)
      default:
        throw Failure(
          .malformed, "\(place) sets '\(name)', which is no setting",
          hint:
            "the settings are signing-key, allowed-signers, trust, remote-cache, runner, slurm-options and slurm-setup"
        )
      }
    }
  }

  /// `me, signed` or `[me, signed]`.
  static func groups(_ text: String) throws -> Set<Trust.Group> {
    var list = trimmed(text[...])
    if list.hasPrefix("["), list.hasSuffix("]") { list = list.dropFirst().dropLast() }
    let words = list.split(separator: ",").map { String(trimmed($0)) }
    let groups = words.compactMap(Trust.Group.init)
    guard !words.isEmpty, groups.count == words.count else {
      throw Failure(
        .malformed, "'\(text)' does not say whom to trust",
        hint: "give some of me, signed and any, as in: me,signed")
    }
    return Set(groups)
  }

  private static func file(_ value: String, beside path: String, _ place: String) throws -> String {
    if value.isEmpty { throw Failure(.malformed, "\(place) names no file") }
    if value.hasPrefix("/") { return value }
    if value.hasPrefix("~/"), let home = getenv("HOME") { return String(cString: home) + value.dropFirst() }
    let folder = parentFolderOf(path)
    return (folder.hasPrefix("/") ? folder : try absolute(folder)) + "/" + value
  }

  private static func absolute(_ folder: String) throws -> String {
    try LocalFileSystem().realPath(folder.isEmpty ? "." : folder) ?? folder
  }

  private static func parentFolderOf(_ path: String) -> String {
    path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? ""
  }

  private static func trimmed(_ text: Substring) -> Substring {
    var text = text
    while text.first?.isWhitespace == true { text.removeFirst() }
    while text.last?.isWhitespace == true { text.removeLast() }
    return text
  }
}

extension Configuration {
  /// Whose records count, and who is known of.
  /// - Parameter groups: what was asked for on the command line; nil for what is configured.
  func trust(_ groups: Set<Trust.Group>?) throws -> Trust {
    let groups = groups ?? trust ?? [.any]
    if groups.contains(.signed), !groups.contains(.any), allowedSigners == nil {
      throw Failure(
        .refused, "signed records are to count, and nobody is known whose signatures do",
        hint:
          "name a file of allowed signers in \(Configuration.path ?? "BRAKE_CONFIG"): allowed-signers: FILE")
    }
    // Who asks for nothing more than is done without a file does not need one that can be read.
    let check = try SignatureCheck(allowed: groups.contains(.any) ? nil : allowedSigners)
    return try Trust(groups, check: check)
  }

  /// Everybody's records count, and those who have signed them are known by name.
  func knowingSigners() throws -> Trust { try Trust([.any], check: SignatureCheck(allowed: allowedSigners)) }
}
