import Artefacts
import System

/// Unpacks the tar file of a bundle. It may come from anyone: only files and folders are made, under one folder, whose name
/// in the archive does not matter.
struct TarReader {
  let files: any FileSystem

  /// Bytes of names and values for the next entry.
  private static let longestRecords = 1 << 16
  private static let mostEntries = 10_000_000

  /// - Parameter folder: is there and empty.
  func unpack(_ path: String, to folder: String) throws {
    let file = try InputFile(path, files: files)
    var offset = 0
    var next = Next()
    var count = 0
    while true {
      try Task.checkCancellation()
      guard offset + TarHeader.block <= file.size else { throw TarHeader.malformed("it is cut off") }
      let block = try file.bytes(at: offset, count: TarHeader.block)
      if block.allSatisfy({ $0 == 0 }) { return }
      let header = try TarHeader(block)
      offset += TarHeader.block
      let isExtension = [.extended, .global, .longName].contains(header.kind)
      let size = isExtension ? header.size : next.size ?? header.size
      guard size <= file.size - offset else { throw TarHeader.malformed("it is cut off") }
      if isExtension {
        guard size <= TarReader.longestRecords else { throw TarHeader.malformed("a name is too long") }
        try next.take(file.bytes(at: offset, count: size), header.kind)
      } else {
        count += 1
        if count > TarReader.mostEntries { throw TarHeader.malformed("it holds too many files") }
        if let target = try target(next.name ?? header.name, in: folder) {
          try make(target, header, offset..<offset + size, of: file)
        }
        next = Next()
      }
      offset += (size + TarHeader.block - 1) / TarHeader.block * TarHeader.block
    }
  }

  private func make(
    _ target: String, _ header: TarHeader, _ range: Range<Int>, of file: borrowing InputFile
  ) throws {
    try files.makeFolders(parentFolder(of: target))
    if header.kind == .folder { return try files.makeFolder(target) }
    guard try files.entry(target) == nil else {
      throw Failure(.refused, "the archive names '\(target)' twice")
    }
    try files.copy(range, of: file, to: target, mode: header.isExecutable ? 0o755 : 0o644)
  }

  /// Where an entry goes; nil for the folder of all.
  private func target(_ name: String, in folder: String) throws -> String? {
    var parts = name.split(separator: "/", omittingEmptySubsequences: false)
    if parts.last == "" { parts.removeLast() }
    if parts.first == "." { parts.removeFirst() }
    if parts.isEmpty { return nil }
    for part in parts {
      guard let fault = EntryName.fault(of: String(part)) else { continue }
      throw Failure(.refused, "the archive holds \(name.debugDescription): \(fault)")
    }
    return parts.count == 1 ? nil : folder + "/" + parts.dropFirst().joined(separator: "/")
  }

  /// What stands before an entry because its header has no room for it.
  private struct Next {
    var name: String?
    var size: Int?

    mutating func take(_ bytes: [UInt8], _ kind: TarHeader.Kind) throws {
      guard let text = String(validating: bytes.prefix { $0 != 0 }, as: UTF8.self) else {
        throw TarHeader.malformed("a name is not UTF-8")
      }
      if kind == .longName {
        name = text
        return
      }
      var rest = text.utf8[...]
      while !rest.isEmpty {
        guard let space = rest.firstIndex(of: 32), let length = Int(String(rest[..<space]) ?? ""),
          length > rest.distance(from: rest.startIndex, to: space) + 1, length <= rest.count,
          let sign = rest[space...].firstIndex(of: UInt8(ascii: "="))
        else { throw TarHeader.malformed("names are not as they should be") }
        let end = rest.index(rest.startIndex, offsetBy: length)
        let last = rest.index(before: end)
        guard sign < last, rest[last] == UInt8(ascii: "\n"),
          let name = String(rest[rest.index(after: space)..<sign]),
          let value = String(rest[rest.index(after: sign)..<last])
        else { throw TarHeader.malformed("names are not as they should be") }
        if name.hasPrefix("GNU.sparse.") {
          throw Failure(
            .refused, "the archive holds a file without its zeros", hint: "pack it without --sparse")
        }
        if kind == .global, ["path", "size"].contains(name) {
          throw TarHeader.malformed("it gives all files one name or size")
        }
        if name == "path" { self.name = value }
        if name == "size" {
          guard let size = Int(value), size >= 0 else { throw TarHeader.malformed("a size is no number") }
          self.size = size
        }
        rest = rest[end...]
      }
    }
  }
}
