import Actions

extension PipelineNode {
  /// The largest file that is read, in bytes.
  static let largestFile = 16 << 20
  /// The deepest nesting of lists and mappings.
  static let deepest = 64
  /// The most values in a file: what is short as text, such as an empty one, takes memory all the same.
  static let most = 4_000_000

  /// Reads one YAML document.
  ///
  /// Anchors and explicit (`? `) keys are refused, and so is all that could make a small file large or slow: parameters do
  /// what anchors would be wanted for, and names are the only keys here.
  ///
  /// - Parameter file: what messages call the text.
  static func read(_ text: String, file: String) throws(PipelineError) -> PipelineNode {
    guard text.utf8.count <= largestFile else {
      throw PipelineError("\(file) has \(text.utf8.count) bytes; a pipeline file has at most \(largestFile)")
    }
    var text = text
    return try text.withUTF8 { bytes in
      Result { () throws(PipelineError) in
        var composer = YAMLComposer(YAMLEvents(bytes, file: file))
        return try composer.document()
      }
    }.get()
  }
}

/// Makes nodes of the events of a file.
private struct YAMLComposer: ~Copyable {
  private var events: YAMLEvents
  private var nodes = 0

  init(_ events: consuming YAMLEvents) { self.events = events }

  mutating func document() throws(PipelineError) -> PipelineNode {
    let start = events.position
    guard try events.next() != .endOfStream else {
      throw PipelineError("there is nothing in this file", at: start, hint: "a pipeline has stages:")
    }
    let kind = try events.next()
    let root = try node(kind, depth: 0)
    guard try events.next() == .endOfStream else {
      throw PipelineError(
        "another document starts here", at: events.position,
        hint: "a pipeline is one document: remove the ---")
    }
    return root
  }

  /// The node that begins with the event that was read last.
  private mutating func node(_ kind: YAMLEvents.Kind, depth: Int) throws(PipelineError) -> PipelineNode {
    let position = events.position
    nodes += 1
    guard nodes <= PipelineNode.most else {
      throw PipelineError("a pipeline file has at most \(PipelineNode.most) values", at: position)
    }
    guard depth < PipelineNode.deepest else {
      throw PipelineError(
        "lists and mappings are nested more than \(PipelineNode.deepest) deep", at: position)
    }
    try refuseAnchor(of: kind, at: position)
    switch kind {
    case .list:
      try refuseTag(but: "tag:yaml.org,2002:seq", at: position)
      return PipelineNode(content: .list(try elements(depth)), position: position)
    case .mapping:
      try refuseTag(but: "tag:yaml.org,2002:map", at: position)
      return PipelineNode(content: .mapping(try entries(depth)), position: position)
    default:
      let isTagged = events.tag != nil
      try refuseTag(but: "tag:yaml.org,2002:str", "!", at: position)
      let content = PipelineNode.Content.scalar(events.text, isPlain: events.isPlain && !isTagged)
      return PipelineNode(content: content, position: position)
    }
  }

  private mutating func elements(_ depth: Int) throws(PipelineError) -> [PipelineNode] {
    var elements: [PipelineNode] = []
    while true {
      let kind = try events.next()
      if kind == .end { return elements }
      elements.append(try node(kind, depth: depth + 1))
    }
  }

  private mutating func entries(_ depth: Int) throws(PipelineError) -> [PipelineNode.Entry] {
    var entries: [PipelineNode.Entry] = []
    var lines: [String: Int] = [:]
    while true {
      let before = events.end
      let kind = try events.next()
      if kind == .end { return entries }
      let position = events.position
      if let mark = events.explicitKey(after: before) {
        throw PipelineError("explicit keys ('? ') are not supported", at: mark, hint: "write NAME: VALUE")
      }
      try refuseAnchor(of: kind, at: position)
      guard kind == .scalar else {
        throw PipelineError("a name is wanted here, not a list or a mapping", at: position)
      }
      try refuseTag(but: "tag:yaml.org,2002:str", "!", at: position)
      let name = events.text
      if let line = lines.updateValue(position.line, forKey: name) {
        throw PipelineError(
          "'\(name)' stands twice in the same mapping", at: position,
          hint: "it stands in line \(line) too: remove one of the two")
      }
      let value = try node(try events.next(), depth: depth + 1)
      entries.append(PipelineNode.Entry(name: name, position: position, value: value))
    }
  }

  private func refuseAnchor(of kind: YAMLEvents.Kind, at position: Position) throws(PipelineError) {
    guard kind == .alias || events.hasAnchor else { return }
    throw PipelineError(
      "\(kind == .alias ? "aliases" : "anchors") are not supported", at: position,
      hint: "use params: for what is used twice")
  }

  private func refuseTag(but allowed: String..., at position: Position) throws(PipelineError) {
    guard let tag = events.tag, !allowed.contains(tag) else { return }
    throw PipelineError(
      "the tag \(tag) is not supported", at: position, hint: "quotes make a text of a number")
  }
}
