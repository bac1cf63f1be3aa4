/// Refuses plans in which what is published would fall upon something else.
struct PublishCheck {
  private struct Claim {
    let instance: String
    let position: Position
  }

  func check(_ instances: [StageInstance]) throws(PipelineError) {
    var claims: [String: Claim] = [:]
    for instance in instances {
      for rule in instance.publish {
        let claim = Claim(instance: instance.name, position: instance.position)
        if let other = claims.updateValue(claim, forKey: rule.path) {
          throw clash(rule.path, claim, other)
        }
      }
    }
    if claims.isEmpty { return }

    var folders: [String: String] = [:]
    for instance in instances {
      for rule in instance.publish {
        for folder in PublishCheck.folders(above: rule.path) {
          if let other = claims[folder] {
            let claim = Claim(instance: instance.name, position: instance.position)
            throw clash(rule.path, claim, other, inside: folder)
          }
          if folders[folder] == nil { folders[folder] = rule.path }
        }
      }
    }
    for instance in instances {
      for input in instance.inputs {
        for file in PublishCheck.files(input.source) {
          try check(file, input, of: instance, claims, folders)
        }
      }
    }
  }

  /// A source that the run itself writes would be out of date after every run.
  private func check(
    _ file: String, _ input: StageInstance.Input, of instance: StageInstance, _ claims: [String: Claim],
    _ folders: [String: String]
  ) throws(PipelineError) {
    guard let path = PublishCheck.normal(file) else { return }
    let published = claims[path] != nil ? path : folders[path]
    let above = PublishCheck.folders(above: path).first { claims[$0] != nil }
    guard let published = published ?? above, let claim = claims[published] else { return }
    throw PipelineError(
      "the input '\(input.name)' reads '\(file)', into which '\(claim.instance)' publishes",
      at: instance.position,
      facts: [("stage", instance.name), ("published", published)],
      hint: "read from the stage instead: in: { \(input.name): \(claim.instance) }")
  }

  private func clash(_ path: String, _ claim: Claim, _ other: Claim, inside folder: String? = nil)
    -> PipelineError
  {
    PipelineError(
      folder.map { "'\(path)' is to be published inside '\($0)', which is published itself" }
        ?? "'\(path)' is published twice", at: claim.position,
      facts: [("by", claim.instance), ("and by", other.instance)],
      hint: "put what tells them apart into the path, such as ${NAME}, or publish into a folder 'NAME/'")
  }

  private static func files(_ source: InputSource) -> [String] {
    switch source {
    case .file(let path): [path]
    case .collection(let members): members.flatMap { files($0.source) }
    case .artefact, .output, .members: []
    }
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

  /// `a/b/c`: the root, `a`, `a/b`.
  private static func folders(above path: String) -> [String] {
    [""] + path.utf8.indices.filter { path.utf8[$0] == UInt8(ascii: "/") }.map { String(path[..<$0]) }
  }
}
