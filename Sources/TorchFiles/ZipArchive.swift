internal import System

/// The entries of a ZIP archive whose contents are stored as they are, as `torch.save` writes them (APPNOTE 6.3.9, with the
/// 64-bit extension). Every position and size comes from a stranger: none is used before it is known to lie in the file.
struct ZipArchive {
  private let bytes: [UInt8]
  /// The place of each entry's contents.
  private(set) var entries: [String: Range<Int>] = [:]

  /// More entries than this are refused: a tensor has one.
  static let mostEntries = 1 << 18

  init(_ bytes: [UInt8]) throws(Failure) {
    self.bytes = bytes
    guard let directory = try ZipDirectory(tail: bytes[...], fileSize: bytes.count) else { throw fault }
    guard directory.count <= Self.mostEntries else {
      throw Self.malformed("it has \(directory.count) entries")
    }
    var position = directory.place.lowerBound
    for _ in 0..<directory.count {
      position = try addEntry(at: position, before: directory.place.upperBound)
    }
  }

  subscript(_ name: String) -> ArraySlice<UInt8>? { entries[name].map { bytes[$0] } }

  static func malformed(_ what: String) -> Failure {
    Failure(.malformed, "this is no file of torch.save: \(what)")
  }

  private func number(_ position: Int, _ count: Int) throws(Failure) -> Int {
    try bytes[...].zipNumber(position, count)
  }

  /// Why there is no directory at the end.
  private var fault: Failure {
    if bytes.starts(with: ZipDirectory.opening) {
      return Failure(
        .malformed, "this file of torch.save is cut off: its directory, which is written last, is missing",
        hint: "whoever wrote or copied it was stopped: copy it again, or take another checkpoint")
    }
    // A pickle, as PyTorch before 1.6 writes several, one behind the other.
    if bytes.first == 0x80 {
      return Failure(
        .malformed,
        "this is a pickle, as PyTorch before 1.6 and other programs write them, and no ZIP archive",
        hint:
          "load it and save it anew with PyTorch 1.6 or later: torch.save(torch.load(OLD, map_location='cpu'), NEW)"
      )
    }
    return Self.malformed("it is no ZIP archive")
  }

  /// - Returns: where the next entry of the directory stands.
  private mutating func addEntry(at position: Int, before end: Int) throws(Failure) -> Int {
    guard position + 46 <= end, try number(position, 4) == 0x0201_4B50 else {
      throw Self.malformed("its directory is damaged")
    }
    let (flags, method) = (try number(position + 8, 2), try number(position + 10, 2))
    let nameLength = try number(position + 28, 2)
    let extraLength = try number(position + 30, 2)
    let next = position + 46 + nameLength + extraLength + (try number(position + 32, 2))
    guard next <= end else { throw Self.malformed("its directory is damaged") }
    guard let name = String(validating: bytes[position + 46..<position + 46 + nameLength], as: UTF8.self)
    else {
      throw Self.malformed("the name of an entry is no text")
    }
    var (packed, size, offset) = (
      try number(position + 20, 4), try number(position + 24, 4), try number(position + 42, 4)
    )
    // The 64-bit extension has those of the three that do not fit, in this order.
    var extra = position + 46 + nameLength
    let extraEnd = extra + extraLength
    while extra + 4 <= extraEnd {
      let (kind, length) = (try number(extra, 2), try number(extra + 2, 2))
      guard extra + 4 + length <= extraEnd else { break }
      if kind == 1 {
        var field = extra + 4
        for value in 0..<3 {
          let isLong = [size, packed, offset][value] == 0xFFFF_FFFF
          guard isLong, field + 8 <= extra + 4 + length else { continue }
          let long = try number(field, 8)
          if value == 0 { size = long } else if value == 1 { packed = long } else { offset = long }
          field += 8
        }
      }
      extra += 4 + length
    }
    if name.hasSuffix("/") { return next }
    guard flags & 1 == 0, method == 0, packed == size else {
      throw Self.malformed("'\(name)' is compressed or encrypted, which torch.save does not do")
    }
    guard try number(offset, 4) == 0x0403_4B50 else {
      throw Self.malformed("'\(name)' is not where it should be")
    }
    let start = offset + 30 + (try number(offset + 26, 2)) + (try number(offset + 28, 2))
    guard start <= bytes.count, size <= bytes.count - start else {
      throw Self.malformed("'\(name)' reaches beyond its end")
    }
    guard entries.updateValue(start..<start + size, forKey: name) == nil else {
      throw Self.malformed("it has '\(name)' twice")
    }
    return next
  }
}
