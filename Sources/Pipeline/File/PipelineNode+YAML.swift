import Yams

extension PipelineNode {
  /// The largest file that is read, in bytes.
  static let largestFile = 16 << 20
  /// The deepest nesting of lists and mappings.
  static let deepest = 64

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
    let start = Position(file: file, line: 1, column: 1)
    try refuseSharing(text, file: file)
    do {
      // Without a resolver's rules: its regular expressions would take most of the time.
      guard let root = try Yams.compose(yaml: text, .basic, .default, .utf8) else {
        throw PipelineError("there is nothing in this file", at: start, hint: "a pipeline has stages:")
      }
      return try PipelineNode(root, file: file, depth: 0, around: start)
    } catch let error as YamlError {
      throw PipelineError(error, in: text, file: file)
    } catch let error as PipelineError {
      throw error
    } catch {
      throw PipelineError("cannot read this file: \(error)", at: start)
    }
  }

  private init(_ node: Yams.Node, file: String, depth: Int, around: Position) throws(PipelineError) {
    let position = node.mark.map { Position(file: file, line: $0.line, column: $0.column) } ?? around
    self.position = position
    guard depth < PipelineNode.deepest else {
      throw PipelineError(
        "lists and mappings are nested more than \(PipelineNode.deepest) deep", at: position)
    }
    switch node {
    case .scalar(let scalar):
      var isPlain = scalar.style == .plain
      switch scalar.tag.description {
      case "": break
      case "tag:yaml.org,2002:str", "!": isPlain = false
      case let tag: throw PipelineNode.unsupported(tag, at: position)
      }
      content = .scalar(scalar.string, isPlain: isPlain)
    case .sequence(let sequence):
      guard ["", "tag:yaml.org,2002:seq"].contains(sequence.tag.description) else {
        throw PipelineNode.unsupported(sequence.tag.description, at: position)
      }
      var elements: [PipelineNode] = []
      elements.reserveCapacity(sequence.count)
      for element in sequence {
        elements.append(try PipelineNode(element, file: file, depth: depth + 1, around: position))
      }
      content = .list(elements)
    case .mapping(let mapping):
      guard ["", "tag:yaml.org,2002:map"].contains(mapping.tag.description) else {
        throw PipelineNode.unsupported(mapping.tag.description, at: position)
      }
      content = .mapping(try PipelineNode.entries(mapping, file: file, depth: depth, around: position))
    case .alias:
      throw PipelineError(
        "aliases are not supported", at: position, hint: "use params: for what is used twice")
    }
  }

  private static func entries(
    _ mapping: Yams.Node.Mapping, file: String, depth: Int, around: Position
  ) throws(PipelineError) -> [Entry] {
    var entries: [Entry] = []
    var names: Set<String> = []
    for (key, value) in mapping {
      let position = key.mark.map { Position(file: file, line: $0.line, column: $0.column) } ?? around
      guard case .scalar(let scalar) = key else {
        throw PipelineError("a name is wanted here, not a list or a mapping", at: position)
      }
      guard names.insert(scalar.string).inserted else { throw duplicate(scalar.string, at: position) }
      let value = try PipelineNode(value, file: file, depth: depth + 1, around: position)
      entries.append(Entry(name: scalar.string, position: position, value: value))
    }
    return entries
  }

  private static func unsupported(_ tag: String, at position: Position) -> PipelineError {
    PipelineError("the tag \(tag) is not supported", at: position, hint: "quotes make a text of a number")
  }

  fileprivate static func duplicate(_ name: String, at position: Position) -> PipelineError {
    PipelineError("'\(name)' stands twice in the same mapping", at: position, hint: "remove one of the two")
  }

  // MARK: Sharing

  /// Refuses anchors, without which there are no aliases and every node stands in the file once, and explicit keys, by
  /// which keys could be as large as the file. (Yams hashes keys at every level.)
  private static func refuseSharing(_ text: String, file: String) throws(PipelineError) {
    let bytes = Array(text.utf8)
    for (index, byte) in bytes.enumerated() where byte == UInt8(ascii: "&") || byte == UInt8(ascii: "?") {
      let next = index + 1 < bytes.count ? bytes[index + 1] : UInt8(ascii: "\n")
      let isAnchor = byte == UInt8(ascii: "&")
      guard isAnchor ? PipelineReader.isNameByte(next) : " \t\r\n[{!?".utf8.contains(next) || next >= 0x80
      else {
        continue
      }
      guard startsToken(index, in: bytes) else { continue }
      throw PipelineError(
        isAnchor ? "anchors are not supported" : "explicit keys ('? ') are not supported",
        at: Position(behind: String(decoding: bytes[..<index], as: UTF8.self), file: file),
        hint: isAnchor ? "use params: for what is used twice" : "write NAME: VALUE")
    }
  }

  /// Whether YAML could take what stands here as the start of a token, which is where a line starts, behind an indicator
  /// and behind a tag. (Line breaks beyond ASCII count as such.)
  private static func startsToken(_ index: Int, in bytes: [UInt8]) -> Bool {
    let isBlank = { (byte: UInt8) in byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
    let isBreak = { (byte: UInt8) in byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") }
    var before = index - 1
    while before >= 0, isBlank(bytes[before]) { before -= 1 }
    if before < 0 || isBreak(bytes[before]) || bytes[before] >= 0x80 { return true }
    if "-:?[{,".utf8.contains(bytes[before]) { return true }
    while before >= 0, !isBlank(bytes[before]), !isBreak(bytes[before]) {
      if bytes[before] == UInt8(ascii: "!") { return true }
      before -= 1
    }
    return false
  }
}

extension Position {
  /// The position behind a text.
  fileprivate init(behind text: some StringProtocol, file: String) {
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    self.init(file: file, line: max(lines.count, 1), column: (lines.last?.unicodeScalars.count ?? 0) + 1)
  }
}

extension PipelineError {
  fileprivate init(_ error: YamlError, in text: String, file: String) {
    // Where the document ends too early, the parser points behind its last line.
    func position(_ mark: Yams.Mark) -> Position {
      let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).count
      if mark.line <= lines { return Position(file: file, line: mark.line, column: mark.column) }
      return Position(behind: text, file: file)
    }
    switch error {
    case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
      .composer(let context, let problem, let mark, _):
      self.init(
        "this is not YAML: \(problem)", at: position(mark),
        hint: problem.contains("expected ',' or")
          ? "a text that holds [ ] { } or , needs quotes inside brackets"
          : context.map { "\($0.text) that starts in line \($0.mark.line)" })
    case .duplicatedKeysInMapping(let duplicates, let context):
      self = PipelineNode.duplicate(duplicates.first ?? "", at: position(context.mark))
    case .reader(let problem, let offset, _, _):
      let index =
        text.index(text.startIndex, offsetBy: offset ?? 0, limitedBy: text.endIndex) ?? text.endIndex
      self.init("this is not YAML: \(problem)", at: Position(behind: text[..<index], file: file))
    default:
      self.init("cannot read this file: \(error)", at: Position(file: file, line: 1, column: 1))
    }
  }
}
