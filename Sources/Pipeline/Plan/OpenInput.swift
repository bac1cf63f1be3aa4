import Actions

/// An input of a stage, read once for all its instances as far as it does not depend on them.
struct OpenInput {
  enum Content {
    case sources([OpenSource], isList: Bool)
    /// A variable's value, which may be a list.
    case value(OpenValue)
  }

  let name: String
  let position: Position
  let content: Content

  init(
    _ entry: PipelineNode.Entry, _ names: StageNames, _ namespace: Namespace
  ) throws(PipelineError) {
    name = entry.name
    position = entry.value.position
    let value = try OpenValue(entry.value, names)
    switch value.content {
    case .fixed(let node):
      content = .sources((node.list ?? [node]).map { .fixed($0) }, isList: node.list != nil)
    case .sole, .mapping: content = .value(value)
    case .text: content = .sources([OpenSource(value)], isList: false)
    case .list(let elements): content = .sources(elements.map { OpenSource($0) }, isList: true)
    }
  }

  var values: [OpenSource] {
    switch content {
    case .sources(let sources, _): sources
    case .value(let value): [.open(value)]
    }
  }
}

/// A source of an input before its variables have values.
enum OpenSource {
  case fixed(PipelineNode)
  /// One that names a stage in so many words, and has variables in its keys alone.
  case reference(ReferencePattern, OpenValue)
  case open(OpenValue)

  init(_ value: OpenValue) {
    if let node = value.fixed {
      self = .fixed(node)
    } else if let pattern = ReferencePattern(value) {
      self = .reference(pattern, value)
    } else {
      self = .open(value)
    }
  }
}

/// A reference such as `train[${size}].checkpoints[${step}]`.
struct ReferencePattern {
  typealias Key = [OpenValue.Part]

  /// With other keys.
  let shape: Reference
  let position: Position
  /// Nil of all instances; of several, nil leaves a key open.
  private let keys: [Key?]?
  private let member: Key?

  var stage: String { shape.stage }

  /// Nil if variables stand elsewhere than in keys, or have columns there, which can hold what separates keys.
  init?(_ value: OpenValue) {
    guard let parts = value.parts else { return nil }
    var text = ""
    var slots: [Slot] = []
    for part in parts {
      switch part {
      case .text(let literal):
        if literal.unicodeScalars.contains(where: { ReferencePattern.number($0) != nil }) { return nil }
        text += literal
      case .slot(let slot):
        guard slot.column == nil else { return nil }
        text.unicodeScalars.append(ReferencePattern.mark(slots.count))
        slots.append(slot)
      }
    }
    guard slots.count <= ReferencePattern.mostSlots, let reference = Reference(text) else { return nil }
    func key(_ text: String) -> Key { ReferencePattern.key(text, slots) }
    func isFixed(_ text: String) -> Bool {
      !text.unicodeScalars.contains { ReferencePattern.number($0) != nil }
    }
    guard isFixed(reference.stage), reference.output.map(isFixed) ?? true else { return nil }
    shape = reference
    position = value.position
    member = reference.member.map(key)
    switch reference.instances {
    case .all: keys = nil
    case .one(let names): keys = names.map(key)
    case .matching(let names): keys = names.map { $0.map(key) }
    }
  }

  /// The reference of one instance.
  func reference(_ bindings: [Binding]) -> Reference {
    var instances = Reference.Instances.all
    if let keys {
      let names = keys.map { $0.map { text($0, bindings) } }
      let known = names.compactMap { $0 }
      instances = known.count == names.count ? .one(known) : .matching(names)
    }
    return Reference(
      stage: stage, instances: instances, output: shape.output, member: member.map { text($0, bindings) })
  }

  private func text(_ key: Key, _ bindings: [Binding]) -> String {
    if key.count == 1, case .slot(let slot) = key[0] { return bindings[slot.variable].key }
    var text = ""
    for part in key {
      switch part {
      case .text(let literal): text += literal
      case .slot(let slot): text += bindings[slot.variable].key
      }
    }
    return text
  }

  // MARK: Marks

  // While the text is read, a character for private use stands for each variable.

  private static let mostSlots = 1000

  private static func mark(_ number: Int) -> Unicode.Scalar { Unicode.Scalar(0xF0000 + UInt32(number))! }

  private static func number(_ mark: Unicode.Scalar) -> Int? {
    let number = Int(mark.value) - 0xF0000
    return 0..<mostSlots ~= number ? number : nil
  }

  private static func key(_ text: String, _ slots: [Slot]) -> Key {
    var key: Key = []
    var literal = ""
    for scalar in text.unicodeScalars {
      guard let number = number(scalar) else {
        literal.unicodeScalars.append(scalar)
        continue
      }
      if !literal.isEmpty { key.append(.text(literal)) }
      literal = ""
      key.append(.slot(slots[number]))
    }
    if !literal.isEmpty || key.isEmpty { key.append(.text(literal)) }
    return key
  }
}

extension OpenValue {
  /// What may name stages in a value of `for:`.
  var sources: [OpenValue] {
    switch content {
    case .mapping(let entries): entries.first { $0.name == "pairs" }?.value.sources ?? []
    case .fixed(let node):
      switch node.content {
      case .mapping(let entries):
        entries.first { $0.name == "pairs" }.map { OpenValue(fixed: $0.value).sources } ?? []
      case .scalar: [self]
      case .list: []
      }
    case .sole, .text: [self]
    case .list: []
    }
  }

  /// The name with which a source starts, or an empty text where it cannot be a reference; nil if that depends on variables.
  var leadingName: String? {
    guard let parts else { return "" }
    var leading = ""
    for part in parts {
      guard case .text(let text) = part else {
        let name = Reference.leadingName(of: leading)
        if name.utf8.count < leading.utf8.count { return String(name) }
        return leading.utf8.allSatisfy(PipelineReader.isNameByte) ? nil : ""
      }
      leading += text
    }
    return String(Reference.leadingName(of: leading))
  }
}
