package import System

/// Writes a folder as one uncompressed tar file: sorted by path, without owners and times, so that equal folders give equal bytes.
package struct TarWriter {
  private let files: any FileSystem

  package init(files: any FileSystem) { self.files = files }

  /// - Parameters:
  ///   - name: what the folder is called in the archive.
  ///   - path: is not there.
  package func write(_ folder: String, as name: String, to path: String) throws {
    try files.writeFile(path, mode: 0o666) { append in
      try add(folder, as: name, append)
      try bytes([UInt8](repeating: 0, count: 2 * TarHeader.block), append)
    }
  }

  private func add(_ path: String, as name: String, _ append: @escaping Append) throws {
    try Task.checkCancellation()
    if try files.entry(path)?.isFolder == true {
      try header(TarHeader(name: name + "/", size: 0, kind: .folder), append)
      for entry in try files.names(in: path) { try add(path + "/" + entry, as: name + "/" + entry, append) }
      return
    }
    let file = try InputFile(path, followingLinks: false, files: files)
    try header(
      TarHeader(name: name, size: file.size, kind: .file, isExecutable: file.status.isExecutable), append)
    let end = try file.forEachPiece(from: 0, limit: file.size, append)
    guard end == file.size else { throw Failure(.system, "\(path) became shorter while it was read") }
    try fill(after: end, append)
  }

  private func header(_ header: TarHeader, _ append: @escaping Append) throws {
    var records: [(String, String)] = []
    if header.name.utf8.count > TarHeader.longestName { records.append(("path", header.name)) }
    if header.size > TarHeader.largestSize { records.append(("size", String(header.size))) }
    if !records.isEmpty {
      let text = Array(records.map(TarWriter.record).joined().utf8)
      try bytes(TarHeader(name: "././@PaxHeader", size: text.count, kind: .extended).bytes, append)
      try bytes(text, append)
      try fill(after: text.count, append)
    }
    try bytes(header.bytes, append)
  }

  /// `LENGTH NAME=VALUE` and a line break; the length counts its own digits.
  private static func record(_ name: String, _ value: String) -> String {
    let rest = " \(name)=\(value)\n"
    var length = rest.utf8.count
    while String(length).utf8.count + rest.utf8.count != length {
      length = String(length).utf8.count + rest.utf8.count
    }
    return String(length) + rest
  }

  private func fill(after count: Int, _ append: @escaping Append) throws {
    let rest = count % TarHeader.block
    if rest > 0 { try bytes([UInt8](repeating: 0, count: TarHeader.block - rest), append) }
  }

  private func bytes(_ bytes: [UInt8], _ append: @escaping Append) throws {
    try bytes.withUnsafeBytes { try append($0) }
  }
}
