import Actions
import Artefacts
import Pipeline
import System

/// Refuses plans that would publish over something that is not theirs to replace: the store, the pipeline, git's folder,
/// a source, or whatever a link leads to outside the workspace. `PublishCheck` compares paths as they are written; this looks at
/// where they lead.
struct PublishPlaces {
  private let root: String
  private let store: String
  /// The pipeline and what it includes.
  private let pipelines: [String]
  private let files: any FileSystem
  private var folders: [String: String] = [:]
  /// The store, the pipelines and all folders above them.
  private let guarded: Set<String>
  /// Folders of which nothing speaks against publishing into them.
  private var open: Set<String> = []

  /// - Parameter pipelines: the paths of their files.
  init(root: String, store: Store, pipelines: [String]) {
    let files = store.files
    self.root = root
    self.files = files
    self.store = PublishPlaces.real(store.root, files)
    self.pipelines = pipelines.map { PublishPlaces.real($0, files) }
    let kept = self.pipelines + [self.store]
    guarded = Set(kept + kept.flatMap(PublishPlaces.folders))
  }

  mutating func check(_ instances: [StageInstance]) throws(PipelineError) {
    if instances.allSatisfy(\.publish.isEmpty) { return }
    let top = PublishPlaces.real(root, files)
    var places: [String: Claim] = [:]
    for (number, instance) in instances.enumerated() {
      for rule in instance.publish {
        let isKeyed = instance.outputs.contains { $0.name == rule.output && $0.keyed }
        // A link at the place itself is replaced, not followed, unless it stands for a folder that gets members.
        let place = isKeyed ? real(folder: rule.path) : real(rule.path)
        try check(place, rule.path, instance, inside: top)
        let claim = Claim(instance: number, path: rule.path)
        if let other = places.updateValue(claim, forKey: place), other.path != rule.path {
          throw PipelineError(
            "'\(rule.path)' and '\(other.path)' lead to one place, and both are published",
            at: instance.position,
            facts: [("leads to", place), ("by", instance.name), ("and by", instances[other.instance].name)],
            hint: "publish into folders of which none is a link to the other")
        }
      }
    }
    let above = Set(
      Set(places.keys.map(PublishPlaces.folder)).flatMap { PublishPlaces.folders(above: $0) + [$0] })
    var seen: Set<String> = []
    for instance in instances {
      for input in instance.inputs {
        try PublishPlaces.forEachFile(of: input.source) { (name) throws(PipelineError) in
          guard seen.insert(name).inserted, let claim = self.claim(on: name, places, above) else { return }
          let publisher = instances[claim.instance].name
          throw PipelineError(
            "the input '\(input.name)' reads '\(name)', into which '\(publisher)' publishes",
            at: instance.position, facts: [("stage", instance.name), ("published", claim.path)],
            hint: "read from the stage instead: in: { \(input.name): \(publisher) }")
        }
      }
    }
  }

  /// What is published at a place.
  private struct Claim {
    /// Its number.
    let instance: Int
    let path: String
  }

  private mutating func check(
    _ place: String, _ path: String, _ instance: StageInstance, inside top: String
  ) throws(PipelineError) {
    let folder = PublishPlaces.folder(above: place)
    let isGit = place.utf8.count - folder.utf8.count == 5 && place.hasSuffix("/.git")
    if open.contains(folder), !guarded.contains(place), !isGit, !holdsGit(place) { return }
    func refuse(_ reason: String, _ hint: String) -> PipelineError {
      PipelineError(
        "'\(path)' cannot be published: \(reason)", at: instance.position,
        facts: [("stage", instance.name), ("leads to", place)], hint: hint)
    }
    guard PublishPlaces.isInside(place, top), place != top else {
      throw refuse(
        "a link leads out of the pipeline's folder",
        "publish into a folder of the workspace, and let the link lead there")
    }
    if PublishPlaces.isInside(place, store) || PublishPlaces.isInside(store, place) {
      throw refuse(
        PublishPlaces.isInside(store, place) ? "the store is there" : "it lies inside the store",
        "publish somewhere else, such as results/")
    }
    if pipelines.contains(where: { PublishPlaces.isInside($0, place) }) {
      throw refuse("the pipeline itself is there", "publish somewhere else, such as results/")
    }
    if place.dropFirst(top.count).split(separator: "/").contains(".git")
      || holdsGit(place)
    {
      throw refuse("it is a folder of git's", "publish somewhere else, such as results/")
    }
    open.insert(folder)
  }

  private func holdsGit(_ folder: String) -> Bool { (try? files.status(folder + "/.git")) != nil }

  /// What is published over a source, which would be lost, or out of date after every run.
  private mutating func claim(on name: String, _ places: [String: Claim], _ above: Set<String>) -> Claim? {
    let file = real(folder: name)
    if let claim = places[file] { return claim }
    if above.contains(file) { return places.first { PublishPlaces.isInside($0.key, file) }?.value }
    var folder = PublishPlaces.folder(above: file)
    while !folder.isEmpty {
      if let claim = places[folder] { return claim }
      folder = PublishPlaces.folder(above: folder)
    }
    return nil
  }

  private static func forEachFile(
    of source: InputSource, _ body: (String) throws(PipelineError) -> Void
  ) throws(PipelineError) {
    switch source {
    case .collection(let members):
      for member in members { try forEachFile(of: member.source, body) }
    case .file(let name): try body(name)
    case .artefact, .output, .members: break
    }
  }

  // MARK: Where paths lead

  /// Where a path leads, links in its folders followed; it need not be there.
  private mutating func real(_ path: String) -> String {
    let full = path.hasPrefix("/") ? path : root + "/" + path
    guard let slash = full.lastIndex(of: "/") else { return full }
    let folder = slash == full.startIndex ? "/" : String(full[..<slash])
    let name = full[full.index(after: slash)...]
    if name == "." || name == ".." || name.isEmpty { return PublishPlaces.real(full, files) }
    let real = folders[folder] ?? PublishPlaces.real(folder, files)
    folders[folder] = real
    return (real == "/" ? "" : real) + "/" + name
  }

  /// The same, the last link followed too.
  private mutating func real(folder path: String) -> String {
    let place = real(path)
    return (try? files.entry(place))?.isLink == true ? PublishPlaces.real(place, files) : place
  }

  private static func real(_ path: String, _ files: any FileSystem, links: Int = 0) -> String {
    if let real = try? files.realPath(path) { return real }
    // What is not there yet will be made where its folder is, or where a link says.
    let trimmed = path.hasSuffix("/") ? String(path.dropLast()) : path
    guard let slash = trimmed.lastIndex(of: "/") else {
      return path.isEmpty || path == "." ? path : real("./" + trimmed, files, links: links)
    }
    if slash == trimmed.startIndex { return trimmed }
    let folder = real(String(trimmed[..<slash]), files, links: links)
    if links < 40, let target = try? files.target(ofLink: trimmed) {
      return real(target.hasPrefix("/") ? target : folder + "/" + target, files, links: links + 1)
    }
    return folder + trimmed[slash...]
  }

  private static func isInside(_ path: String, _ folder: String) -> Bool {
    path == folder || path.hasPrefix(folder == "/" ? "/" : folder + "/")
  }

  /// Of `/a/b/c`, `/a/b`.
  private static func folder(above path: String) -> String {
    path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[..<$0]) } ?? ""
  }

  /// `/a/b/c`: `/a`, `/a/b`.
  private static func folders(above path: String) -> [String] {
    path.utf8.indices.dropFirst().filter { path.utf8[$0] == UInt8(ascii: "/") }.map { String(path[..<$0]) }
  }
}
