import System

/// An entry of a layer that takes away what layers below it have put there.
enum Whiteout {
  case file(String)
  /// All that is in its folder.
  case folder
  /// For the program that made the layer.
  case nothing

  static let prefix = ".wh."

  init(_ name: String) throws {
    let hidden = String(name.dropFirst(Whiteout.prefix.count))
    if name == ".wh..wh..opq" {
      self = .folder
    } else if hidden.hasPrefix(Whiteout.prefix) {
      self = .nothing
    } else if ["", ".", ".."].contains(hidden) {
      throw ImageFault.refused("a file called '\(name)'")
    } else {
      self = .file(hidden)
    }
  }

  /// - Parameter own: what the layer itself has put there.
  func apply(in parts: ArraySlice<String>, of root: ImageRoot, sparing own: LayerPaths) throws {
    guard let folder = try root.folder(of: parts + [""], making: false) else { return }
    switch self {
    case .nothing: return
    case .file(let name): try remove(folder + [name], of: root, own)
    case .folder: try removeContents(folder, of: root, own)
    }
  }

  /// Removes what stands there, but for what the layer itself has made.
  private func remove(_ parts: [String], of root: ImageRoot, _ own: LayerPaths) throws {
    let path = root.path(parts)
    guard let status = try root.files.entry(path) else { return }
    guard own.touches(parts) else { return root.files.removeAll(path) }
    if status.isFolder { try removeContents(parts, of: root, own) }
  }

  private func removeContents(_ parts: [String], of root: ImageRoot, _ own: LayerPaths) throws {
    for name in try root.files.names(in: root.path(parts)) { try remove(parts + [name], of: root, own) }
  }
}

/// The paths that a layer has made something at, and the folders above them: its whiteouts are for what other layers have made.
struct LayerPaths {
  private var paths: Set<String> = []
  private var bytes = 0
  private static let most = 256 << 20

  func touches(_ parts: [String]) -> Bool { paths.contains(parts.joined(separator: "/")) }

  mutating func add(_ parts: [String]) throws {
    var parts = parts
    while !parts.isEmpty {
      let path = parts.joined(separator: "/")
      guard paths.insert(path).inserted else { return }
      bytes += path.utf8.count + 16
      if bytes > LayerPaths.most { throw ImageFault.refused("a layer with endless names") }
      parts.removeLast()
    }
  }
}
