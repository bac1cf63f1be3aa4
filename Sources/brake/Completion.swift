import ArgumentParser
import Artefacts
import Pipeline
import Runs
import System

/// What a shell offers where stages, artefacts and parameters stand. Nothing that is wrong is worth a message here.
enum Completion {
  /// Stages of the pipeline, and its parameters as `NAME=`.
  static let targets = CompletionKind.custom { words, _, _ in names(words) }

  /// These, references, and files and folders, which may be published artefacts.
  static let artefacts = CompletionKind.custom { words, _, prefix in
    names(words) + references(words) + paths(prefix)
  }

  /// The names of past runs, the newest first.
  static let runs = CompletionKind.custom { words, _, _ in
    guard (try? workspace(words).enter()) != nil, let store = try? workspace(words).open() else { return [] }
    return ["last"] + RunJournal.shortNames(of: RunJournal(store: store).runs()).suffix(50).reversed()
  }

  /// What stands in the folder that is being written.
  private static func paths(_ prefix: String) -> [String] {
    let folder = prefix.lastIndex(of: "/").map { String(prefix[...$0]) } ?? ""
    let found = (try? LocalFileSystem().names(in: folder.isEmpty ? "." : folder)) ?? []
    return found.map { folder + $0 + (isFolder(folder + $0) ? "/" : "") }.filter { $0.hasPrefix(prefix) }
  }

  private static func names(_ words: [String]) -> [String] {
    guard (try? workspace(words).enter()) != nil,
      let path = value(of: ["-f", "--file"], in: words) ?? PipelineOptions.default,
      let text = try? PipelineOptions.read(path),
      let file = try? PipelineFile(text: text, path: path, read: PipelineOptions.read)
    else { return [] }
    return file.stageNames + file.parameters.map { $0.name + "=" }
  }

  private static func references(_ words: [String]) -> [String] {
    // The folder has been entered for the names of stages.
    guard let store = try? workspace(words).open() else { return [] }
    return ((try? store.references()) ?? []).map { "@" + $0 }
  }

  private static func workspace(_ words: [String]) -> Workspace {
    var workspace = Workspace()
    workspace.folder = value(of: ["-C"], in: words)
    workspace.store = value(of: ["--store"], in: words)
    return workspace
  }

  private static func value(of names: [String], in words: [String]) -> String? {
    for (index, word) in words.enumerated() {
      for name in names {
        if word == name, index + 1 < words.count { return words[index + 1] }
        if name.hasPrefix("--"), word.hasPrefix(name + "=") { return String(word.dropFirst(name.count + 1)) }
      }
    }
    return nil
  }
}
