import Actions
import Artefacts
import Foundation
import JSON
import PlanSupport
import Support
import Testing

@testable import Pipeline
@testable import Runs

/// A parameter, an environment, a folder as an input, a keyed output and one stage for each key, and published files.
private let pipeline = """
  params: { times: 2 }
  stages:
    cut:
      run: head -c 4 ${in.text} > ${out.out}; echo $MODE >> ${out.out}
      in: { text: source.txt }
      out: { out: cut.txt }
      env: { MODE: plain }
    all: { run: "find ${in.folder} -type f | sort | xargs cat > ${out.out}", in: { folder: folder }, out: { out: all.txt } }
    twice: { op: text.repeat, in: { text: cut }, with: { times: "${times}" }, publish: results/twice.txt }
    parts: { op: text.split, in: { text: lines.txt }, publish: parts }
    each: { for: { part: parts.parts }, run: "wc -c < ${in.p} > ${out.o}", in: { p: "parts.parts[${part}]" }, out: { o: o.txt } }
    end: { run: "cat ${in.a} ${in.b} > ${out.out}", in: { a: all, b: twice }, out: { out: end.txt }, publish: results/end.txt }
  """

private let files = [
  "source.txt": "abcdef", "lines.txt": "a one\nb two\n", "folder/one": "1", "folder/sub/two": "2",
]

/// What a run does and says.
private struct Course: Equatable {
  let counts: [Int]
  let outputs: [String: [String: JSON]]
  let published: [String]
  let failures: Int
  let notes: [String]
  let files: [String: String]
}

extension Workspace {
  var memory: RunMemory {
    RunMemory(
      text: text("brake.yaml")!, path: "brake.yaml", overrides: [], targets: [], root: folder.path,
      store: store, registry: registry)
  }

  /// Nil if nothing is remembered.
  func recall() -> RunSummary? { memory.recall() }

  /// Asks the memory first, if there is to be one.
  fileprivate func course(remembering: Bool) async throws -> (course: Course, wasRecalled: Bool) {
    let memory = remembering ? memory : nil
    var options = RunOptions()
    options.jobs = 1
    let events = Events()
    let recalled = memory?.recall()
    let summary =
      if let recalled {
        recalled
      } else {
        try await engine().run(targets: [], options: options, memory: memory) { events.add($0) }
      }
    var files: [String: String] = [:]
    for name in ["results", "parts"] {
      for file in FileManager.default.enumerator(atPath: folder[name])?.allObjects as? [String] ?? [] {
        files[name + "/" + file] = text(name + "/" + file)
      }
    }
    let course = Course(
      counts: [summary.planned, summary.ran, summary.hit, summary.failed, summary.skipped],
      outputs: summary.outputs, published: summary.published, failures: summary.failures.count,
      notes: events.notes.map {
        $0.replacing(folder.path, with: "").replacing(/-\d+-\d+/, with: "")
      }, files: files)
    return (course, recalled != nil)
  }

  /// Runs until that is remembered.
  fileprivate func settle() async throws {
    for _ in 0..<3 where recall() == nil {
      usleep(30_000)
      _ = try await course(remembering: true)
    }
  }
}

@Suite struct RunMemoryTests {
  private typealias Edit = @Sendable (Workspace, Int) throws -> Void

  private static func replace(_ text: String, by other: String, in name: String) -> Edit {
    { workspace, _ in
      workspace.folder.write(workspace.text(name)!.replacing(text, with: other), to: name)
    }
  }

  private static func remove(_ name: String) -> Edit {
    { workspace, _ in try? FileManager.default.removeItem(atPath: workspace.folder[name]) }
  }

  /// Files below a folder of the store, sorted.
  private static func stored(_ folder: String, _ workspace: Workspace) -> [String] {
    let path = workspace.folder["cache/" + folder]
    let names = FileManager.default.enumerator(atPath: path)?.allObjects as? [String] ?? []
    return names.filter { $0.count > 60 }.sorted().map { path + "/" + $0 }
  }

  /// The notes of runs in the store.
  private static func notes(_ workspace: Workspace) -> [String] {
    let names = try? FileManager.default.contentsOfDirectory(atPath: workspace.folder["cache/index"])
    return (names ?? []).filter { $0.hasPrefix("run-") }.sorted().map { "cache/index/" + $0 }
  }

  private static func removeStored(_ folder: String) -> Edit {
    { workspace, number in
      let files = stored(folder, workspace)
      if files.isEmpty { return }
      try FileManager.default.removeItem(atPath: files[number % files.count])
    }
  }

  private static let edits: [(name: String, edit: Edit)] = [
    ("nothing", { _, _ in }),
    ("touch", { workspace, _ in utimes(workspace.folder["source.txt"], nil) }),
    (
      "same bytes",
      { workspace, _ in workspace.folder.write(workspace.text("source.txt")!, to: "source.txt") }
    ),
    ("changed bytes", { workspace, number in workspace.folder.write("s\(number) text", to: "source.txt") }),
    (
      "changed bytes behind what matters",
      { workspace, number in
        workspace.folder.write("abcdef\(number)", to: "source.txt")
      }
    ),
    (
      "other keys",
      { workspace, number in
        workspace.folder.write("a one\nb two\nc\(number % 3) three\n", to: "lines.txt")
      }
    ),
    (
      "file added to a folder",
      { workspace, number in workspace.folder.write("\(number)", to: "folder/\(number)") }
    ),
    (
      "file added to a subfolder",
      { workspace, number in
        workspace.folder.write("\(number)", to: "folder/sub/\(number)")
      }
    ),
    ("file of a subfolder removed", remove("folder/sub/two")),
    (
      "file of a subfolder changed",
      { workspace, number in workspace.folder.write("\(number)", to: "folder/sub/two") }
    ),
    ("published file deleted", remove("results/end.txt")),
    ("published folder deleted", remove("parts")),
    (
      "published file edited",
      { workspace, number in workspace.folder.write("mine \(number)", to: "results/twice.txt") }
    ),
    (
      "file beside the published ones",
      { workspace, number in workspace.folder.write("x", to: "results/\(number)") }
    ),
    ("object deleted", removeStored("objects")),
    (
      "object damaged",
      { workspace, number in
        let objects = stored("objects", workspace)
        if objects.isEmpty { return }
        let path = objects[number * 7 % objects.count]
        chmod(path, 0o644)
        try Data("damaged".utf8).write(to: URL(fileURLWithPath: path))
      }
    ),
    (
      "record damaged",
      { workspace, number in
        let records = stored("actions", workspace)
        if records.isEmpty { return }
        let path = records[number * 7 % records.count]
        chmod(path, 0o644)
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        try file.write(contentsOf: Data("x".utf8))
        try file.close()
      }
    ),
    ("record deleted", removeStored("actions")),
    (
      "parameter",
      { workspace, number in
        let text = workspace.text("brake.yaml")!
        let start = text.range(of: "stages:")!.lowerBound
        workspace.folder.write("params: { times: \(number % 4) }\n" + text[start...], to: "brake.yaml")
      }
    ),
    (
      "comment",
      { workspace, number in
        workspace.folder.write(workspace.text("brake.yaml")! + "\n# \(number)", to: "brake.yaml")
      }
    ),
    (
      "all files written anew, as by a switch to another branch and back",
      { workspace, _ in
        for name in files.keys {
          if let text = workspace.text(name) { workspace.folder.write(text, to: name) }
        }
      }
    ),
    (
      "fresh objects in the store",
      { workspace, number in
        let publication = workspace.store.publication()
        for each in 0..<300 { _ = try publication.add(bytes: Array("fresh \(number) \(each)".utf8)) }
        try publication.commit()
      }
    ),
    (
      "note cut short",
      { workspace, number in
        for note in notes(workspace) {
          let bytes = try #require(workspace.folder.read(note))
          workspace.folder.write(Array(bytes.prefix(number * 977 % (bytes.count + 1))), to: note)
        }
      }
    ),
    (
      "note of another process that has seen less",
      { workspace, _ in
        for note in notes(workspace) {
          let bytes = try #require(workspace.folder.read(note))
          if let earlier = workspace.folder.read("earlier note") { workspace.folder.write(earlier, to: note) }
          workspace.folder.write(bytes, to: "earlier note")
        }
      }
    ),
    ("environment", replace("MODE: p", by: "MODE: pp", in: "brake.yaml")),
    ("source gone", remove("source.txt")),
  ]

  @Test(arguments: 1...4) func `Random edits have the same effect with a memory as without`(seed: Int)
    async throws
  {
    let remembering = try Workspace(pipeline, files: files)
    let plain = try Workspace(pipeline, files: files)
    var state = UInt64(seed)
    func next(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    var recalled = 0
    for step in 0..<10 {
      let edit = RunMemoryTests.edits[next(RunMemoryTests.edits.count)]
      let number = next(1000)
      for workspace in [remembering, plain] {
        if workspace.text("source.txt") == nil { workspace.folder.write("back", to: "source.txt") }
        try edit.edit(workspace, number)
      }
      // Once right after the edit and once when time has passed.
      for _ in 0..<2 {
        let result = try await remembering.course(remembering: true)
        let expected = try await plain.course(remembering: false).course
        #expect(result.course == expected, "after \(step): \(edit.name) \(number)")
        if result.wasRecalled { recalled += 1 }
        usleep(25_000)
      }
    }
    try await remembering.settle()
    #expect(recalled > 0)
  }

  @Test(arguments: RunMemoryTests.edits.map(\.name))
  func `A single edit has the same effect with a memory as without`(name: String) async throws {
    var courses: [Course] = []
    for remembering in [true, false] {
      let workspace = try Workspace(pipeline, files: files)
      if remembering {
        try await workspace.settle()
        #expect(workspace.recall() != nil)
      } else {
        try await workspace.run()
      }
      try RunMemoryTests.edits.first { $0.name == name }!.edit(workspace, 3)
      courses.append(try await workspace.course(remembering: remembering).course)
    }
    #expect(courses[0] == courses[1])
  }

  @Test func `What a run would have said is remembered, also directly after one that did everything`()
    async throws
  {
    let workspace = try Workspace(pipeline, files: files)
    #expect(workspace.recall() == nil)
    #expect(try await !workspace.course(remembering: true).wasRecalled)
    // The folder of members was written to a moment ago, and is looked at once more.
    try await workspace.settle()
    let recalled = try await workspace.course(remembering: true)
    #expect(recalled.wasRecalled)
    #expect(try await workspace.course(remembering: false).course == recalled.course)
  }

  @Test func `Another program in a tool's place is noticed, and a version command is never remembered`()
    async throws
  {
    let tool = TemporaryFolder()
    let path = tool.write("#!/bin/sh\necho 1\n", to: "tool")
    chmod(path, 0o755)
    let workspace = try Workspace(
      "stages: { s: { run: '\(path) > ${out.o}', tools: ['\(path)'], out: { o: o } } }")
    try await workspace.settle()
    #expect(workspace.recall() != nil)
    chmod(path, 0o644)
    #expect(workspace.recall() == nil)
    chmod(path, 0o755)
    try await workspace.settle()
    #expect(workspace.recall() != nil)
    tool.write("#!/bin/sh\necho 2\n", to: "tool")
    chmod(path, 0o755)
    #expect(workspace.recall() == nil)
    #expect(try await workspace.course(remembering: true).course.counts[1] == 1)

    let versioned = try Workspace(
      "stages: { s: { run: '\(path) > ${out.o}', tools: { cat: echo 1 }, out: { o: o } } }")
    try await versioned.settle()
    #expect(versioned.recall() == nil)
  }

  @Test func `Files of the system that an operation reads are part of the key by their bytes, and watched`()
    async throws
  {
    let system = TemporaryFolder()
    let paths = ["a", "b"].map { system.write("letters", to: $0 + "/font") }
    func workspace(_ path: String) throws -> Workspace {
      try Workspace(
        "stages: { s: { op: text.repeat, in: { text: source.txt } } }", files: files,
        operations: [Repeat(systemFiles: [SystemFile(name: "font", path: path)])])
    }
    func key(_ workspace: Workspace) throws -> [String] {
      try workspace.store.records { _ in }.map(\.key.hex)
    }
    let (one, other) = (try workspace(paths[0]), try workspace(paths[1]))
    try await one.settle()
    try await other.settle()
    #expect(try key(one) == key(other))
    #expect(one.recall() != nil)
    system.write("other letters", to: "a/font")
    #expect(one.recall() == nil)
    #expect(try await one.course(remembering: true).course.counts[1] == 1)
    #expect(try key(one).count == 2)
  }

  @Test func `A file that may change unseen is read again each time`() async throws {
    let workspace = try Workspace(pipeline, files: files)
    try await workspace.settle()
    let path = workspace.folder["source.txt"]
    // Whatever is written to it before that time can be given the same time stamps, but for that of the change of its entry.
    let future = Date.now + 1000
    try FileManager.default.setAttributes([.modificationDate: future], ofItemAtPath: path)
    try await workspace.settle()
    #expect(workspace.recall() != nil)
    let handle = try #require(FileHandle(forWritingAtPath: path))
    try handle.write(contentsOf: Data("ABC".utf8))
    try handle.close()
    try FileManager.default.setAttributes([.modificationDate: future], ofItemAtPath: path)
    #expect(workspace.recall() == nil)
    #expect(try await workspace.course(remembering: true).course.counts[1] > 0)
  }

  @Test func `Another user's memory is none, and one that somebody has edited is none`() async throws {
    let workspace = try Workspace(pipeline, files: files)
    func memory(_ name: String) throws -> RunMemory {
      let secret: UserSecret = try #require(UserSecret(at: workspace.folder["secrets/" + name]))
      return RunMemory(
        text: workspace.text("brake.yaml")!, path: "brake.yaml", overrides: [], targets: [],
        root: workspace.folder.path, store: workspace.store, registry: registry, secret: secret)
    }
    for _ in 0..<3 where try memory("mine").recall() == nil {
      usleep(30_000)
      _ = try await workspace.engine().run(targets: [], memory: try memory("mine"))
    }
    #expect(try memory("mine").recall() != nil)
    #expect(try memory("another's").recall() == nil)
    // A secret that others can read is none.
    chmod(workspace.folder["secrets/mine"], 0o644)
    #expect(UserSecret(at: workspace.folder["secrets/mine"]) == nil)
  }

  @Test func `After a change only what it reaches is looked at`() async throws {
    let workspace = try Workspace(
      """
      stages:
        a: { for: { i: 1..30 }, run: "head -c 2 ${in.x} > ${out.o}", in: { x: "src/${i}" }, out: { o: o.txt }, publish: "out/${i}" }
        b: { run: "cat ${in.x} > ${out.o}", in: { x: a }, out: { o: o.txt }, publish: all }
      """, files: Dictionary(uniqueKeysWithValues: (1...30).map { ("src/\($0)", "\($0) text") }))
    try await workspace.settle()
    func course(after text: String) async throws -> (ran: Int, looked: [String], all: String?) {
      workspace.folder.write(text, to: "src/7")
      let memory = workspace.memory
      #expect(memory.recall() == nil)
      let events = Events()
      let summary = try await workspace.engine().run(targets: [], memory: memory) { events.add($0) }
      #expect(summary.planned == 31 && summary.hit + summary.ran == 31)
      #expect(summary.outputs["b"] != nil && summary.published.count == 31)
      return (summary.ran, events.finished.sorted(), workspace.text("all"))
    }
    let cutoff = try await course(after: "7 other text")
    #expect(cutoff.ran == 1 && cutoff.looked == ["a[7]"])
    let leaf = try await course(after: "8 text")
    #expect(leaf.ran == 2 && leaf.looked == ["a[7]", "b"])
    #expect(leaf.all?.contains("8 ") == true)
    let undo = try await course(after: "7 text")
    #expect(undo.ran == 0 && undo.looked == ["a[7]", "b"])
    #expect(undo.all == (1...30).map { "\($0) text".prefix(2) }.joined())
    #expect(workspace.text("out/7") == "7 ")
  }

  @Test func `An output that is no longer in the store is noticed`() async throws {
    let workspace = try Workspace(pipeline, files: files)
    try await workspace.settle()
    #expect(workspace.recall() != nil)
    let output = Digest(of: Array(try #require(workspace.text("results/end.txt")).utf8))
    try FileManager.default.removeItem(atPath: workspace.object(output))
    #expect(workspace.recall() == nil)
    #expect(try await workspace.course(remembering: true).course.counts[1] == 1)
  }

  @Test func `An artefact of the store that a pipeline names is looked at`() async throws {
    let workspace = try Workspace("stages: {}")
    let publication = workspace.store.publication()
    let artefact = try publication.add(bytes: Array("text".utf8))
    try publication.commit()
    workspace.folder.write(
      "stages: { s: { run: 'cat ${in.a} > ${out.o}', in: { a: '\(artefact.digest)' }, out: { o: o } } }",
      to: "brake.yaml")
    try await workspace.settle()
    #expect(workspace.recall() != nil)
    let path = workspace.object(artefact.digest)
    chmod(path, 0o644)
    #expect(workspace.recall() == nil)
  }

  @Test func `What is malformed, cut short or of another pipeline is forgotten`() async throws {
    let workspace = try Workspace(pipeline, files: files)
    try await workspace.settle()
    let names = try FileManager.default.contentsOfDirectory(atPath: workspace.folder["cache/index"])
    let name = "cache/index/" + (try #require(names.filter { $0.hasPrefix("run-") }.min()))
    let body = name + "-instances"
    let sound = try #require(workspace.folder.read(name))
    #expect(workspace.recall() != nil)

    func expectForgotten(_ bytes: [UInt8], _ what: String) {
      workspace.folder.write(bytes, to: name)
      #expect(workspace.recall() == nil, "\(what)")
    }
    for length in [0, 1, 31, 63, 67, 68, 100, 113, 116, sound.count - 1] {
      expectForgotten(Array(sound[..<length]), "cut to \(length)")
    }
    for place in stride(from: 0, to: sound.count, by: 37) {
      var bytes = sound
      bytes[place] ^= 4
      expectForgotten(bytes, "changed at \(place)")
    }
    workspace.folder.write(sound, to: name)
    // The second file is read when it is needed.
    let instances = try #require(workspace.folder.read(body))
    workspace.folder.write("changed", to: "source.txt")
    func expectUnknown(_ bytes: [UInt8], _ what: String) {
      workspace.folder.write(bytes, to: body)
      let memory = workspace.memory
      #expect(memory.recall() == nil && memory.takeChanges() == nil, "\(what)")
    }
    for place in stride(from: 0, to: instances.count, by: 101) {
      var bytes = instances
      bytes[place] ^= 4
      expectUnknown(bytes, "changed at \(place)")
    }
    expectUnknown(Array(instances.dropLast()), "cut")
    expectUnknown([], "empty")
    try FileManager.default.removeItem(atPath: workspace.folder[body])
    let memory = workspace.memory
    #expect(memory.recall() == nil && memory.takeChanges() == nil)
    workspace.folder.write(instances, to: body)
    workspace.folder.write("abcdef", to: "source.txt")
    #expect(workspace.recall() != nil)
    expectForgotten([], "empty")
    try await workspace.settle()
    #expect(workspace.recall() != nil)
  }

  @Test func `Few instances that have changed are written without the others`() async throws {
    let workspace = try Workspace(pipeline, files: files)
    try await workspace.settle()
    let names = try FileManager.default.contentsOfDirectory(atPath: workspace.folder["cache/index"])
    let body = "cache/index/" + (try #require(names.first { $0.hasSuffix("-instances") }))
    let before = try #require(workspace.folder.read(body))
    let count = try #require(workspace.memory.recalledFile()).instances.count
    workspace.folder.write("changed at the end", to: "source.txt")
    #expect(try await workspace.course(remembering: true).course.counts[0] > 0)
    let known = try #require(workspace.memory.recalledFile())
    #expect(known.body?.amended.isEmpty == false && known.instances.count == count)
    #expect(workspace.folder.read(body) == before)
    try await workspace.settle()
    #expect(workspace.recall() != nil)
    // Once most have, everything is.
    var all = known
    all.body?.amended = Set(all.instances.indices)
    let secret = try #require(UserSecret(at: workspace.folder["secret"]))
    #expect(MemoryFile.bytes(of: all, request: Digest(of: [1]), secret: secret).body != nil)
  }

  @Test func `What is sealed and malformed is forgotten, never a crash`() async throws {
    let workspace = try Workspace(pipeline, files: files)
    try await workspace.settle()
    let secret = try #require(UserSecret(at: workspace.folder["secret"]))
    var known = try #require(workspace.memory.recalledFile())
    known.body = nil
    let request = Digest(of: [1])
    let body = Array(
      try #require(MemoryFile.bytes(of: known, request: request, secret: secret).body).joined())
    let last = known.instances.count - 1
    known.body = .init(seal: secret.seal(of: body[...]), length: body.count, amended: [last])
    let head = MemoryFile.bytes(of: known, request: request, secret: secret).head
    let read = { (head: [UInt8], body: [UInt8]) in
      MemoryFile(head: head, request: request, secret: secret)?.run(body: body, secret: secret)
    }
    let again = try #require(read(head, body))
    #expect(again.body?.amended == [last])
    let copy = MemoryFile.bytes(of: again, request: request, secret: secret)
    #expect(copy.head == head && copy.body == nil)
    var generator = Numbers(7)
    for _ in 0..<3000 {
      var (head, body) = (head, body)
      for _ in 0...generator.next(3) {
        if generator.next(2) == 0 {
          head[116 + generator.next(head.count - 116)] = UInt8(generator.next(256))
        } else {
          body[generator.next(body.count)] = UInt8(generator.next(256))
        }
      }
      if generator.next(3) == 0 { head.removeLast(generator.next(200)) }
      if generator.next(3) == 0 { body.removeLast(generator.next(200)) }
      let length = head.count - 116
      for byte in 0..<4 { head[112 + byte] = UInt8(truncatingIfNeeded: length >> (8 * byte)) }
      head.replaceSubrange(48..<80, with: secret.seal(of: body[...]).bytes)
      head.replaceSubrange(16..<48, with: secret.seal(of: head[48...]).bytes)
      guard let run = read(head, body) else { continue }
      for number in run.sightings.indices { _ = run.sightings.path(number) }
      for instance in run.instances {
        guard let result = try? instance.result(), let json = try? JSON(parsing: result.instance) else {
          continue
        }
        _ = try? StageInstance(json, registry: workspace.registry)
      }
    }
  }

  @Test func `An instance is the same after it has been written down`() async throws {
    let workspace = try Workspace(pipeline, files: files)
    for instance in try workspace.engine().plan().instances {
      let copy = try StageInstance(JSON(parsing: instance.json.canonicalBytes), registry: workspace.registry)
      #expect(copy.json == instance.json && copy.name == instance.name)
      #expect(copy.outputs.map(\.file) == instance.outputs.map(\.file))
      if case .command(let command) = instance.work, case .command(let other) = copy.work {
        #expect(command == other && command.text == other.text)
        let paths = { (name: String) in ["a b/\(name)"] }
        #expect(try command.template.command(paths: paths) == other.template.command(paths: paths))
      }
    }
  }

  @Test func `A damaged input of what has changed is made again by an instance that has not`() async throws {
    let workspace = try Workspace(
      """
      stages:
        a: { run: "cat ${in.x} > ${out.o}", in: { x: one }, out: { o: o.txt } }
        b: { run: "cat ${in.x} ${in.y} > ${out.o}", in: { x: a, y: two }, out: { o: o.txt }, publish: b.txt }
      """, files: ["one": "first\n", "two": "second\n"])
    try await workspace.settle()
    let path = workspace.object(Digest(of: Array("first\n".utf8)))
    chmod(path, 0o644)
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    bytes[bytes.count / 2] ^= 1
    let handle = try #require(FileHandle(forWritingAtPath: path))
    try handle.write(contentsOf: bytes)
    try handle.close()
    workspace.folder.write("third\n", to: "two")
    let memory = workspace.memory
    #expect(memory.recall() == nil)
    let summary = try await workspace.engine().run(targets: [], memory: memory)
    #expect((summary.ran, summary.failed) == (2, 0))
    #expect(workspace.text("b.txt") == "first\nthird\n")
  }

  @Test func `What is edited while a run looks only at what has changed is noticed by the next one`()
    async throws
  {
    // Both read `shared`; only `a` reads what has changed.
    let workspace = try Workspace(
      """
      stages:
        a: { run: "cat ${in.x} ${in.y} > ${out.o}", in: { x: own, y: shared }, out: { o: o.txt }, publish: a.txt }
        b: { run: "cat ${in.y} > ${out.o}", in: { y: shared }, out: { o: o.txt }, publish: b.txt }
      """, files: ["own": "1\n", "shared": "old\n"])
    try await workspace.settle()
    workspace.folder.write("2\n", to: "own")
    let memory = workspace.memory
    #expect(memory.recall() == nil)
    // After it was found what has changed, and before that is looked up.
    workspace.folder.write("new\n", to: "shared")
    _ = try await workspace.engine().run(targets: [], memory: memory)
    #expect(workspace.text("a.txt") == "2\nnew\n")
    _ = try await workspace.course(remembering: true)
    #expect(workspace.text("b.txt") == "new\n")
  }

  @Test func `What others tell of an action is no more than a short text and a part of one`() {
    for fraction in [1e300, -1e300, .infinity, .nan, 2] {
      let told = RunningElsewhere(["host": "a", "fraction": .number(fraction), "seconds": 1e300])
      #expect(told.fraction == nil && told.text == "on host a since 0 s")
    }
    let told = RunningElsewhere([
      "host": "\u{1B}[2J", "seconds": 3, "progress": .string(String(repeating: "x", count: 5000)),
    ])
    #expect(!told.text.contains("\u{1B}") && told.text.count < 500)
  }
}
