import Artefacts
import System

/// Compares what is remembered of a run with what there is now.
struct MemoryCheck {
  private(set) var sightings: [RememberedRun.Sighting]
  private(set) var shelves: [RememberedRun.Shelf]
  /// Whether something was seen that makes the next comparison quicker.
  private(set) var hasLearnt = false
  private let store: Store
  private let included: Int
  /// Sightings that are not as they were, or may not be.
  private var touched: [Int] = []
  /// Those of which another content was read, or none.
  private var changed: Set<Int> = []
  private var changedShelves: [Int] = []

  /// brake itself, the first of all sightings; the files that the pipeline includes are next.
  static let executable = "/proc/self/exe"

  init(_ file: MemoryFile, store: Store) {
    self.store = store
    included = file.summary.included.count
    sightings = file.sightings
    shelves = file.shelves
    for (number, sighting) in sightings.enumerated() where sighting.isNeeded {
      guard sighting.isSettled, let status = (try? store.files.status(sighting.path)) ?? nil,
        status.key == sighting.status
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
    sightings.first?.path == MemoryCheck.executable && (touched.first.map { $0 > included } ?? true)
  }

  var hasSuspects: Bool { !touched.isEmpty || !changedShelves.isEmpty }

  /// The instances of which something is not as it was. A file that has been written without a change of its bytes, and a
  /// shelf that still has all that is needed, are as they were.
  mutating func dirty(in run: RememberedRun) -> Set<Int> {
    let lost = lostObjects(of: run)
    if changed.isEmpty && lost.isEmpty { return [] }
    var dirty: Set<Int> = []
    for (number, entry) in run.entries.enumerated() {
      if !changed.isEmpty && entry.sightings.contains(where: changed.contains)
        || !lost.isEmpty && entry.objects.contains(where: lost.contains)
      {
        dirty.insert(number)
      }
    }
    return dirty
  }

  /// Reads again what has another status than before, or may have changed without one.
  /// - Returns: whether the instances have to be looked at.
  mutating func reread() -> Bool {
    for number in touched where !isSame(number) { changed.insert(number) }
    return !changed.isEmpty || !changedShelves.isEmpty
  }

  /// Reads a file again whose status has changed, or may change without being seen.
  private mutating func isSame(_ number: Int) -> Bool {
    let sighting = sightings[number]
    guard let digest = sighting.digest else { return false }
    let clock = store.clock
    let moment = clock.moment()
    guard let before = (try? store.files.status(sighting.path)) ?? nil, before.isFile,
      before.isExecutable == sighting.isExecutable,
      (try? StatCache.artefact(reading: sighting.path, files: store.files))?.digest == digest,
      let after = (try? store.files.status(sighting.path)) ?? nil, after == before
    else { return false }
    sightings[number].status = after.key
    sightings[number].isSettled = clock.isSettled(after, at: sighting.path, since: moment)
    hasLearnt = true
    return true
  }

  /// The objects that are not there any more.
  private mutating func lostObjects(of run: RememberedRun) -> Set<Digest> {
    if changedShelves.isEmpty { return [] }
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
    var seen: Set<Digest> = []
    var lost: Set<Digest> = []
    for entry in run.entries {
      for object in entry.objects where isChanged[Int(object.firstByte)] && seen.insert(object).inserted {
        if (try? store.contains(object)) != true { lost.insert(object) }
      }
    }
    return lost
  }
}
