import Actions
import Artefacts
import JSON
import Pipeline
import System

/// Puts published outputs into the workspace, and leaves alone what is right there already.
struct WorkspacePublisher {
  let root: String
  let store: Store
  let files: StatCache
  private let published: PublishedFiles
  private let parameters: [String: JSON]
  private let run: String
  /// What runs with other parameters had published and this one replaced: their parameters, and the paths.
  private var replaced: [String: [String]] = [:]

  /// - Parameter parameters: those of the pipeline, which this run applies.
  init(root: String, store: Store, files: StatCache, parameters: [String: JSON]) {
    self.root = root
    self.store = store
    self.files = files
    self.parameters = parameters
    published = PublishedFiles(store: store, root: root)
    run = PublishedFiles.run(parameters)
  }

  /// - Parameter note: told of every file that is not as brake had left it: its content is put into the store before it
  ///   is replaced.
  mutating func publish(
    _ instance: StageInstance, _ outputs: [Record.Output], note: (String) -> Void
  ) throws {
    for rule in WorkspacePublisher.memberFolders(instance) { try makeWay(for: rule, note) }
    let places = WorkspacePublisher.places(instance, outputs)
    for place in places { try bring(place, note) }
    for rule in WorkspacePublisher.memberFolders(instance) {
      tidy(rule, strangers(in: rule, besides: places), note)
    }
    for folder in instance.linkFolders { tidy(folder.path, strangers(in: folder), note) }
  }

  /// Whether all that an instance publishes stands in the workspace as it should, and nothing that it no longer has.
  func isPublished(_ instance: StageInstance, _ outputs: [Record.Output]) -> Bool {
    let places = WorkspacePublisher.places(instance, outputs)
    return places.allSatisfy {
      (try? files.artefact(at: root + "/" + $0.path))?.digest == $0.artefact.digest
        && (try? lacksMode($0)) == false
    }
      && WorkspacePublisher.memberFolders(instance).allSatisfy { rule in
        strangers(in: rule, besides: places).allSatisfy { !isOurs($0) }
      }
      && instance.linkFolders.allSatisfy { strangers(in: $0).allSatisfy { !isOurs($0) } }
  }

  struct Place {
    let rule: String
    let path: String
    let output: Record.Output

    var artefact: Artefact { output.artefact }
    var isExecutable: Bool { output.isExecutable }
  }

  /// Everything that an instance publishes.
  static func places(_ instance: StageInstance, _ outputs: [Record.Output]) -> [Place] {
    instance.publish.flatMap { rule in
      let declaration = instance.outputs.first { $0.name == rule.output }
      return outputs.filter { $0.name == rule.output }.map { output in
        let file = output.key == nil ? "" : "/" + (declaration?.fileName(of: output) ?? "")
        return Place(rule: rule.path, path: rule.path + file, output: output)
      }
    }
  }

  /// The folders from which goes what an instance, or its chain, no longer has.
  static func folders(_ instance: StageInstance) -> [String] {
    memberFolders(instance) + instance.linkFolders.map(\.path)
  }

  /// The folders into which an instance publishes the members of outputs.
  private static func memberFolders(_ instance: StageInstance) -> [String] {
    instance.publish.filter { rule in instance.outputs.contains { $0.name == rule.output && $0.keyed } }
      .map(\.path)
  }

  private var disk: any FileSystem { store.files }

  // MARK: Replacing

  private mutating func bring(_ place: Place, _ note: (String) -> Void) throws {
    let full = root + "/" + place.path
    if let present = try present(at: place.path) {
      if present.digest == place.artefact.digest {
        if try lacksMode(place) { try disk.setMode(full, to: 0o755) }
        return
      }
      let entry = published[place.path]
      if let entry, entry.digest == present.digest, (try? store.isWhole(present)) == true {
        if entry.run != run { noteReplaced(place.rule, of: entry.run) }
      } else {
        try keep(place.path, note)
      }
    }
    published.note(place.artefact.digest, at: place.path, by: run, with: parameters)
    if let slash = full.lastIndex(of: "/") { try disk.makeFolders(String(full[..<slash])) }
    try store.restore(place.artefact.digest, near: full, executable: place.isExecutable) { copy in
      try exchange(copy, with: full)
    }
  }

  /// Whether a file cannot be executed that should be. (On some file systems all can.)
  private func lacksMode(_ place: Place) throws -> Bool {
    try place.isExecutable && !disk.isExecutable(root + "/" + place.path)
  }

  /// What stands at a path; nil for nothing, or a link that leads nowhere.
  private func present(at path: String) throws -> Artefact? {
    let full = root + "/" + path
    guard try disk.status(full) != nil else { return nil }
    do { return try files.artefact(at: full) } catch let error as Failure {
      throw PipelineError(
        Failure(
          .pipeline, "cannot publish '\(path)': what stands there cannot be kept",
          facts: [("because", error.headline)] + error.facts, hint: "move it away", cause: error))
    }
  }

  /// Puts what stands at a path into the store, all of it and durably, and sees to it that no collection takes it.
  private func keep(_ path: String, _ note: (String) -> Void) throws {
    let publication = store.publication()
    let kept = try publication.add(path: root + "/" + path)
    try publication.commit()
    try store.pin(kept.digest)
    note(
      "\(path) was not as brake had left it; what it held is pinned as \(kept.digest) ('brake unpin' lets it go)"
    )
  }

  /// Puts a copy where something may stand, which is then where the copy was and goes with its folder.
  private func exchange(_ copy: String, with path: String) throws {
    let present = try disk.entry(path)
    if try present == nil || present?.isFolder == false && disk.entry(copy)?.isFolder == false {
      return try disk.rename(copy, to: path)
    }
    if try disk.exchange(copy, with: path) { return }
    // Not every file system has that call.
    let old = copy + ".old"
    defer { disk.removeAll(old) }
    try disk.rename(path, to: old)
    do { try disk.rename(copy, to: path) } catch {
      _ = try? disk.renameIfAbsent(old, to: path)
      throw error
    }
  }

  // MARK: Folders

  /// A file that stands where a folder is needed gives way to it.
  private func makeWay(for rule: String, _ note: (String) -> Void) throws {
    let full = root + "/" + rule
    guard try disk.entry(full) != nil, try disk.status(full)?.isFolder != true else { return }
    if try present(at: rule) != nil && !isOurs(rule) { try keep(rule, note) }
    try disk.remove(full)
    published.forget(rule)
  }

  /// Removes from a folder what brake has put there and the output no longer has.
  private mutating func tidy(_ rule: String, _ strangers: [String], _ note: (String) -> Void) {
    var others: [String] = []
    var hasRemoved = false
    for path in strangers {
      guard let entry = published[path] else {
        others.append(path)
        continue
      }
      if isOurs(path) {
        if entry.run != run { noteReplaced(rule, of: entry.run) }
        disk.removeAll(root + "/" + path)
        hasRemoved = true
      } else {
        note("\(path) stays, although the output no longer has it: somebody has changed it")
      }
      published.forget(path)
    }
    if hasRemoved, !others.isEmpty {
      let list = others.prefix(5).joined(separator: ", ") + (others.count > 5 ? ", …" : "")
      note("\(list) \(others.count == 1 ? "stays" : "stay"): not put there by brake")
    }
  }

  /// What stands in a folder and is no member of the output.
  private func strangers(in rule: String, besides places: [Place]) -> [String] {
    let members = places.lazy.filter { $0.rule == rule }.map { String($0.path.dropFirst(rule.count + 1)) }
    return strangers(in: LinkFolder(path: rule, names: Set(members)))
  }

  private func strangers(in folder: LinkFolder) -> [String] {
    guard let names = try? disk.names(in: root + "/" + folder.path) else { return [] }
    return names.filter { !folder.names.contains($0) }.map { folder.path + "/" + $0 }
  }

  /// Whether what stands at a path is what brake has put there.
  private func isOurs(_ path: String) -> Bool {
    guard let entry = published[path], let present = try? files.artefact(at: root + "/" + path) else {
      return false
    }
    return present.digest == entry.digest
  }

  // MARK: Other parameters

  private mutating func noteReplaced(_ path: String, of run: String) {
    if replaced[run]?.contains(path) != true { replaced[run, default: []].append(path) }
  }

  /// What runs with other parameters had published and this one replaced, a sentence for each such run.
  var replacements: [String] {
    replaced.sorted { $0.key < $1.key }.compactMap { run, paths in
      guard let before = published.parameters(of: run) else { return nil }
      let names = Set(before.keys).union(parameters.keys).filter { before[$0] != parameters[$0] }.sorted()
      if names.isEmpty { return nil }
      func values(_ parameters: [String: JSON]) -> String {
        let shown = names.prefix(3).map { name in
          "\(name)=\((parameters[name].map { $0.string ?? $0.canonical } ?? "none").prefix(40))"
        }
        return shown.joined(separator: " ") + (names.count > 3 ? " …" : "")
      }
      let places =
        paths.prefix(3).joined(separator: ", ") + (paths.count > 3 ? " and \(paths.count - 3) more" : "")
      return
        "\(places) held what a run with \(values(before)) published, and now \(paths.count == 1 ? "holds" : "hold") that of \(values(parameters)); "
        + "to have both, put ${\(names[0])} into publish:"
    }
  }
}
