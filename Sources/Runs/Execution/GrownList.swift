import Artefacts
import System

/// The list of what one attempt has kept (`SavedList`), held in memory while it grows: nobody else writes to it meanwhile. Each member
/// is found by its path, and encoded once.
struct GrownList {
  private struct Entry {
    let member: SavedList.Member
    let bytes: [UInt8]
  }

  /// In the order in which they were finished; nil where one has left.
  private var entries: [Entry?] = []
  private var places: [String: Int] = [:]
  private let timesResumed: Int
  /// Whether it is otherwise than in its file.
  private(set) var isChanged = false

  init(_ list: SavedList) {
    timesResumed = list.timesResumed
    for member in list.members { add(member) }
    isChanged = false
  }

  var isEmpty: Bool { places.isEmpty }

  func member(at path: String) -> SavedList.Member? { places[path].flatMap { entries[$0]?.member } }

  /// Puts a member at the end, in place of one of the same path.
  mutating func add(_ member: SavedList.Member) {
    remove(member.path)
    guard places.count < SavedList.most else { return }
    isChanged = true
    places[member.path] = entries.count
    entries.append(Entry(member: member, bytes: SavedList.bytes(of: member)))
  }

  mutating func remove(_ path: String) {
    guard let place = places.removeValue(forKey: path) else { return }
    isChanged = true
    entries[place] = nil
    guard entries.count > 2 * places.count + 16 else { return }
    entries.removeAll { $0 == nil }
    for (place, entry) in entries.enumerated() { places[entry!.member.path] = place }
  }

  mutating func write(for key: Digest, in store: Store) throws {
    try SavedList.write(
      entries.lazy.compactMap(\.?.bytes), timesResumed: timesResumed, for: key, in: store)
    isChanged = false
  }
}
