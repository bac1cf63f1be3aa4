import System

/// An entry of a layer that takes away what layers below it have put there.
enum Whiteout {
  case file(String)
  /// All that is in its folder.
  case folder
  /// For the program that made the layer.
  case nothing

  private static let prefix = ".wh."

  /// Whether an entry of this name is one.
  static func isOne(_ name: String) -> Bool { name.utf8.starts(with: prefix.utf8) }

  init(_ name: String) throws {
    let hidden = String(decoding: name.utf8.dropFirst(Whiteout.prefix.utf8.count), as: UTF8.self)
    if name == ".wh..wh..opq" {
      self = .folder
    } else if Whiteout.isOne(hidden) {
      self = .nothing
    } else if !ImagePath.isName(hidden) {
      throw ImageFault.refused("a file called \(name.debugDescription)")
    } else {
      self = .file(hidden)
    }
  }

  /// - Parameter own: what the layer itself has put there.
  func apply(in parts: ArraySlice<String>, of root: ImageRoot, sparing own: inout LayerPaths) throws {
    guard let folder = try root.folder(of: parts + [""]) else { return }
    switch self {
    case .nothing: return
    case .file(let name): try remove(folder + [name], of: root, &own)
    case .folder: try removeContents(folder, of: root, &own)
    }
  }

  /// Removes what stands there, but for what the layer itself has made.
  private func remove(_ parts: [String], of root: ImageRoot, _ own: inout LayerPaths) throws {
    let path = try root.path(parts)
    guard let status = try root.files.entry(path) else { return }
    guard own.touches(parts) else { return root.files.removeAll(path) }
    if status.isFolder { try removeContents(parts, of: root, &own) }
  }

  /// Once for each folder: what stands there afterwards is the layer's own.
  private func removeContents(_ parts: [String], of root: ImageRoot, _ own: inout LayerPaths) throws {
    guard try own.isFirstEmptying(parts) else { return }
    for name in try root.files.names(in: root.path(parts)) { try remove(parts + [name], of: root, &own) }
  }
}

/// The paths that a layer has made something at, and the folders above them: its whiteouts are for what other layers have made.
struct LayerPaths {
  private var paths: Set<[UInt8]> = []
  /// The folders out of which it has taken what layers below it have put there.
  private var emptied: Set<[UInt8]> = []
  private var bytes = 0
  private static let most = 256 << 20

  func touches(_ parts: [String]) -> Bool { paths.contains(ImagePath.bytes(parts)) }

  mutating func add(_ parts: [String]) throws {
    var parts = parts
    while !parts.isEmpty {
      let path = ImagePath.bytes(parts)
      guard paths.insert(path).inserted else { return }
      try count(path)
      parts.removeLast()
    }
  }

  mutating func isFirstEmptying(_ parts: [String]) throws -> Bool {
    let path = ImagePath.bytes(parts)
    guard emptied.insert(path).inserted else { return false }
    try count(path)
    return true
  }

  private mutating func count(_ path: [UInt8]) throws {
    bytes += path.count + 16
    if bytes > LayerPaths.most { throw ImageFault.refused("a layer with endless names") }
  }
}
