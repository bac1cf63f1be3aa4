import Artefacts
import JSON
import Pipeline
import System

/// Makes what is to be remembered of a run that has come to its end.
struct MemoryWriter {
  /// An instance has a part that may be different tomorrow without a trace.
  struct Unknowable: Error {}

  private let root: String
  private let store: Store
  private let files: StatCache
  private let clock: FileClock
  private var run: RememberedRun
  private var numbers: [String: Int] = [:]
  /// What has been seen in this run, and so is not looked at twice.
  private var seen: [String: [Int]] = [:]
  /// What the run has read at a path.
  private var contents: [String: Digest] = [:]
  /// Sightings that are not what they were before this run, and the instances that it has looked at: no other may rest on
  /// those.
  private var replaced: Set<Int> = []
  private var added: Set<Int> = []

  /// - Parameter before: what was remembered, of which the instances that this run has not looked at stay as they are.
  init(after before: RememberedRun?, engine: Engine) throws {
    root = engine.root
    store = engine.store
    files = engine.files
    clock = engine.files.clock
    run = before ?? RememberedRun(summary: .init(), sightings: [], shelves: [], entries: [])
    for (number, sighting) in run.sightings.enumerated() { numbers[sighting.path] = number }
    if before == nil {
      guard let status = try store.files.status(MemoryCheck.executable) else { throw Unknowable() }
      // It cannot be another file while it runs; a new one has another inode.
      run.sightings = [
        .init(
          path: MemoryCheck.executable, status: status.key, digest: nil, isExecutable: true, isSettled: true)
      ]
      numbers[MemoryCheck.executable] = 0
      for path in Set(try engine.source.file().includedPaths).sorted() {
        run.summary.included.append(path)
        _ = try sight(path)
      }
    }
  }

  /// Adds an instance behind all others, or replaces what is remembered of it.
  ///
  /// - Parameters:
  ///   - number: nil for a new one.
  mutating func add(
    _ instance: StageInstance, _ known: KnownInstance, dependencies: [Int], as number: Int?
  ) throws {
    guard let tools = known.tools else { throw Unknowable() }
    var sighted: [Int] = []
    for source in known.sources { sighted += try sight(source.path, holding: source.digest) }
    for (tool, digest) in tools {
      guard let path = ProgramPath.find(tool) else { throw Unknowable() }
      run.summary.tools[tool] = path
      sighted += try sight(path, holding: digest)
    }
    for place in WorkspacePublisher.places(instance, known.outputs) {
      sighted += try sight(root + "/" + place.path, holding: place.artefact.digest)
    }
    // What another run adds to them must go again.
    for folder in WorkspacePublisher.folders(instance) {
      if try store.files.status(root + "/" + folder) != nil { sighted.append(try sight(root + "/" + folder)) }
    }
    sighted.append(try sight(recordOf: known))
    var objects: [Digest] = []
    for output in known.outputs { objects += try store.members(of: output.artefact).sorted() }
    objects += instance.inputs.flatMap(\.source.artefacts)
    for object in instance.inputs.flatMap(\.source.artefacts) {
      sighted.append(try sight(store.pathOfObject(object)))
    }
    let entry = RememberedRun.Entry(
      key: known.key, dependencies: dependencies, sightings: sighted, objects: objects,
      outputs: known.outputs,
      instance: number.map { run.entries[$0].instance } ?? instance.json.canonicalBytes)
    if let number { run.entries[number] = entry } else { run.entries.append(entry) }
    if let number { added.insert(number) }
  }

  /// - Throws: if something has gone since it was found.
  consuming func finished(_ summary: RememberedRun.Summary) throws -> RememberedRun {
    // What changed after this run had begun is not known to those that it had no reason to look at.
    for (number, entry) in run.entries.enumerated() where !replaced.isEmpty && !added.contains(number) {
      if entry.sightings.contains(where: replaced.contains) { throw Unknowable() }
    }
    let (tools, included) = (run.summary.tools, run.summary.included)
    run.summary = summary
    run.summary.tools = tools
    run.summary.included = included
    var isNeeded = [Bool](repeating: false, count: run.sightings.count)
    for number in 0...included.count { isNeeded[number] = true }
    for entry in run.entries { for number in entry.sightings { isNeeded[number] = true } }
    for number in run.sightings.indices { run.sightings[number].isNeeded = isNeeded[number] }
    try lookAtShelves()
    return run
  }

  // MARK: Sightings

  private mutating func note(_ path: String, _ status: FileStatus, _ digest: Digest?, settled: Bool) -> Int {
    let sighting = RememberedRun.Sighting(
      path: path, status: status.key, digest: digest, isExecutable: status.isExecutable, isSettled: settled)
    if let number = numbers[path] {
      let before = run.sightings[number]
      let isSame =
        before.digest == digest && before.isExecutable == status.isExecutable
        && (digest != nil || before.status == status.key)
      if before.isNeeded, !isSame { replaced.insert(number) }
      run.sightings[number] = sighting
      return number
    }
    numbers[path] = run.sightings.count
    run.sightings.append(sighting)
    return run.sightings.count - 1
  }

  /// A file or folder, with all that is in it. What is not what it should be, or may change unseen, is looked at again by
  /// the next run.
  private mutating func sight(_ path: String, holding digest: Digest) throws -> [Int] {
    // It was edited while the run went on, and two instances have read different things.
    if let other = contents.updateValue(digest, forKey: path), other != digest { throw Unknowable() }
    if let known = seen[path] { return known }
    guard let status = try store.files.status(path) else { throw Unknowable() }
    var sighted: [Int] = []
    if status.isFile {
      let isKnown = files.remembered(status)?.digest == digest
      sighted = [note(path, status, digest, settled: isKnown)]
    } else {
      let moment = clock.moment()
      var found: [(path: String, status: FileStatus, digest: Digest?)] = []
      let now = try files.artefact(at: path) { found.append(($0, $1, $2?.digest)) }.digest
      for each in found {
        let isSettled =
          each.digest == nil
          ? clock.isSettled(each.status, at: each.path, since: moment) : files.remembered(each.status) != nil
        sighted.append(note(each.path, each.status, each.digest, settled: isSettled && now == digest))
      }
    }
    seen[path] = sighted
    return sighted
  }

  /// What only has to stay as it is.
  private mutating func sight(_ path: String) throws -> Int {
    if let known = seen[path]?.first { return known }
    let moment = clock.moment()
    guard let status = try store.files.status(path) else { throw Unknowable() }
    let number = note(path, status, nil, settled: clock.isSettled(status, at: path, since: moment))
    seen[path] = [number]
    return number
  }

  /// A record that says what this run has found or made.
  private mutating func sight(recordOf known: KnownInstance) throws -> Int {
    let path = store.pathOfRecord(known.key)
    if let number = seen[path]?.first { return number }
    let moment = clock.moment()
    guard let status = try store.files.status(path) else { throw Unknowable() }
    var isSettled = clock.isSettled(status, at: path, since: moment)
    // Of another process that had made the same, it may have come in place of what was found.
    if isSettled, !clock.isSettled(status, at: path, since: known.moment) {
      isSettled = (try? store.record(known.key))??.outputs == known.outputs
    }
    let number = note(path, status, nil, settled: isSettled)
    seen[path] = [number]
    return number
  }

  // MARK: Shelves

  /// What a shelf is now counts only together with what is found in it after that.
  private mutating func lookAtShelves() throws {
    var shelves = [RememberedRun.Shelf?](repeating: nil, count: 256)
    for shelf in run.shelves { shelves[Int(shelf.first)] = shelf }
    var isNeeded = [Bool](repeating: false, count: 256)
    for entry in run.entries { for object in entry.objects { isNeeded[Int(object.firstByte)] = true } }
    var isChanged = [Bool](repeating: false, count: 256)
    run.shelves = []
    for first in 0..<256 where isNeeded[first] {
      let moment = clock.moment()
      guard let status = try store.statusOfShelf(UInt8(first)) else { throw Unknowable() }
      if let shelf = shelves[first], shelf.isSettled, shelf.status == status.key {
        run.shelves.append(shelf)
        continue
      }
      isChanged[first] = true
      let isSettled = clock.isSettled(status, at: store.shelf(UInt8(first)), since: moment)
      run.shelves.append(.init(first: UInt8(first), status: status.key, isSettled: isSettled))
    }
    var seen: Set<Digest> = []
    for entry in run.entries {
      for object in entry.objects where isChanged[Int(object.firstByte)] && seen.insert(object).inserted {
        if try !store.contains(object) { throw Unknowable() }
      }
    }
  }
}

extension InputSource {
  /// The artefacts of the store that it names itself.
  var artefacts: [Digest] {
    switch self {
    case .artefact(let digest): [digest]
    case .collection(let members): members.flatMap(\.source.artefacts)
    case .file, .output, .members: []
    }
  }
}
