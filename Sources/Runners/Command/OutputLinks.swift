import Actions
import Artefacts
import Glibc
import System

/// Refuses outputs that are, or hold, what is neither a file nor a folder, and links to what the command does not have in its folder. Links are stored as what
/// they lead to, outside of the sandbox: so a command could take something into its result that it never declared.
struct OutputLinks {
  /// The folder of the command.
  private let work: String
  /// The same as it was given, perhaps through links.
  private let given: String
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
    given = work
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
      guard let target = try target(of: path, in: output) else { throw refusal(path, "nothing", of: output) }
      guard target.hasPrefix(work + "/") else { throw refusal(path, target, of: output) }
      try check(target, of: output)
    } else if !status.isFile {
      throw PipelineError(
        "the output '\(output)' is or holds \(status.kind), which is neither a file nor a folder",
        facts: [("file", place(of: path))],
        hint: "remove it at the end of the command, or declare another output")
    }
  }

  private mutating func target(of path: String, in output: String) throws -> String? {
    let target: String?
    do throws(Failure) { target = try files.realPath(path) } catch {
      guard error.errno == ELOOP else { throw error }
      throw PipelineError(
        "the output '\(output)' is or holds a link that leads to itself", facts: [("link", place(of: path))],
        hint: "the command must leave a file or a folder there")
    }
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
    PipelineError(
      "the output '\(output)' is or holds a link that leads out of the command's folder",
      facts: [("link", place(of: path)), ("leads to", target)],
      hint: "declare what it leads to under in:, and copy it")
  }

  /// In the folder of the command.
  private func place(of path: String) -> String {
    let folder = [work, given].first { path.hasPrefix($0 + "/") }
    return folder.map { String(path.utf8.dropFirst($0.utf8.count + 1)) ?? path } ?? path
  }
}
