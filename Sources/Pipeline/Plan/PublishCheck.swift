import Actions

/// Refuses plans in which what is published would fall upon something else.
struct PublishCheck {
  private let instances: [StageInstance]
  /// Of each path, the number of the instance that publishes there.
  private var claims: [String: Int] = [:]
  /// Of each folder above one, such a path.
  private var folders: [String: String] = [:]

  init(_ instances: [StageInstance]) { self.instances = instances }

  mutating func check() throws(PipelineError) {
    for (number, instance) in instances.enumerated() {
      for rule in instance.publish {
        if let other = claims.updateValue(number, forKey: rule.path) {
          throw clash(rule.path, instance, instances[other])
        }
      }
    }
    if claims.isEmpty { return }
    for instance in instances {
      for rule in instance.publish { try checkFolders(above: rule.path, of: instance) }
    }
    var checked: Set<String> = []
    for instance in instances {
      for input in instance.inputs { try check(input.source, input, of: instance, &checked) }
    }
  }

  /// Nothing is published inside something that is published.
  private mutating func checkFolders(above path: String, of instance: StageInstance) throws(PipelineError) {
    var folder = path
    repeat {
      folder = PublishCheck.folder(of: folder)
      // What stands above that one has been looked at, too.
      if folders[folder] != nil { return }
      if let other = claims[folder] { throw clash(path, instance, instances[other], inside: folder) }
      folders[folder] = path
    } while !folder.isEmpty
  }

  /// A source that the run itself writes would be out of date after every run.
  private func check(
    _ source: InputSource, _ input: StageInstance.Input, of instance: StageInstance,
    _ checked: inout Set<String>
  ) throws(PipelineError) {
    switch source {
    case .file(let file):
      if checked.insert(file).inserted { try check(file, input, of: instance) }
    case .collection(let members):
      for member in members { try check(member.source, input, of: instance, &checked) }
    case .artefact, .output, .members: break
    }
  }

  private func check(
    _ file: String, _ input: StageInstance.Input, of instance: StageInstance
  ) throws(PipelineError) {
    guard let path = PublishCheck.normal(file) else { return }
    var published = claims[path] != nil ? path : folders[path]
    var folder = path
    while published == nil, !folder.isEmpty {
      folder = PublishCheck.folder(of: folder)
      if claims[folder] != nil { published = folder }
    }
    guard let published, let claim = claims[published] else { return }
    throw PipelineError(
      "the input '\(input.name)' reads '\(file)', into which '\(instances[claim].name)' publishes",
      at: instance.position,
      facts: [("stage", instance.name), ("published", published)],
      hint: "read from the stage instead: in: { \(input.name): \(instances[claim].name) }")
  }

  private func clash(
    _ path: String, _ instance: StageInstance, _ other: StageInstance, inside folder: String? = nil
  ) -> PipelineError {
    PipelineError(
      folder.map { "'\(path)' is to be published inside '\($0)', which is published itself" }
        ?? "'\(path)' is published twice", at: instance.position,
      facts: [("by", instance.name), ("and by", other.name)],
      hint: "put what tells them apart into the path, such as ${NAME}, or publish into a folder 'NAME/'")
  }

  /// A path without `.` and `..`; nil if it is absolute or leads outside. The root itself is empty.
  private static func normal(_ path: String) -> String? {
    if path.hasPrefix("/") { return nil }
    var parts: [Substring] = []
    for part in path.split(separator: "/") where part != "." {
      if part == ".." {
        if parts.popLast() == nil { return nil }
      } else {
        parts.append(part)
      }
    }
    return parts.joined(separator: "/")
  }

  /// What a path stands in; the root is empty.
  private static func folder(of path: String) -> String {
    path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[..<$0]) } ?? ""
  }
}
