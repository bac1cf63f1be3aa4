import System

extension Sandbox {
  /// More entries than that are not covered one by one: each costs a mount. (Nobody keeps that many files in the folder of a pipeline
  /// and none in folders below it.)
  static let mostCovered = 200

  /// What a command could not write to in the workspace, by what it printed, and why. Nil if nothing looks like it.
  func refusedWriting(namedIn text: String) -> (facts: [(label: String, value: String)], hint: String)? {
    guard let workspace,
      let line = text.split(whereSeparator: \.isNewline).last(where: {
        Sandbox.isRefusal($0) && $0.contains(workspace + "/")
      })
    else { return nil }
    let said = (label: "said", value: String(line.prefix(300)))
    let count = (try? LocalFileSystem().names(in: workspace).count) ?? 0
    guard count > Sandbox.mostCovered else {
      return ([said], "commands write to no folder of the workspace: declare what it makes under out:")
    }
    return (
      [said, ("entries there", String(count))],
      "in a workspace with more than \(Sandbox.mostCovered) files and folders at its top, commands see only what they declare, and "
        + "add no files to it: declare what it makes under out:, or keep the workspace's files in fewer folders"
    )
  }

  /// The lines of a text that tell of nothing that was written to.
  static func withoutRefusals(_ text: String) -> String {
    text.split(whereSeparator: \.isNewline).filter { !isRefusal($0) }.joined(separator: "\n")
  }

  private static func isRefusal(_ line: Substring) -> Bool { line.contains("Read-only file system") }
}
