import Actions

internal import CYAML

/// What libyaml finds in a text, one thing after the other.
struct YAMLEvents: ~Copyable {
  enum Kind {
    case document, scalar, list, mapping, alias
    /// Of a list or a mapping.
    case end
    case endOfStream
  }

  private let bytes: UnsafeBufferPointer<UInt8>
  private let file: String
  /// It holds its own address.
  private let parser: UnsafeMutablePointer<yaml_parser_t>
  private var event = yaml_event_t()
  /// A character and the byte that it starts at, somewhere before the last event.
  private var place = (index: 0, offset: 0)
  private let hasQuestionMark: Bool

  /// - Parameters:
  ///   - bytes: UTF-8, which has to live as long as this.
  ///   - file: what messages call the text.
  init(_ bytes: UnsafeBufferPointer<UInt8>, file: String) {
    let isMarked = bytes.starts(with: [0xEF, 0xBB, 0xBF])
    self.bytes = isMarked ? UnsafeBufferPointer(rebasing: bytes[3...]) : bytes
    self.file = file
    hasQuestionMark = bytes.contains(UInt8(ascii: "?"))
    parser = .allocate(capacity: 1)
    precondition(yaml_parser_initialize(parser) == 1, "there is not enough memory to read YAML")
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    yaml_parser_set_input_string(parser, self.bytes.baseAddress, self.bytes.count)
  }

  deinit {
    var event = event
    yaml_event_delete(&event)
    yaml_parser_delete(parser)
    parser.deallocate()
  }

  /// Reads the next event. The ends of documents are passed over.
  mutating func next() throws(PipelineError) -> Kind {
    while true {
      yaml_event_delete(&event)
      guard yaml_parser_parse(parser, &event) == 1 else { throw failure }
      switch event.type {
      case YAML_DOCUMENT_START_EVENT: return .document
      case YAML_SCALAR_EVENT: return .scalar
      case YAML_SEQUENCE_START_EVENT: return .list
      case YAML_MAPPING_START_EVENT: return .mapping
      case YAML_ALIAS_EVENT: return .alias
      case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: return .end
      case YAML_STREAM_END_EVENT, YAML_NO_EVENT: return .endOfStream
      default: continue
      }
    }
  }

  // MARK: The last event

  /// Where it starts.
  var position: Position { position(event.start_mark) }

  /// How many characters of the text are behind its end.
  var end: Int { event.end_mark.index }

  /// Of a scalar.
  var text: String {
    let scalar = event.data.scalar
    return String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
  }

  /// Whether a scalar stands there without quotes.
  var isPlain: Bool { event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE }

  var tag: String? {
    let tag =
      switch event.type {
      case YAML_SCALAR_EVENT: event.data.scalar.tag
      case YAML_SEQUENCE_START_EVENT: event.data.sequence_start.tag
      default: event.data.mapping_start.tag
      }
    return tag.map { String(cString: $0) }
  }

  var hasAnchor: Bool {
    switch event.type {
    case YAML_SCALAR_EVENT: event.data.scalar.anchor != nil
    case YAML_SEQUENCE_START_EVENT: event.data.sequence_start.anchor != nil
    case YAML_MAPPING_START_EVENT: event.data.mapping_start.anchor != nil
    default: false
    }
  }

  /// The `?` before the last event, which makes it an explicit key. Of it there is no event: but behind the event before
  /// stands nothing that could hold another question mark, except comments.
  mutating func explicitKey(after end: Int) -> Position? {
    guard hasQuestionMark else { return nil }
    advance(to: end)
    var offset = place.offset
    var index = end
    var isComment = false
    while index < event.start_mark.index, offset < bytes.count {
      switch bytes[offset] {
      case UInt8(ascii: "#"): isComment = true
      case UInt8(ascii: "\n"), UInt8(ascii: "\r"): isComment = false
      case UInt8(ascii: "?") where !isComment: return position(ofByte: offset)
      default: break
      }
      offset += 1
      if offset < bytes.count, !isContinuation(bytes[offset]) { index += 1 }
    }
    return nil
  }

  private mutating func advance(to index: Int) {
    while place.index < index, place.offset < bytes.count {
      place.offset += 1
      if place.offset == bytes.count || !isContinuation(bytes[place.offset]) { place.index += 1 }
    }
  }

  private func isContinuation(_ byte: UInt8) -> Bool { byte & 0xC0 == 0x80 }

  // MARK: Positions and failures

  private func position(_ mark: yaml_mark_t) -> Position {
    Position(file: file, line: mark.line + 1, column: mark.column + 1)
  }

  /// What libyaml calls lines: they end with a line feed, a carriage return or both, or one of Unicode's separators.
  private func position(ofByte offset: Int) -> Position {
    var line = 1
    var column = 1
    var rest = String(decoding: bytes[..<min(offset, bytes.count)], as: UTF8.self).unicodeScalars[...]
    while let scalar = rest.popFirst() {
      switch scalar {
      case "\r" where rest.first == "\n": column += 1
      case "\n", "\r", "\u{85}", "\u{2028}", "\u{2029}": (line, column) = (line + 1, 1)
      default: column += 1
      }
    }
    return Position(file: file, line: line, column: column)
  }

  private var failure: PipelineError {
    guard let text = parser.pointee.problem, parser.pointee.error != YAML_MEMORY_ERROR else {
      return PipelineError("there is not enough memory to read \(file)")
    }
    let problem = String(cString: text)
    if parser.pointee.error == YAML_READER_ERROR {
      return PipelineError(
        "this is not YAML: \(problem)", at: position(ofByte: parser.pointee.problem_offset))
    }
    // Where the document ends too early, the parser points behind its last line.
    var place = position(parser.pointee.problem_mark)
    let last = position(ofByte: bytes.count)
    if place.line > last.line { place = last }
    let context = parser.pointee.context.map { String(cString: $0) }
    return PipelineError(
      "this is not YAML: \(problem)", at: place,
      hint: problem.contains("expected ',' or")
        ? "a text that holds [ ] { } or , needs quotes inside brackets"
        : context.map { "\($0) that starts in line \(parser.pointee.context_mark.line + 1)" })
  }
}
