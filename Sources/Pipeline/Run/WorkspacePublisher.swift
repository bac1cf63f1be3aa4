import Artefacts
import Glibc

/// Puts published outputs into the workspace, and leaves alone what is right there already.
struct WorkspacePublisher {
  let root: String
  let store: Store
  let files: StatCache
  /// What was asked for, relative to the root, in the order of publishing.
  private(set) var paths: [String] = []
  private var known: Set<String> = []

  init(root: String, store: Store, files: StatCache) {
    self.root = root
    self.store = store
    self.files = files
  }

  /// - Parameter note: told of every file that somebody had changed: its content is put into the store before it is
  ///   replaced.
  mutating func publish(
    _ instance: StageInstance, _ outputs: [Record.Output], note: (String) -> Void
  ) throws {
    for place in WorkspacePublisher.places(instance, outputs) {
      try bring(place.artefact, to: place.path, note)
      if known.insert(place.rule).inserted { paths.append(place.rule) }
    }
  }

  /// Whether all that an instance publishes stands in the workspace as it should.
  func isPublished(_ instance: StageInstance, _ outputs: [Record.Output]) -> Bool {
    WorkspacePublisher.places(instance, outputs).allSatisfy {
      (try? files.artefact(at: root + "/" + $0.path))?.digest == $0.artefact.digest
    }
  }

  struct Place {
    let rule: String
    let path: String
    let artefact: Artefact
  }

  /// Everything that an instance publishes.
  static func places(_ instance: StageInstance, _ outputs: [Record.Output]) -> [Place] {
    instance.publish.flatMap { rule in
      let type = instance.outputs.first { $0.name == rule.output }?.file ?? ""
      return outputs.filter { $0.name == rule.output }.map { output in
        let member = output.key.map { "/" + $0 + (type.hasSuffix("/") ? "" : type) } ?? ""
        return Place(rule: rule.path, path: rule.path + member, artefact: output.artefact)
      }
    }
  }

  private func bring(_ artefact: Artefact, to path: String, _ note: (String) -> Void) throws {
    let full = root + "/" + path
    if try fileType(full) != nil {
      let present = try files.artefact(at: full)
      if present.digest == artefact.digest { return }
      if try !store.contains(present.digest) {
        let publication = store.publication()
        let kept = try publication.add(path: full)
        try publication.commit()
        note("\(path) had been changed by hand; what it held is kept as \(kept.digest)")
      }
    }
    if let slash = full.lastIndex(of: "/") { try makeFolders(String(full[..<slash])) }
    // What stood there goes only once its successor is complete.
    let next = full + ".brake-\(getpid())"
    try store.restore(artefact.digest, to: next)
    if try fileType(full) == .folder { removeAll(full) }
    guard rename(next, full) == 0 else {
      let error = PipelineError(system: "publish", path)
      removeAll(next)
      throw error
    }
  }
}
