import System

/// When the folders of an image were last changed, which is said of them when nothing more is made in them.
struct FolderTimes {
  private var times: [[UInt8]: (parts: [String], modified: Int64)] = [:]
  private var bytes = 0
  private static let most = 256 << 20

  /// - Parameter modified: in nanoseconds since 1970.
  mutating func note(_ parts: [String], _ modified: Int64) throws {
    let path = ImagePath.bytes(parts)
    if times.updateValue((parts, modified), forKey: path) != nil { return }
    bytes += 2 * path.count + 64
    if bytes > FolderTimes.most { throw ImageFault.refused("endless names of folders") }
  }

  /// Those of which something else was made meanwhile are passed over.
  func set(in root: ImageRoot) throws {
    for (parts, modified) in times.values.sorted(by: { $0.parts.count > $1.parts.count }) {
      // Something above it may be a link by now, which may lead anywhere.
      guard let above = try root.folder(of: parts),
        ImagePath.bytes(above) == ImagePath.bytes(Array(parts.dropLast())),
        try root.files.entry(root.path(parts))?.isFolder == true
      else { continue }
      try root.files.setModified(root.path(parts), to: modified)
    }
  }
}
