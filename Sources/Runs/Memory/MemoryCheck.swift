import Artefacts
import System

/// Compares what is remembered of a run with what there is now.
struct MemoryCheck {
  private(set) var sightings: Sightings
  private(set) var shelves: [RememberedRun.Shelf]
  /// Whether something was seen that makes the next comparison quicker.
  private(set) var hasLearnt = false
  private let store: Store
  private let included: Int
  /// Sightings that are not as they were, or may not be.
  private var touched: [Int] = []
  /// Those of which another content was read, or none.
  private var changed: [Int] = []
  private var changedShelves: [Int] = []

  /// brake itself, the first of all sightings; the files that the pipeline includes are next.
  static let executable = "/proc/self/exe"

  init(_ file: MemoryFile, store: Store) {
    self.store = store
    included = file.summary.included.count
    sightings = file.sightings
    shelves = file.shelves
    for number in sightings.indices where sightings[number].isNeeded {
      guard sightings[number].isSettled,
        let status = (try? store.files.status(sightings.path(number))) ?? nil,
        status.key == sightings[number].status
      else {
        touched.append(number)
        continue
      }
    }
    for (number, shelf) in shelves.enumerated() {
      guard shelf.isSettled, let status = (try? store.statusOfShelf(shelf.first)) ?? nil,
        status.key == shelf.status
      else {
        changedShelves.append(number)
        continue
      }
    }
  }

  /// Whether it is brake that remembers, and the same files are included: otherwise it may come to something else.
  var isUsable: Bool {
    sightings.count > 0 && sightings.path(0) == MemoryCheck.executable
      && (touched.first.map { $0 > included } ?? true)
  }

  var hasSuspects: Bool { !touched.isEmpty || !changedShelves.isEmpty }

  /// The instances of which something is not as it was. A file that has been written without a change of its bytes, and a
  /// shelf that still has all that is needed, are as they were.
  mutating func dirty(in run: RememberedRun) -> Set<Int> {
    var isChanged = [Bool](repeating: false, count: sightings.count)
    for number in changed { isChanged[number] = true }
    var dirty: Set<Int> = []
    if !changed.isEmpty {
      for (number, instance) in run.instances.enumerated()
      where instance.sightings.contains(where: { isChanged[$0] }) {
        dirty.insert(number)
      }
    }
    if !changedShelves.isEmpty { noteLost(from: run, in: &dirty) }
    return dirty
  }

  /// Reads again what has another status than before, or may have changed without one.
  /// - Returns: whether the instances have to be looked at.
  mutating func reread() -> Bool {
    changed = touched.filter { !isSame($0) }
    return !changed.isEmpty || !changedShelves.isEmpty
  }

  /// Reads a file again whose status has changed, or may change without being seen.
  private mutating func isSame(_ number: Int) -> Bool {
    guard let digest = sightings[number].digest else { return false }
    let path = sightings.path(number)
    let clock = store.clock
    let moment = clock.moment()
    guard let before = (try? store.files.status(path)) ?? nil, before.isFile,
      before.isExecutable == sightings[number].isExecutable,
      (try? StatCache.artefact(reading: path, files: store.files))?.digest == digest,
      let after = (try? store.files.status(path)) ?? nil, after == before
    else { return false }
    sightings[number].status = after.key
    sightings[number].isSettled = clock.isSettled(after, at: path, since: moment)
    hasLearnt = true
    return true
  }

  /// Adds the instances of which an object is not there any more.
  private mutating func noteLost(from run: RememberedRun, in dirty: inout Set<Int>) {
    var isChanged = [Bool](repeating: false, count: 256)
    let clock = store.clock
    for number in changedShelves {
      isChanged[Int(shelves[number].first)] = true
      // What it is now counts only together with what is found in it after this.
      let moment = clock.moment()
      guard let status = (try? store.statusOfShelf(shelves[number].first)) ?? nil else { continue }
      shelves[number].status = status.key
      shelves[number].isSettled = clock.isSettled(
        status, at: store.shelf(shelves[number].first), since: moment)
    }
    hasLearnt = true
    var isThere: [Digest: Bool] = [:]
    for (number, instance) in run.instances.enumerated() {
      instance.forEachObject(where: { isChanged[Int($0)] }) { object in
        let known = isThere[object] ?? ((try? store.contains(object)) == true)
        isThere[object] = known
        if !known { dirty.insert(number) }
      }
    }
  }
}
