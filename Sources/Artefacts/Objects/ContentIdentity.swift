/// Finds out which artefact a run of bytes is: its digest, and whether it is a tree's manifest.
struct ContentIdentity {
  private let size: Int
  private var hasher = DigestHasher()
  private var seen = 0
  private var opening: [UInt8] = []
  /// The bytes so far, as long as they may be a manifest's.
  private var manifest: [UInt8]? = []

  init(size: Int) {
    self.size = size
    if size > Tree.manifestLimit { manifest = nil }
  }

  mutating func update(_ bytes: UnsafeRawBufferPointer) {
    hasher.update(bytes)
    seen += bytes.count
    if opening.count < Tree.opening.count { opening += bytes.prefix(Tree.opening.count - opening.count) }
    guard manifest != nil else { return }
    manifest?.append(contentsOf: bytes)
    let start = manifest?.prefix(Tree.opening.count) ?? []
    if !Tree.opening.starts(with: start) { manifest = nil }
  }

  /// Whether the bytes begin as the manifest of a tree does in any version.
  var startsAsManifest: Bool { opening.starts(with: Tree.anyOpening) }
  /// Whether they begin as it does in the version that this brake knows.
  var startsAsTree: Bool { opening == Tree.opening }

  func finalize() -> Artefact {
    let digest = hasher.finalize()
    if let manifest, let tree = try? Tree(manifest: manifest) {
      return Artefact(digest: digest, kind: .tree, size: tree.size)
    }
    return Artefact(digest: digest, kind: .blob, size: seen)
  }
}
