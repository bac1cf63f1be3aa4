import Actions
import Artefacts
import System

/// Refuses outputs that are links, or hold links, to what the command does not have in its folder. Links are stored as what
/// they lead to, outside of the sandbox: so a command could take something into its result that it never declared.
struct OutputLinks {
  /// The folder of the command.
  private let work: String
  private let files: any FileSystem
  private var seen: Set<String> = []

  init(work: String, files: any FileSystem) throws {
    self.work = try files.realPath(work) ?? work
    self.files = files
  }

  /// - Parameter path: of an output, or a member of one.
  mutating func check(_ path: String, of output: String) throws {
    guard let status = try files.entry(path) else { return }
    if status.isFolder {
      guard seen.insert(try files.realPath(path) ?? path).inserted else { return }
      for name in try files.names(in: path) { try check(path + "/" + name, of: output) }
    } else if status.isLink {
      guard let target = try files.realPath(path) else { throw refusal(path, "nothing", of: output) }
      guard target.hasPrefix(work + "/") else { throw refusal(path, target, of: output) }
      try check(target, of: output)
    }
  }

  private func refusal(_ path: String, _ target: String, of output: String) -> PipelineError {
    let place = path.hasPrefix(work + "/") ? String(path.dropFirst(work.utf8.count + 1)) : path
    return PipelineError(
      "the output '\(output)' is or holds a link that leads out of the command's folder",
      facts: [("link", place), ("leads to", target)],
      hint: "declare what it leads to under in:, and copy it")
  }
}
