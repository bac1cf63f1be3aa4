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
  /// What it had open when it was told to end, or when it was killed.
  private var unfinished: Set<String> = []
  /// Folders that were not told when it was told to end: whoever writes them may have been between two of their files.
  private var begun: [String: Look] = [:]
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
    guard start >= next else {
      // As soon as a folder is there.
      renamed.watch(outputs.map(\.place))
      return []
    }
    let found = members { $0.isFinished($1, at: start) }
    next = max(start + GrowingOutputs.pause, .now + (.now - start) * 10)
    return found
  }

  /// Those that an ended command has finished since the last look.
  mutating func finishedInTheEnd() -> [GrownMember] {
    members { growing, place in
      guard let look = growing.look(at: place), growing.told[place] != look,
        growing.isRenamed(place, look) || growing.isSaved(place, look)
      else { return false }
      growing.tell(place, look)
      return true
    }
  }

  /// What is told to end and does something about it has finished the files that nobody had open when it was told, and the folders
  /// that it has written or changed since. What was killed has finished no folder, and no file that was open then, either.
  private func isSaved(_ place: String, _ look: Look) -> Bool {
    if end.hasSucceeded { return true }
    return end.wasHeard && !isInTheMiddle(place, look) && !(end.wasKilled && look.isFolder)
  }

  /// Whether the command was writing it when it was told to end, and nothing says that it has come to an end of that.
  private func isInTheMiddle(_ place: String, _ look: Look) -> Bool {
    unfinished.contains(place) || begun[place] == look
  }

  /// Whether it was renamed into its place, and nothing was written of it since.
  private func isRenamed(_ place: String, _ look: Look) -> Bool {
    guard renamed.contains(place) else { return false }
    return !look.isFolder || !unfinished.contains(place) && isOlderThanItsName(place, look)
  }

  /// Whether all in a folder is older than its name, by the clock of its file system: to be renamed changes a folder itself, and nothing
  /// of what is in it.
  private func isOlderThanItsName(_ place: String, _ look: Look) -> Bool {
    guard let own = try? files.entry("\(folder)/\(place)") else { return false }
    let inner = Set(
      look.files.flatMap { file in
        let parts = file.path.split(separator: "/").dropLast()
        return parts.indices.map { parts[...$0].joined(separator: "/") }
      })
    return own.modified < own.changed && look.modified < own.changed
      && inner.allSatisfy { name in
        guard let status = try? files.entry("\(folder)/\(place)/\(name)") else { return false }
        return status.modified < own.changed
      }
  }

  mutating func succeed() { end.hasSucceeded = true }

  /// - Parameter event: what is about to happen to the command.
  mutating func foresee(_ event: ChildProcess.Foreseen) {
    switch event {
    case .heard: end.wasHeard = true
    case .telling:
      noteOpen(orUnknown: true)
      for place in members().map(\.place) where !unfinished.contains(place) {
        if let look = look(at: place), look.isFolder, told[place] != look { begun[place] = look }
      }
    case .killing(let isBusy):
      if isBusy { end.wasKilled = true }
      // What those that do nothing about it had open they had open when they were told.
      noteOpen(orUnknown: isBusy)
    }
  }

  /// Notes which members somebody is in the middle of.
  /// - Parameter orUnknown: also those of which nobody can say.
  private mutating func noteOpen(orUnknown: Bool) {
    for place in members().map(\.place) {
      if let look = look(at: place) {
        if told[place] == look { continue }
        let isOpen = writers(of: look, at: place) ?? (orUnknown && !isRenamed(place, look))
        if isOpen { unfinished.insert(place) }
      } else if orUnknown {
        unfinished.insert(place)
      }
    }
  }

  /// The members of which a condition holds, in the order in which they were written: beside one that is kept stand all that were
  /// there before it.
  private mutating func members(where isOne: (inout GrowingOutputs, String) -> Bool) -> [GrownMember] {
    let found = members().filter { isOne(&self, $0.place) }
    return found.map { ($0, told[$0.place]?.modified ?? 0) }.sorted { $0.1 < $1.1 }.map(\.0)
  }

  /// All that stand where members do.
  private func members() -> [GrownMember] {
    renamed.watch(outputs.map(\.place))
    return outputs.flatMap { output -> [GrownMember] in
      guard isFolder(output.place), let names = try? files.names(in: folder + "/" + output.place) else {
        return []
      }
      return names.prefix(GrowingOutputs.mostMembers).compactMap { member($0, of: output) }
    }
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
    if isRenamed(place, look), writers(of: look, at: place) != true {
      seen[place] = nil
      tell(place, look)
      return true
    }
    guard let before = seen[place], before.look == look else {
      seen[place] = (look, time)
      return false
    }
    if time - before.since < GrowingOutputs.quiet || isInTheMiddle(place, look) { return false }
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
