import Actions
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
  private let tools: ToolIdentities
  private let clock: FileClock
  private var run: RememberedRun
  /// The numbers of paths that this run has looked at, or had looked at before.
  private var numbers: [String: Int] = [:]
  /// What has been seen in this run, and so is not looked at twice.
  private var seen: [String: [Int]] = [:]
  /// What the run has read at a path.
  private var contents: [String: Digest] = [:]
  /// Sightings that are not what they were before this run, and the instances that it has looked at: no other may rest on
  /// those.
  private var replaced: Set<Int> = []
  private var added: Set<Int> = []

  /// It leads to the system's libraries.
  private static let loaderCache = "/etc/ld.so.cache"

  /// Larger files are left to the next run.
  private static let readAtOnce = 1 << 20

  /// - Parameter before: what was remembered, of which the instances that this run has not looked at stay as they are.
  init(after before: RememberedRun?, engine: Engine) throws {
    root = engine.root
    store = engine.store
    files = engine.files
    tools = engine.resolver.tools
    clock = engine.files.clock
    run = before ?? RememberedRun()
    if before == nil {
      guard let status = try store.files.status(MemoryCheck.executable) else { throw Unknowable() }
      // It cannot be another file while it runs; a new one has another inode.
      _ = note(MemoryCheck.executable, status, nil, settled: true)
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
    let before = number.map { run.instances[$0] }
    if let before { for number in before.sightings { numbers[run.sightings.path(number)] = number } }
    var sighted: [Int] = []
    for source in known.sources { sighted += try sight(source.path, holding: source.digest) }
    let searchPath = tools.isEmpty ? nil : instance.work.visibleEnvironment(python: nil)["PATH"]
    for (tool, digest) in tools {
      // Who recalls the run looks in the user's PATH, and not in one that a stage sets.
      guard let path = ProgramPath.find(tool, in: searchPath), path == ProgramPath.find(tool) else {
        throw Unknowable()
      }
      run.summary.tools[tool] = path
      sighted += try sight(path, holding: digest)
    }
    if case .operation(let operation, _) = instance.work {
      let files = try self.tools.systemFiles(of: operation)
      for (file, digest) in files { sighted += try sight(file.path, holding: digest) }
      // Where they were found.
      if !files.isEmpty, try store.files.status(MemoryWriter.loaderCache) != nil {
        sighted.append(try sight(MemoryWriter.loaderCache))
      }
    }
    for place in WorkspacePublisher.places(instance, known.outputs) {
      sighted += try sight(root + "/" + place.path, holding: place.artefact.digest)
    }
    // What another run adds to them must go again.
    for folder in WorkspacePublisher.folders(instance) {
      if try store.files.status(root + "/" + folder) != nil { sighted.append(try sight(root + "/" + folder)) }
    }
    sighted += try sight(recordOf: known)
    var objects: [Digest] = []
    for output in known.outputs {
      // Of a folder that was removed only the name is known; the next run finds that it is not there.
      objects += (try? store.members(of: output.artefact).sorted()) ?? [output.artefact.digest]
    }
    objects += instance.inputs.flatMap(\.source.artefacts)
    for object in objects {
      if case .segment(let path) = try store.holder(ofObject: object) {
        sighted.append(try sight(segment: path))
      }
    }
    for object in instance.inputs.flatMap(\.source.artefacts) {
      if case .own(let path) = try store.holder(ofObject: object) { sighted.append(try sight(path)) }
    }
    let json = try before?.result().instance ?? instance.json.canonicalBytes
    let remembered = RememberedInstance(
      dependencies: dependencies, sightings: sighted, objects: objects,
      result: .init(key: known.key, outputs: known.outputs, instance: json))
    let place = number ?? run.instances.count
    if place < run.instances.count {
      run.instances[place] = remembered
    } else {
      run.instances.append(remembered)
    }
    added.insert(place)
    run.body?.amended.insert(place)
  }

  /// - Throws: if something has gone since it was found.
  consuming func finished(_ summary: RememberedRun.Summary) throws -> RememberedRun {
    let (tools, included) = (run.summary.tools, run.summary.included)
    run.summary = summary
    run.summary.tools = tools
    run.summary.included = included
    var isReplaced = [Bool](repeating: false, count: run.sightings.count)
    for number in replaced { isReplaced[number] = true }
    var isNeeded = [Bool](repeating: false, count: run.sightings.count)
    for number in 0...included.count { isNeeded[number] = true }
    for (number, instance) in run.instances.enumerated() {
      let isOld = !replaced.isEmpty && !added.contains(number)
      for sighting in instance.sightings {
        // What changed after this run had begun is not known to those that it had no reason to look at.
        if isOld && isReplaced[sighting] { throw Unknowable() }
        isNeeded[sighting] = true
      }
    }
    for number in run.sightings.indices where run.sightings[number].isNeeded != isNeeded[number] {
      run.sightings[number].isNeeded = isNeeded[number]
    }
    forgetUnneeded(isNeeded.count { !$0 })
    try lookAtShelves()
    return run
  }

  /// Every edit leaves behind a record that nobody asks for again.
  private mutating func forgetUnneeded(_ count: Int) {
    guard count > 64 + run.sightings.count / 8 else { return }
    let (sightings, numbers) = run.sightings.withoutUnneeded()
    run.sightings = sightings
    run.instances = run.instances.map { $0.renumbered(numbers) }
    run.body = nil
  }

  // MARK: Sightings

  private mutating func note(_ path: String, _ status: FileStatus, _ digest: Digest?, settled: Bool) -> Int {
    let sighting = Sighting(
      status: status.key, digest: digest, isExecutable: status.isExecutable, isSettled: settled)
    if let number = numbers[path] {
      let before = run.sightings[number]
      let isSame =
        before.isExecutable == status.isExecutable
        && (digest != nil && before.digest == digest || before.isSettled && before.status == status.key)
      if before.isNeeded, !isSame { replaced.insert(number) }
      run.sightings[number] = sighting
      return number
    }
    numbers[path] = run.sightings.count
    run.sightings.append(sighting, at: path)
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
      // What was published a moment ago has been read by nobody.
      if files.remembered(status) == nil, status.size <= MemoryWriter.readAtOnce {
        _ = try? files.artefact(at: path)
      }
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
  private mutating func sight(recordOf known: KnownInstance) throws -> [Int] {
    switch try store.holder(ofRecord: known.key) {
    case .own(let path): [try sight(path, ofRecord: known)]
    // A record of its own would count before it.
    case .segment(let path): [try sight(segment: path), try sight(segment: store.pathOfReplacements)]
    case nil: throw Unknowable()
    }
  }

  private mutating func sight(_ path: String, ofRecord known: KnownInstance) throws -> Int {
    if let number = seen[path]?.first { return number }
    let moment = clock.moment()
    guard let status = try store.files.status(path) else { throw Unknowable() }
    let isSettled = clock.isSettled(status, at: path, since: moment)
    // Of another process that had made the same, it may have come in place of what was found.
    let isSure = isSettled && clock.isSettled(status, at: path, since: known.moment)
    let digest = isSure ? nil : content(ofRecord: known, at: path)
    let number = note(path, status, digest, settled: isSettled && (isSure || digest != nil))
    seen[path] = [number]
    return number
  }

  /// The digest of a record's file, so that the next run can read it again; nil if it does not say the same any more.
  private func content(ofRecord known: KnownInstance, at path: String) -> Digest? {
    let content = { try? StatCache.artefact(reading: path, files: store.files).digest }
    let before = content()
    let isSame = (try? store.record(known.key))??.outputs == known.outputs
    return isSame && content() == before ? before : nil
  }

  /// What holds the objects and records of many instances, and is read again rather than each of them looked for.
  private mutating func sight(segment path: String) throws -> Int {
    if let number = seen[path]?.first { return number }
    let moment = clock.moment()
    guard let status = try store.files.status(path) else { throw Unknowable() }
    let digest = try StatCache.artefact(reading: path, files: store.files).digest
    let number = note(path, status, digest, settled: clock.isSettled(status, at: path, since: moment))
    seen[path] = [number]
    return number
  }

  // MARK: Shelves

  /// What a shelf is now counts only together with what is found in it after that.
  private mutating func lookAtShelves() throws {
    var shelves = [RememberedRun.Shelf?](repeating: nil, count: 256)
    for shelf in run.shelves { shelves[Int(shelf.first)] = shelf }
    var isNeeded = [Bool](repeating: false, count: 256)
    for instance in run.instances {
      instance.forEachObject(where: {
        isNeeded[Int($0)] = true
        return false
      }) { _ in }
    }
    var isChanged = [Bool](repeating: false, count: 256)
    var isMissing = [Bool](repeating: false, count: 256)
    run.shelves = []
    for first in 0..<256 where isNeeded[first] {
      let moment = clock.moment()
      guard let status = try store.statusOfShelf(UInt8(first)) else {
        // All are in segments, if they are there. Those of before are if there was no shelf either: what holds them is among
        // the sightings of their instances.
        if shelves[first] == nil { isMissing[first] = true } else { isChanged[first] = true }
        continue
      }
      if let shelf = shelves[first], shelf.isSettled, shelf.status == status.key {
        run.shelves.append(shelf)
        continue
      }
      isChanged[first] = true
      let isSettled = clock.isSettled(status, at: store.shelf(UInt8(first)), since: moment)
      run.shelves.append(.init(first: UInt8(first), status: status.key, isSettled: isSettled))
    }
    var seen: Set<Digest> = []
    for (number, instance) in run.instances.enumerated() {
      let isNew = added.contains(number)
      try instance.forEachObject(where: { isChanged[Int($0)] || isNew && isMissing[Int($0)] }) { object in
        guard seen.insert(object).inserted else { return }
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
