import Actions
import Artefacts
import System

/// Watches the outputs of a command that grow, and tells which of their members are finished: those that the command says to be, those
/// that were renamed into their place, and those that nobody has open for writing any more and that have stayed as they are for a
/// while. Once the command has ended, nothing is open, whatever was written of it: then it depends on how that came.
///
/// What is called as unfinished files are is passed over, and what changes after it was told is told again.
struct GrowingOutputs {
  /// What tells a file or folder from what it was before.
  private struct Look: Hashable {
    /// Of each file: its path in a folder, or nothing.
    let files: [Entry]

    /// When the last of them was written.
    var modified: Int64 { files.map(\.modified).max() ?? 0 }
    var isFolder: Bool { files.first?.path.isEmpty != true }

    struct Entry: Hashable {
      let path: String
      let inode: UInt64
      let size: Int64
      let modified: Int64
    }
  }

  private let outputs: [OutputDeclaration]
  private let folder: String
  private let files: any FileSystem
  private var seen: [String: (look: Look, since: ContinuousClock.Instant)] = [:]
  private var told: [String: Look] = [:]
  /// Files of members that have not been told since.
  private var announced: Set<String> = []
  private var next: ContinuousClock.Instant
  private let renamed: RenamedEntries
  /// What it was still writing when it was told to end, or when it was killed.
  private var unfinished: Set<String> = []
  private var end = End()

  private struct End {
    var hasSucceeded = false
    var wasHeard = false
    var wasKilled = false
  }

  /// How long a member stays as it is before it counts as finished.
  static let quiet = Duration.seconds(2)
  /// The same where nobody can say whether it is open.
  static let quietUnknown = Duration.seconds(30)
  private static let pause = Duration.milliseconds(500)
  /// Files of a member that is a folder; with more it waits for the end of the command.
  private static let mostFiles = 10_000
  /// Members that are watched.
  private static let mostMembers = 100_000

  /// - Parameter folder: of the command.
  init(_ action: Action, _ command: ActionCommand, folder: String, files: any FileSystem) {
    outputs = action.outputs.filter { $0.keyed && command.growing.contains($0.name) }
    self.folder = folder
    self.files = files
    next = .now
    renamed = RenamedEntries(outputs.isEmpty ? nil : folder)
    renamed.watch(outputs.map(\.place))
  }

  /// Takes what stands there already, since it was put there, for told.
  mutating func passOver(_ place: String) {
    told[place] = look(at: place)
  }

  /// The members that are finished since the last look. Looks as often as it is worth.
  mutating func finished() -> [GrownMember] {
    let start = ContinuousClock.now
    if outputs.isEmpty { return [] }
    // As soon as a folder is there.
    renamed.watch(outputs.map(\.place))
    if start < next { return [] }
    let found = members { $0.isFinished($1, at: start) }
    next = max(start + GrowingOutputs.pause, .now + (.now - start) * 10)
    return found
  }

  /// Those that an ended command has finished since the last look.
  mutating func finishedInTheEnd() -> [GrownMember] {
    members { growing, place in
      guard let look = growing.look(at: place), growing.told[place] != look,
        growing.renamed.contains(place) || growing.isSaved(place, look)
      else { return false }
      growing.tell(place, look)
      return true
    }
  }

  /// Who is told to end and does something about it has finished all that it was not in the middle of, unless it was killed: then a
  /// folder may be half.
  private func isSaved(_ place: String, _ look: Look) -> Bool {
    if end.hasSucceeded { return true }
    return end.wasHeard && !unfinished.contains(place) && !(end.wasKilled && look.isFolder)
  }

  mutating func succeed() { end.hasSucceeded = true }

  /// - Parameter event: what is about to happen to the command.
  mutating func foresee(_ event: ChildProcess.Foreseen) {
    switch event {
    case .heard: end.wasHeard = true
    case .telling:
      // What has begun since the last look may be what it saves, where others have told it, too.
      let known = Set(seen.keys)
      _ = members { growing, place in
        if known.contains(place), growing.mayBeWritten(place) { growing.unfinished.insert(place) }
        return false
      }
    case .killing:
      end.wasKilled = true
      _ = members { growing, place in
        if growing.mayBeWritten(place) { growing.unfinished.insert(place) }
        return false
      }
    }
  }

  /// Whether somebody has a file of a member open for writing, as far as anybody can say.
  private func mayBeWritten(_ place: String) -> Bool {
    guard let look = look(at: place) else { return true }
    return told[place] != look && writers(of: look, at: place) != false
  }

  /// The members of which a condition holds, in the order in which they were written: beside one that is kept stand all that were
  /// there before it.
  private mutating func members(where isOne: (inout GrowingOutputs, String) -> Bool) -> [GrownMember] {
    var found: [(member: GrownMember, modified: Int64)] = []
    renamed.watch(outputs.map(\.place))
    for output in outputs {
      guard isFolder(output.place), let names = try? files.names(in: folder + "/" + output.place) else {
        continue
      }
      for name in names.prefix(GrowingOutputs.mostMembers) {
        if let member = member(name, of: output), isOne(&self, member.place) {
          found.append((member, told[member.place]?.modified ?? 0))
        }
      }
    }
    return found.sorted { $0.modified < $1.modified }.map(\.member)
  }

  /// The member that the command says to be complete, or to which the last file belongs that it says to be; nil for what is no
  /// member.
  mutating func finished(announced path: String) -> GrownMember? {
    for output in outputs where output.claims(path) && isFolder(output.place) {
      let inner =
        output.place == "." ? path[...] : Substring(path.utf8.dropFirst(output.place.utf8.count + 1))
      guard let name = inner.split(separator: "/").first.map(String.init),
        let member = member(name, of: output), let look = look(at: member.place)
      else { return nil }
      announced.insert(path)
      // What was told stays announced where others only join it, and does not where some of it was written anew.
      let before = Set(told[member.place]?.files ?? [])
      let isJoined = before.isSubset(of: look.files)
      let isComplete = look.files.allSatisfy {
        announced.contains(GrowingOutputs.path(of: $0, in: member.place)) || isJoined && before.contains($0)
      }
      guard isComplete else { return nil }
      tell(member.place, look)
      return member
    }
    return nil
  }

  private static func path(of file: Look.Entry, in place: String) -> String {
    file.path.isEmpty ? place : place + "/" + file.path
  }

  private mutating func tell(_ place: String, _ look: Look) {
    told[place] = look
    for file in look.files { announced.remove(GrowingOutputs.path(of: file, in: place)) }
  }

  /// Whether a path leads to a folder, past no links.
  private func isFolder(_ place: String) -> Bool {
    var path = folder
    return place.split(separator: "/").allSatisfy {
      path += "/" + $0
      return (try? files.entry(path))?.isFolder == true
    }
  }

  private func member(_ name: String, of output: OutputDeclaration) -> GrownMember? {
    let place = output.place == "." ? name : output.place + "/" + name
    guard !GrowingOutputs.isTemporary(name), EntryName.fault(of: name) == nil,
      let status = try? files.entry(folder + "/" + place), status.isFile || status.isFolder,
      let key = output.members.key(of: name, isFolder: status.isFolder),
      (try? MemberKey.check(key, of: output.name)) != nil
    else { return nil }
    return GrownMember(output: output.name, key: key, place: place, folder: folder)
  }

  /// Names that programs give to what they have not finished.
  static func isTemporary(_ name: String) -> Bool {
    let lower = name.lowercased()
    return [".", "~", "tmp", "temp-", "temp_"].contains(where: lower.hasPrefix)
      || ["~", ".tmp", ".temp", ".part", ".partial", ".incomplete", ".writing", ".lock", "-tmp", "_tmp"]
        .contains(
          where: lower.hasSuffix)
      || lower.contains(".tmp.") || lower.contains(".tmp-") || lower.contains(".partial.")
  }

  private mutating func isFinished(_ place: String, at time: ContinuousClock.Instant) -> Bool {
    guard let look = look(at: place), told[place] != look else {
      seen[place] = nil
      return false
    }
    if renamed.contains(place), writers(of: look, at: place) != true {
      seen[place] = nil
      tell(place, look)
      return true
    }
    guard let before = seen[place], before.look == look else {
      seen[place] = (look, time)
      return false
    }
    if time - before.since < GrowingOutputs.quiet { return false }
    switch writers(of: look, at: place) {
    case true?: return false
    case nil: if time - before.since < GrowingOutputs.quietUnknown { return false }
    case false?: break
    }
    seen[place] = nil
    tell(place, look)
    return true
  }

  /// Whether somebody has one of the files open for writing; nil where that cannot be told.
  private func writers(of look: Look, at place: String) -> Bool? {
    var isKnown = true
    for file in look.files {
      switch FileWriters.areThere(at: folder + "/" + GrowingOutputs.path(of: file, in: place)) {
      case true?: return true
      case false?: break
      case nil: isKnown = false
      }
    }
    return isKnown ? false : nil
  }

  /// Nil for what cannot be looked at, is empty and was not renamed, or has too much in it, a link, or the name of something unfinished.
  private func look(at place: String) -> Look? {
    var entries: [Look.Entry] = []
    let mayBeEmpty = renamed.contains(place)
    func visit(_ path: String, _ depth: Int) -> Bool {
      let full = folder + "/" + place + (path.isEmpty ? "" : "/" + path)
      guard let status = try? files.entry(full) else { return false }
      if status.isFile {
        entries.append(
          Look.Entry(path: path, inode: status.inode, size: status.size, modified: status.modified))
        return entries.count <= GrowingOutputs.mostFiles && (status.size > 0 || !path.isEmpty || mayBeEmpty)
      }
      guard status.isFolder, depth < 32, let names = try? files.names(in: full) else { return false }
      return names.sorted().allSatisfy { name in
        !GrowingOutputs.isTemporary(name) && visit(path.isEmpty ? name : path + "/" + name, depth + 1)
      }
    }
    return visit("", 0) && !entries.isEmpty ? Look(files: entries) : nil
  }
}
