import Actions
import Artefacts
import Synchronization
import System

/// The members of growing outputs of one attempt: each goes into the store as soon as it is finished, one after the other and beside
/// the command.
final class GrownMembers: Sendable {
  private struct Work {
    let queue: AsyncStream<GrownMember>.Continuation
    let task: Task<Void, Never>
  }

  private let action: Action
  private let shelf: GrownShelf
  /// Nil before the first member.
  private let work = Mutex<Work?>(nil)

  /// - Parameter listed: called when more of it has been written down.
  init(of action: Action, in store: Store, notes: ActionNotes, listed: @escaping @Sendable () -> Void) {
    shelf = GrownShelf(of: action, in: store, notes: notes, listed: listed)
    self.action = action
  }

  deinit { work.withLock { $0?.queue.finish() } }

  /// Has a member kept. Returns at once, whatever its size.
  func take(_ member: GrownMember) {
    guard shelf.expects(member) else { return }
    work.withLock { work in
      let current = work ?? begin()
      work = current
      current.queue.yield(member)
    }
  }

  private func begin() -> Work {
    let (stream, queue) = AsyncStream.makeStream(of: GrownMember.self)
    let task = Task(executorPreference: TaskThreads.shared) { [shelf] in
      for await member in stream { shelf.keep(member) }
    }
    return Work(queue: queue, task: task)
  }

  /// Something that an earlier attempt had kept stands in the folder of this one.
  /// - Returns: whether it is, or is in, a member that is in the store.
  func has(placed place: String) -> Bool { shelf.has(placed: place) }

  /// Whether the attempt has written one that is kept, from which another can go on.
  var hasKept: Bool { action.resumes && shelf.hasKept }

  /// Waits until all that were taken are kept.
  func finish() async {
    let work = work.withLock { $0 }
    work?.queue.finish()
    await work?.task.value
    shelf.write()
  }
}

/// Puts finished members into the store, and into the list from which the next attempt gets them (`SavedList`).
///
/// What a command removes again it does not want to go on from: it leaves the list once another member joins it.
private final class GrownShelf: Sendable {
  private struct State {
    /// Places that this attempt has written or was given.
    var own: Set<String> = []
    /// The paths of those on the list when the attempt began; nil before anybody has asked for them.
    var listed: Set<String>?
    var waiting: Set<String> = []
    /// Those that could not be kept when it was their turn, and those behind them where the disk was full.
    var missed: [GrownMember] = []
    /// What has been said.
    var said: Set<String> = []
    var hasKept = false
  }

  /// What it costs to write the list, and to look which members the command has removed again, grows with it: with many that are
  /// finished one right after the other, neither is done for each.
  private struct Listing {
    /// Nil before anything has joined it.
    var list: GrownList?
    var writing = Pace()
    var looking = Pace()
  }

  private let action: Action
  private let store: Store
  private let notes: ActionNotes
  private let state = Mutex(State())
  private let listing = Mutex(Listing())
  private let listed: @Sendable () -> Void

  private var saved: SavedFiles { SavedFiles(store: store) }

  init(of action: Action, in store: Store, notes: ActionNotes, listed: @escaping @Sendable () -> Void) {
    self.listed = listed
    self.action = action
    self.store = store
    self.notes = notes
  }

  /// - Returns: false if it waits for its turn already.
  func expects(_ member: GrownMember) -> Bool { state.withLock { $0.waiting.insert(member.place).inserted } }

  var hasKept: Bool { state.withLock { $0.hasKept } }

  func has(placed place: String) -> Bool {
    state.withLock { state in
      let listed = state.listed ?? Set(SavedList(of: action.key, in: store).members.map(\.path))
      state.listed = listed
      var path = ""
      for part in place.split(separator: "/") {
        path = path.isEmpty ? String(part) : "\(path)/\(part)"
        if listed.contains(path) {
          state.own.insert(path)
          return true
        }
      }
      return false
    }
  }

  /// Keeps a member, after those that could not be kept when it was their turn: whoever goes on from one that is kept finds all
  /// that were finished before it.
  func keep(_ member: GrownMember) {
    let open = state.withLock { state in
      defer { state.missed = [] }
      state.waiting.remove(member.place)
      return state.missed.filter { $0.place != member.place } + [member]
    }
    var (failed, rest): ([GrownMember], [GrownMember]) = ([], [])
    for (index, member) in open.enumerated() {
      let end = keepAlone(member)
      if end == .failed { failed.append(member) }
      if end == .full {
        rest = Array(open[index...])
        break
      }
    }
    let missed = Array(failed.suffix(GrownShelf.mostFailed)) + rest
    state.withLock { $0.missed = missed }
    write()
  }

  /// Writes the list, unless more is about to join it.
  func write() {
    let isLast = state.withLock { $0.waiting.isEmpty }
    do {
      try listing.withLock { listing in
        guard listing.list?.isChanged == true, isLast || listing.writing.isDue else { return }
        let start = ContinuousClock.now
        defer { listing.writing.ended(since: start) }
        try listing.list?.write(for: action.key, in: store)
        listed()
      }
    } catch {
      say(
        "what has grown could not be listed while the stage runs: \(PipelineError(wrapping: error).headline)")
    }
  }

  /// Of those that cannot be read, so many are tried again with the next one.
  private static let mostFailed = 16

  private enum End {
    /// It is kept, or is not to be.
    case settled
    case failed
    /// No other one could be kept, either.
    case full
  }

  private func keepAlone(_ member: GrownMember) -> End {
    guard SavedFiles.isSound(member.place),
      let folder = HeldFolder(parentFolder(of: "./" + member.place), in: member.folder),
      let name = member.place.split(separator: "/").last
    else { return .settled }
    let path = "\(folder.path)/\(name)"
    do {
      guard let status = try store.files.entry(path), let before = try statuses(at: path) else {
        return .settled
      }
      let publication = store.publication()
      let artefact = try publication.add(path: path)
      // It is what it was before it was read: nothing else was put in its place meanwhile, and no link led elsewhere.
      guard try statuses(at: path) == before else { return .settled }
      try publication.commit()
      list(
        SavedList.Member(
          output: member.output, key: member.key, path: member.place, digest: artefact.digest,
          size: artefact.size, isExecutable: status.isFile && status.isExecutable, modified: status.modified),
        in: member.folder)
      return .settled
    } catch {
      // What the command has removed or is writing again is told once more when it is finished.
      guard (try? store.files.entry(path)) ?? nil != nil else { return .settled }
      let headline = PipelineError(wrapping: error).headline.replacing(
        folder.path, with: parentFolder(of: "./" + member.place))
      say("\(self.name(member.output, member.key)) could not be kept while the stage runs: \(headline)")
      return (error as? Failure)?.isFull == true ? .full : .failed
    }
  }

  /// Of a member and all that is in it; nil where it is not there, or has a link or anything strange in it.
  private func statuses(at path: String) throws -> [FileStatus]? {
    guard let status = try store.files.entry(path), status.isFile || status.isFolder else { return nil }
    if status.isFile { return [status] }
    var all = [status]
    for name in try store.files.names(in: path).sorted() {
      guard let inner = try statuses(at: path + "/" + name) else { return nil }
      all += inner
    }
    return all
  }

  private func list(_ entry: SavedList.Member, in folder: String) {
    let isOwn = state.withLock { !$0.own.insert(entry.path).inserted }
    let (before, gone) = listing.withLock { listing -> (SavedList.Member?, [SavedList.Member]) in
      if listing.list == nil {
        let list = GrownList(SavedList(of: action.key, in: store))
        if list.isEmpty { saved.removeOld() }
        listing.list = list
      }
      let before = listing.list?.member(at: entry.path)
      let gone = removed(from: &listing, but: entry.path, in: folder)
      for member in gone { listing.list?.remove(member.path) }
      listing.list?.add(entry)
      return (before, gone)
    }
    if let before, isOwn, before.digest != entry.digest {
      say(
        "\(name(entry.output, entry.key)) changed after it had been taken for finished, and is kept anew; "
          + "what is renamed into its place when it is complete is kept once")
    }
    // What an earlier attempt had made, too, is no way forward.
    if before?.digest != entry.digest { state.withLock { $0.hasKept = true } }
    // Of these the next attempt gets what the list says, if anything.
    for member in gone { saved.drop(member.path, of: action.key) }
    if let before, before.digest != entry.digest { saved.drop(before.path, of: action.key) }
  }

  /// Those on the list that the command has removed again.
  private func removed(
    from listing: inout Listing, but path: String, in folder: String
  ) -> [SavedList.Member] {
    guard listing.looking.isDue else { return [] }
    let own = state.withLock { $0.own }
    let start = ContinuousClock.now
    defer { listing.looking.ended(since: start) }
    return own.filter { $0 != path && !saved.isThere($0, in: folder) }
      .compactMap { listing.list?.member(at: $0) }
  }

  private func name(_ output: String, _ key: String) -> String { "\(action.name): \(output)[\(key)]" }

  private func say(_ note: String) {
    if state.withLock({ $0.said.insert(note).inserted }) { notes.add(note) }
  }
}
