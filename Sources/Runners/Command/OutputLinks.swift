import Actions
import Artefacts
import System

/// Refuses outputs that are links, or hold links, to what the command does not have in its folder. Links are stored as what
/// they lead to, outside of the sandbox: so a command could take something into its result that it never declared.
struct OutputLinks {
  /// The folder of the command.
  private let work: String
  private let files: any FileSystem
  private let inputs: [String]
  private let bring: () throws -> Void
  private var hasBrought = false
  private var seen: Set<String> = []

  /// - Parameters:
  ///   - inputs: places in the folder at which something stood for the command that stands there no more.
  ///   - bring: puts it there again.
  init(
    work: String, files: any FileSystem, inputs: [String] = [], bring: @escaping () throws -> Void = {}
  ) throws {
    self.work = try files.realPath(work) ?? work
    self.files = files
    self.inputs = inputs
    self.bring = bring
  }

  /// - Parameter path: of an output, or a member of one.
  mutating func check(_ path: String, of output: String) throws {
    guard let status = try files.entry(path) else { return }
    if status.isFolder {
      guard seen.insert(try files.realPath(path) ?? path).inserted else { return }
      for name in try files.names(in: path) { try check(path + "/" + name, of: output) }
    } else if status.isLink {
      guard let target = try target(of: path) else { throw refusal(path, "nothing", of: output) }
      guard target.hasPrefix(work + "/") else { throw refusal(path, target, of: output) }
      try check(target, of: output)
    }
  }

  private mutating func target(of path: String) throws -> String? {
    let target = try files.realPath(path)
    if hasBrought || inputs.isEmpty { return target }
    guard target.map(isNearInput) ?? true else { return target }
    try bring()
    hasBrought = true
    return try files.realPath(path)
  }

  /// Whether it is one, holds one, or is held by one.
  private func isNearInput(_ target: String) -> Bool {
    inputs.contains { place in
      let path = work + "/" + place
      return path == target || path.hasPrefix(target + "/") || target.hasPrefix(path + "/")
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
