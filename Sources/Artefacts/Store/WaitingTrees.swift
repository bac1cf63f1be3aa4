internal import System

/// Trees that have come, and that must not be there before what they name is. Their manifests wait in memory, and in a file in
/// `tmp/` once these are many bytes.
final class WaitingTrees {
  private let store: Store
  private let memoryLimit: Int
  private var places: [Digest: Place] = [:]
  /// The trees that each of them names.
  private var members: [Digest: [Digest]] = [:]
  /// Bytes in memory.
  private var size = 0
  private var spool: (path: String, size: Int)?

  private enum Place {
    case memory([UInt8])
    case spool(at: Int, count: Int)
  }

  init(in store: Store, memoryLimit: Int = 64 << 20) {
    self.store = store
    self.memoryLimit = memoryLimit
  }

  deinit { if let spool { try? store.files.remove(spool.path) } }

  func add(_ digest: Digest, _ tree: Tree, manifest: [UInt8]) throws {
    members[digest] = tree.entries.filter { $0.mode == .tree }.map(\.digest)
    if size + manifest.count <= memoryLimit {
      size += manifest.count
      places[digest] = .memory(manifest)
    } else {
      let (path, end) = try spool ?? (store.newFilePath(), 0)
      spool = (path, end)
      try store.files.write(manifest, to: path, .appending)
      spool = (path, end + manifest.count)
      places[digest] = .spool(at: end, count: manifest.count)
    }
  }

  /// Hands them over, each after all trees that it names.
  func add(to publication: Publication) throws {
    for digest in inOrder() {
      switch places[digest]! {
      case .memory(let bytes): _ = try publication.add(bytes: bytes)
      case .spool(let start, let count):
        let bytes = try InputFile(spool!.path, files: store.files).bytes(at: start, count: count)
        guard Digest(of: bytes) == digest else {
          throw Failure(.damaged, "\(spool!.path) was changed while it was in use")
        }
        _ = try publication.add(bytes: bytes)
      }
    }
  }

  private func inOrder() -> [Digest] {
    var parents: [Digest: [Digest]] = [:]
    // How many of those that a tree names have no place in the order yet.
    var open: [Digest: Int] = [:]
    for (digest, named) in members {
      let waiting = named.filter { members[$0] != nil }
      open[digest] = waiting.count
      for member in waiting { parents[member, default: []].append(digest) }
    }
    var order = open.filter { $0.value == 0 }.keys.sorted()
    var next = 0
    while next < order.count {
      for parent in parents[order[next]] ?? [] {
        open[parent]! -= 1
        if open[parent] == 0 { order.append(parent) }
      }
      next += 1
    }
    return order
  }
}
