/// A token that is found in the text itself, before words are cut and merged.
public struct AddedToken: Sendable, Hashable {
  public var id: UInt32
  public var content: String
  /// Only where no word character stands beside it.
  public var singleWord = false
  /// Takes in the white space before it.
  public var stripsLeft = false
  /// Takes in the white space after it.
  public var stripsRight = false
  /// Sought in the normalised text instead of the raw one.
  public var normalised = false
  /// Control text such as the end of a document, rather than text to be read.
  public var special = false

  public init(id: UInt32, content: String) {
    self.id = id
    self.content = content
  }
}

/// Finds added tokens: at the leftmost place the longest, then on after it, as the `tokenizers` library does. A trie
/// over the tokens' bytes.
struct AddedTokens: Sendable {
  private struct Node: Sendable {
    let byte: UInt8
    var firstChild: Int32 = -1
    var nextSibling: Int32 = -1
    /// The token that ends here, as its place in `tokens`.
    var token: Int32 = -1
  }

  private let tokens: [AddedToken]
  private var nodes: [Node] = []
  /// The nodes of first bytes.
  private var roots = [Int32](repeating: -1, count: 256)

  var isEmpty: Bool { tokens.isEmpty }

  /// - Parameter content: what is sought for a token.
  init(_ tokens: [AddedToken], content: (AddedToken) -> [UInt8]) {
    self.tokens = tokens
    for (index, token) in tokens.enumerated() { insert(content(token), Int32(index)) }
  }

  private mutating func insert(_ content: [UInt8], _ token: Int32) {
    guard let first = content.first else { return }
    if roots[Int(first)] < 0 { roots[Int(first)] = add(Node(byte: first)) }
    var node = Int(roots[Int(first)])
    for byte in content.dropFirst() {
      if let next = child(of: node, byte) {
        node = next
      } else {
        let next = add(Node(byte: byte, nextSibling: nodes[node].firstChild))
        nodes[node].firstChild = next
        node = Int(next)
      }
    }
    nodes[node].token = token
  }

  private mutating func add(_ node: Node) -> Int32 {
    nodes.append(node)
    return Int32(nodes.count - 1)
  }

  private func child(of node: Int, _ byte: UInt8) -> Int? {
    var child = nodes[node].firstChild
    while child >= 0 {
      if nodes[Int(child)].byte == byte { return Int(child) }
      child = nodes[Int(child)].nextSibling
    }
    return nil
  }

  /// A piece of a text: an added token, or the text between two of them.
  struct Piece {
    let range: Range<Int>
    let token: UInt32?
  }

  /// Cuts a range of a text into pieces, none of them empty. White space that two tokens both strip can be in two.
  func pieces(of text: Span<UInt8>) -> [Piece] {
    var pieces: [Piece] = []
    var done = 0
    var place = 0
    while place < text.count {
      guard let (token, matchEnd) = match(text, place) else {
        place += 1
        continue
      }
      var start = place
      var end = matchEnd
      place = matchEnd
      if token.singleWord {
        let before = start > 0 && text.scalar(before: start).0.isWordCharacter
        let after = end < text.count && text.scalar(at: end).0.isWordCharacter
        if before || after { continue }
      }
      if token.stripsLeft {
        while start > done, case let (scalar, before) = text.scalar(before: start),
          scalar.properties.isWhitespace
        {
          start = before
        }
      }
      if token.stripsRight {
        while end < text.count, case let (scalar, after) = text.scalar(at: end),
          scalar.properties.isWhitespace
        {
          end = after
        }
      }
      if done < start { pieces.append(Piece(range: done..<start, token: nil)) }
      pieces.append(Piece(range: start..<end, token: token.id))
      done = end
    }
    if done < text.count { pieces.append(Piece(range: done..<text.count, token: nil)) }
    return pieces
  }

  /// The longest token that begins at a place.
  @inline(__always)
  private func match(_ text: Span<UInt8>, _ start: Int) -> (AddedToken, end: Int)? {
    let root = roots[Int(text[start])]
    return root < 0 ? nil : match(text, start, from: Int(root))
  }

  private func match(_ text: Span<UInt8>, _ start: Int, from root: Int) -> (AddedToken, end: Int)? {
    var node = root
    var end = start + 1
    var found: (AddedToken, end: Int)?
    while true {
      if nodes[node].token >= 0 { found = (tokens[Int(nodes[node].token)], end) }
      guard end < text.count, let next = child(of: node, text[end]) else { return found }
      node = next
      end += 1
    }
  }
}

extension Unicode.Scalar {
  /// What `\w` matches (Unicode Technical Standard 18, Annex C).
  fileprivate var isWordCharacter: Bool {
    if properties.isAlphabetic || properties.isJoinControl { return true }
    switch properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: return true
    default: return false
    }
  }
}
