/// Where the system's loader finds libraries: what `ldconfig` has written to /etc/ld.so.cache, in glibc's present format.
struct LoaderCache {
  private var paths: [String: [String]] = [:]

  private static let most = 16 << 20
  private static let magic = Array("glibc-ld.so.cache1.1".utf8)
  private static let headerBytes = 48
  private static let entryBytes = 24

  init(at path: String = "/etc/ld.so.cache", files: any FileSystem) {
    guard let bytes = (try? files.contents(of: path, limit: LoaderCache.most)) ?? nil,
      bytes.starts(with: LoaderCache.magic)
    else { return }
    func text(_ start: Int) -> String? {
      guard bytes.indices.contains(start) else { return nil }
      return String(decoding: bytes[start...].prefix { $0 != 0 }, as: UTF8.self)
    }
    let room = (bytes.count - LoaderCache.headerBytes) / LoaderCache.entryBytes
    for index in 0..<min(bytes.number(20, 4), max(room, 0)) {
      let start = LoaderCache.headerBytes + index * LoaderCache.entryBytes
      guard let name = text(bytes.number(start + 4, 4)), let path = text(bytes.number(start + 8, 4)) else {
        continue
      }
      paths[name, default: []].append(path)
    }
  }

  /// All that has a name: libraries for other processors, or for newer ones of this kind, are among them.
  subscript(name: String) -> [String] { paths[name] ?? [] }
}
