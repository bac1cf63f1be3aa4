import Actions

/// Reads a pipeline file and the files that it includes.
struct PipelineLoader {
  /// The longest chain of files of which each includes the next.
  static let deepest = 16
  /// Counting a file as often as it is included.
  static let mostFiles = 256
  static let mostBytes = 64 << 20

  let faults: Faults
  /// The text of an included file.
  private let read: (String) throws -> String
  private var files = 0
  private var bytes = 0

  init(faults: Faults, read: @escaping (String) throws -> String) {
    self.faults = faults
    self.read = read
  }

  /// - Parameter chain: the files that lead here, each including the next.
  mutating func file(
    _ text: String, path: String, chain: [String] = []
  ) throws(PipelineError) -> PipelineFile {
    let reader = try PipelineReader(PipelineNode.read(text, file: path), faults: faults)
    var includes: [PipelineInclude] = []
    for declaration in try reader.includes() {
      do {
        includes.append(
          PipelineInclude(declaration: declaration, file: try include(declaration, from: chain + [path])))
      } catch {
        try faults.take(error)
      }
    }
    let file = PipelineFile(
      path: path, parameterEntries: reader.parameters, includes: includes,
      stages: try reader.stages(isNeeded: includes.isEmpty), defaults: try reader.defaults())
    try checkNames(of: file)
    return file
  }

  private mutating func include(
    _ declaration: IncludeDeclaration, from chain: [String]
  ) throws(PipelineError) -> PipelineFile {
    func refuse(_ headline: String, hint: String? = nil) -> PipelineError {
      PipelineError(headline, at: declaration.position, hint: hint)
    }
    let path = PipelineLoader.path(declaration.file, from: chain[chain.count - 1])
    if path.isEmpty {
      throw refuse(
        "cannot include '\(declaration.file.excerpt)': it is the folder of the pipeline itself",
        hint: "name a pipeline file in it, such as stages.yaml")
    }
    if let start = chain.firstIndex(of: path) {
      throw refuse(
        "files include each other: \((chain[start...] + [path]).joined(separator: " -> "))",
        hint: "one of them must not")
    }
    guard chain.count < PipelineLoader.deepest else {
      throw refuse("files include each other more than \(PipelineLoader.deepest) deep")
    }
    files += 1
    guard files <= PipelineLoader.mostFiles else {
      throw refuse("more than \(PipelineLoader.mostFiles) files are included")
    }
    let text: String
    do {
      text = try read(path)
    } catch {
      let error = PipelineError(wrapping: error)
      throw PipelineError(
        error.headline, at: declaration.position, facts: error.facts,
        hint: error.hint ?? "file: is relative to the folder of the file that includes it")
    }
    bytes += text.utf8.count
    guard bytes <= PipelineLoader.mostBytes else {
      throw refuse("the included files have more than \(PipelineLoader.mostBytes) bytes")
    }
    return try file(text, path: path, chain: chain)
  }

  /// No two stages may have one name.
  private func checkNames(of file: PipelineFile) throws(PipelineError) {
    if file.includes.isEmpty { return }
    var places: [String: Position] = [:]
    for stage in file.stages { places[stage.name] = stage.position }
    for include in file.includes {
      for (name, position) in include.file.namedStages {
        let name = include.declaration.prefix + name
        if name.utf8.count > PipelineReader.longestName {
          try faults.take(
            PipelineError(
              "the name '\(name.excerpt)' has more than \(PipelineReader.longestName) bytes",
              at: include.declaration.position, hint: "take a shorter prefix:"))
        }
        guard let other = places.updateValue(position, forKey: name) else { continue }
        try faults.take(
          PipelineError(
            "two stages are called '\(name)'", at: include.declaration.position,
            facts: [("one", "\(other)"), ("other", "\(position)")],
            hint: "give the included ones a prefix: of their own"))
      }
    }
  }

  /// Where a file stands that another one names: relative to that one's folder.
  static func path(_ file: String, from including: String) -> String {
    let folder = including.lastIndex(of: "/").map { including[...$0] } ?? ""
    let text = file.hasPrefix("/") ? file : folder + file
    var parts: [Substring] = []
    for part in text.split(separator: "/") where part != "." {
      if part == "..", let last = parts.last, last != ".." {
        parts.removeLast()
      } else if part != ".." || !text.hasPrefix("/") {
        parts.append(part)
      }
    }
    return (text.hasPrefix("/") ? "/" : "") + parts.joined(separator: "/")
  }
}
