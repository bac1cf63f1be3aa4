public import JSON

/// A file where the other side is a folder.
public struct KindDifference: Difference {
  public static let kind = "kinds"
  public let wasFolder: Bool

  public var headline: String { wasFolder ? "a folder became a file" : "a file became a folder" }
  public func details(most: Int) -> [String] { [] }
  public var json: [String: JSON] { ["before": .string(name(wasFolder)), "now": .string(name(!wasFolder))] }

  private func name(_ isFolder: Bool) -> String { isFolder ? "folder" : "file" }
}
