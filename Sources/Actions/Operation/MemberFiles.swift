package import Artefacts

/// Which files are the members of a keyed output, and which part of a file's name is the key.
package enum MemberFiles {
  /// Of an operation: `KEY.json`.
  case named(extension: String)
  /// Of a command, `plots/`: all that stands in a folder. The key of a file is its name without the extension.
  case folder(String)
  /// Of a command, `ckpt/step-*.pt`: what is so called in a folder. The key is what stands for the `*`.
  case pattern(folder: String, prefix: String, suffix: String)

  package init(_ file: String) {
    guard let slash = file.lastIndex(of: "/") else {
      self = .named(extension: file)
      return
    }
    let folder = String(file[..<slash])
    let name = file[file.index(after: slash)...]
    guard let star = name.firstIndex(of: "*") else {
      self = .folder(folder)
      return
    }
    self = .pattern(
      folder: folder, prefix: String(name[..<star]), suffix: String(name[name.index(after: star)...]))
  }

  /// The key of what has this name in the folder; nil if it is no member. As in the shell, a `*` at the start stands for no
  /// dot there.
  package func key(of name: String, isFolder: Bool) -> String? {
    switch self {
    case .named(let suffix): return MemberFiles.middle(of: name, "", suffix)
    case .folder:
      guard !isFolder, let dot = name.lastIndex(of: "."), dot != name.startIndex else { return name }
      return String(name[..<dot])
    case .pattern(_, let prefix, let suffix):
      if prefix.isEmpty, name.hasPrefix(".") { return nil }
      return MemberFiles.middle(of: name, prefix, suffix)
    }
  }

  /// What the file of a key is called, as far as the declaration says so.
  package func file(of key: String) -> String {
    switch self {
    case .named(let suffix): key + suffix
    case .folder: key
    case .pattern(_, let prefix, let suffix): prefix + key + suffix
    }
  }

  private static func middle(of name: String, _ prefix: String, _ suffix: String) -> String? {
    let bytes = name.utf8
    guard bytes.count > prefix.utf8.count + suffix.utf8.count, bytes.starts(with: prefix.utf8),
      bytes.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
    else { return nil }
    return String(bytes.dropFirst(prefix.utf8.count).dropLast(suffix.utf8.count))
  }
}

extension OutputDeclaration {
  package var members: MemberFiles { MemberFiles(file) }

  /// Of a command: the path of its file, or of the folder in which its members stand.
  package var place: String {
    guard keyed else { return file }
    switch members {
    case .named: return name
    case .folder(let folder), .pattern(let folder, _, _): return folder
    }
  }

  /// Of a command: whether what stands at a path would belong to this output.
  package func claims(_ path: String) -> Bool {
    guard keyed, case .pattern(let folder, _, _) = members else {
      return path == place || path.hasPrefix(place + "/")
    }
    let inner =
      folder == "." ? path[...] : path.hasPrefix(folder + "/") ? path.dropFirst(folder.count + 1) : ""
    let name = inner.prefix { $0 != "/" }
    return members.key(of: String(name), isFolder: name.endIndex != inner.endIndex) != nil
  }

  /// Of a command: whether a file could belong to both, or one would lie in the other.
  package func overlaps(_ other: OutputDeclaration) -> Bool {
    file == other.file || claims(other.place) || other.claims(place)
  }

  /// What the file of a member is called, wherever it is written.
  package func fileName(of output: Record.Output) -> String {
    output.file ?? members.file(of: output.key ?? "")
  }
}
