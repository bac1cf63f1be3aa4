public import JSON
import System

/// What differs between two folders and everything below them.
public struct TreeDifference: Difference {
  public static let kind = "tree"

  public enum Change: Sendable {
    /// Whether it is a folder, whose entries are not listed one by one.
    case removed(isFolder: Bool)
    case added(isFolder: Bool)
    /// Whether the file can be executed now.
    case mode(isExecutable: Bool)
    case content(any Difference)
  }

  public struct Entry: Sendable {
    /// From the folder that is compared, with slashes.
    public let path: String
    public let changes: [Change]
  }

  /// Sorted by path, folder after folder.
  public let entries: [Entry]
  /// Files and folders that are the same on both sides; what is in a folder of one digest counts as one.
  public let same: Int

  private static let depthLimit = 128

  /// Nil if they hold the same.
  init?(_ before: any Content, _ now: any Content) throws {
    var entries: [Entry] = []
    var same = 0
    try TreeDifference.compare(before, now, "", 0, &entries, &same)
    if entries.isEmpty { return nil }
    self.entries = entries
    self.same = same
  }

  private static func compare(
    _ before: any Content, _ now: any Content, _ folder: String, _ depth: Int, _ entries: inout [Entry],
    _ same: inout Int
  ) throws {
    if depth > depthLimit {
      throw Failure(.refused, "'\(folder)' is nested deeper than \(depthLimit) folders")
    }
    var old = try before.entries()[...]
    var new = try now.entries()[...]
    while let first = old.first ?? new.first {
      let name =
        [old.first, new.first].compactMap { $0?.name }
        .min { $0.utf8.lexicographicallyPrecedes($1.utf8) } ?? first.name
      let path = folder + name
      let exact = ExactText(name)
      let was = old.first.map { ExactText($0.name) } == exact ? old.removeFirst() : nil
      let isNow = new.first.map { ExactText($0.name) } == exact ? new.removeFirst() : nil
      switch (was, isNow) {
      case (let was?, nil):
        entries.append(Entry(path: path, changes: [.removed(isFolder: was.content.isFolder)]))
      case (nil, let isNow?):
        entries.append(Entry(path: path, changes: [.added(isFolder: isNow.content.isFolder)]))
      case (let was?, let isNow?):
        if was.content.isFolder && isNow.content.isFolder {
          if let digest = was.content.digest, digest == isNow.content.digest {
            same += 1
          } else {
            try compare(was.content, isNow.content, path + "/", depth + 1, &entries, &same)
          }
          continue
        }
        var changes: [Change] = []
        if !was.content.isFolder, !isNow.content.isFolder, was.isExecutable != isNow.isExecutable {
          changes.append(.mode(isExecutable: isNow.isExecutable))
        }
        if let difference = try Differences.compare(was.content, isNow.content) {
          changes.append(.content(difference))
        }
        if changes.isEmpty { same += 1 } else { entries.append(Entry(path: path, changes: changes)) }
      case (nil, nil): break
      }
    }
  }

  private func count(_ isMeant: (Change) -> Bool) -> Int {
    entries.count { $0.changes.contains(where: isMeant) }
  }

  public var headline: String {
    let counts = [
      (count { if case .removed = $0 { true } else { false } }, "removed"),
      (count { if case .added = $0 { true } else { false } }, "added"),
      (count { if case .content = $0 { true } else { false } }, "changed"),
      (count { if case .mode = $0 { true } else { false } }, "with another mode"), (same, "the same"),
    ]
    return counts.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
  }

  public func details(most: Int) -> [String] {
    Listing.lines(entries, of: entries.count, most: most) { entry in
      entry.changes.flatMap { change in
        switch change {
        case .removed(let isFolder): ["- \(entry.path)\(isFolder ? "/" : "")"]
        case .added(let isFolder): ["+ \(entry.path)\(isFolder ? "/" : "")"]
        case .mode(let isExecutable):
          ["~ \(entry.path): \(isExecutable ? "can be executed now" : "can no longer be executed")"]
        case .content(let difference):
          ["~ \(entry.path): \(difference.headline)"] + difference.details(most: most).map { "    " + $0 }
        }
      }
    }
  }

  public var json: [String: JSON] {
    [
      "same": .integer(Int64(same)),
      "entries": .array(
        entries.map { entry in
          var members: [String: JSON] = ["path": .string(entry.path)]
          for change in entry.changes {
            switch change {
            case .removed: members["change"] = "removed"
            case .added: members["change"] = "added"
            case .mode(let isExecutable):
              members["mode"] = isExecutable ? "755" : "644"
              if members["change"] == nil { members["change"] = "mode" }
            case .content(let difference):
              members["change"] = "changed"
              members["difference"] = difference.object
            }
          }
          return .object(members)
        }),
    ]
  }
}
