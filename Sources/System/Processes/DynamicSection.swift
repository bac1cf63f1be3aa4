/// What the dynamic section of a 64-bit little-endian ELF file says of the libraries that it needs.
struct DynamicSection {
  /// The kind of processor, as ELF numbers them.
  let machine: Int
  /// The names of libraries, and the folders that they are looked for in before the system's.
  let needed, folders: [String]

  private static let mostBytes = 1 << 20
  private enum Tag { static let needed = 1, strings = 5, stringBytes = 10, path = 15, runPath = 29 }

  /// - Returns: nil for a file that is no such ELF file or is linked statically.
  init?(of path: String, files: any FileSystem) {
    guard let file = try? InputFile(path, files: files),
      let header = try? file.bytes(at: 0, count: 64), header.count == 64,
      header.starts(with: [0x7F, 0x45, 0x4C, 0x46, 2, 1])
    else { return nil }
    let (table, size, count) = (header.number(32, 8), header.number(54, 2), header.number(56, 2))
    guard size >= 56, size * count <= DynamicSection.mostBytes,
      let segments = try? file.bytes(at: table, count: size * count),
      segments.count == size * count
    else { return nil }
    /// Where segments stand in memory and in the file.
    var places: [(address: Int, offset: Int, bytes: Int)] = []
    var dynamic: (offset: Int, bytes: Int)?
    for start in stride(from: 0, to: segments.count, by: size) {
      let place = (
        address: segments.number(start + 16, 8), offset: segments.number(start + 8, 8),
        bytes: segments.number(start + 32, 8)
      )
      switch segments.number(start, 4) {
      case 1: places.append(place)
      case 2: dynamic = (place.offset, place.bytes)
      default: break
      }
    }
    guard let dynamic, dynamic.bytes <= DynamicSection.mostBytes,
      let entries = try? file.bytes(at: dynamic.offset, count: dynamic.bytes)
    else { return nil }
    var values: [(tag: Int, value: Int)] = []
    for start in stride(from: 0, through: entries.count - 16, by: 16) {
      values.append((entries.number(start, 8), entries.number(start + 8, 8)))
    }
    func value(_ tag: Int) -> Int? { values.first { $0.tag == tag }?.value }
    guard let address = value(Tag.strings), let bytes = value(Tag.stringBytes),
      (0...DynamicSection.mostBytes).contains(bytes),
      let segment = places.first(where: { $0.address <= address && address - $0.address < $0.bytes }),
      let strings = try? file.bytes(at: segment.offset + (address - segment.address), count: bytes)
    else { return nil }
    func texts(_ tag: Int) -> [String] {
      values.filter { $0.tag == tag && strings.indices.contains($0.value) }.map {
        String(decoding: strings[$0.value...].prefix { $0 != 0 }, as: UTF8.self)
      }
    }
    machine = header.number(18, 2)
    needed = texts(Tag.needed)
    let origin = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    folders = (texts(Tag.runPath) + texts(Tag.path)).flatMap { $0.split(separator: ":") }.map { folder in
      guard let variable = ["$ORIGIN", "${ORIGIN}"].first(where: folder.hasPrefix) else {
        return String(folder)
      }
      return origin + folder.dropFirst(variable.utf8.count)
    }
  }
}

extension [UInt8] {
  /// The little-endian number at a place; 0 beyond the end, and for what is larger than any place in a file.
  func number(_ start: Int, _ bytes: Int) -> Int {
    guard start >= 0, start + bytes <= count else { return 0 }
    let value = self[start..<start + bytes].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return value < 1 << 48 ? Int(value) : 0
  }
}
