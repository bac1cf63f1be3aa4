import Actions
import Artefacts
import Pipeline
import System

/// Watches what of an instance's eager outputs is kept while it runs, by whichever process on whichever machine (`SavedList`).
struct GrowthWatch: Sendable {
  private let instance: StageInstance
  private let key: Digest
  private let store: Store
  /// What stood on the list before and is not what will be there in the end.
  private var old: Set<SavedList.Member>
  /// Which of its attempts anew it is.
  private var attempt = 0
  private var seen: FileStatus.Key?
  /// A list takes the longer to read the longer it is.
  private var pace = Pace()
  private var artefacts: [Digest: Artefact] = [:]
  /// The members that are in the store, each once, in the order of the list.
  private(set) var members: [Record.Output] = []

  private static let pause = Duration.milliseconds(200)

  /// - Parameter goesOn: whether the instance begins with what an earlier attempt had kept, and not anew.
  init(_ instance: StageInstance, _ key: Digest, goesOn: Bool, in store: Store) {
    self.instance = instance
    self.key = key
    self.store = store
    old = goesOn ? [] : Set(SavedList(of: key, in: store).members)
  }

  /// The same once there are other members.
  /// - Returns: nil once nobody wants to know, or the task is cancelled.
  func next(_ growth: Growth, unless isOver: @Sendable () -> Bool) async -> GrowthWatch? {
    var watch = self
    while !growth.isOver, !isOver() {
      if watch.begin(growth.attempt) || watch.lookInTurn() { return watch }
      do { try await Task.sleep(for: GrowthWatch.pause) } catch { return nil }
    }
    return nil
  }

  /// Takes what is kept for old, if another attempt begins anew.
  /// - Returns: whether there are other members than before.
  private mutating func begin(_ attempt: Int) -> Bool {
    if attempt == self.attempt { return false }
    self.attempt = attempt
    old = Set(SavedList(of: key, in: store).members)
    seen = nil
    if members.isEmpty { return false }
    members = []
    return true
  }

  private mutating func lookInTurn() -> Bool {
    guard pace.isDue else { return false }
    let start = ContinuousClock.now
    defer { pace.ended(since: start) }
    return look()
  }

  /// - Returns: whether there are other members than before.
  mutating func look() -> Bool {
    guard let status = (try? store.files.entry(SavedList.path(of: key, in: store))) ?? nil, status.key != seen
    else { return false }
    seen = status.key
    var names: Set<String> = []
    let found = SavedList(of: key, in: store).members.reversed().compactMap { member -> Record.Output? in
      guard !old.contains(member), let output = output(member),
        names.insert("\(member.output)[\(member.key)]").inserted
      else { return nil }
      return output
    }
    if found.reversed() == members { return false }
    members = found.reversed()
    return true
  }

  /// What the record would say of a member. The list is a file that anybody may have written who can write to the store.
  private mutating func output(_ member: SavedList.Member) -> Record.Output? {
    guard instance.eager.contains(member.output),
      let declaration = instance.outputs.first(where: { $0.name == member.output }), declaration.keyed,
      (try? MemberKey.check(member.key, of: member.output)) != nil,
      let artefact = artefacts[member.digest] ?? (try? store.artefact(member.digest))
    else { return nil }
    artefacts[member.digest] = artefact
    let file = String(member.path.split(separator: "/").last ?? "")
    guard member.path == (declaration.place == "." ? file : declaration.place + "/" + file),
      declaration.members.key(of: file, isFolder: artefact.kind == .tree) == member.key
    else { return nil }
    return Record.Output(
      name: member.output, key: member.key, file: file, isExecutable: member.isExecutable, artefact: artefact)
  }
}
