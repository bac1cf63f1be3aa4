import Archives
package import Artefacts
package import System

/// The files of an image as some program has saved them: a folder, or a tar archive with the same in it; or one file of Apptainer.
package struct ImageFolder {
  /// Where they are.
  package enum Place: Sendable {
    /// A file or folder of the disk.
    case path(String, files: any FileSystem)
    /// An artefact of a store.
    case artefact(Artefact, in: Store)
  }

  /// One of them.
  struct File {
    let name: String
    let size: Int
    fileprivate let open: () throws -> InputFile
    fileprivate let start: Int

    func bytes() throws -> any ByteStream { FileBytes(try open(), start..<start + size) }

    func contents(limit: Int) throws -> [UInt8] {
      guard size <= limit else {
        throw ImageFault.malformed("'\(name)' has \(size) bytes, more than the \(limit) expected there")
      }
      let bytes = try open().bytes(at: start, count: size)
      guard bytes.count == size else { throw ImageFault.malformed("'\(name)' is cut off") }
      return bytes
    }

    /// So many bytes at a place in the file.
    func contents(_ count: Int, at place: Int) throws -> [UInt8] {
      let bytes = place <= size - count ? try open().bytes(at: start + place, count: count) : []
      guard bytes.count == count else {
        throw ImageFault.malformed("\(name) is cut off", ApptainerFile.apptainer)
      }
      return bytes
    }

    /// A part of it as a file.
    func part(_ range: Range<Int>, called name: String) -> File {
      File(name: name, size: range.count, open: open, start: start + range.lowerBound)
    }
  }

  /// The file that is all of it, where that is one of Apptainer.
  let apptainer: File?
  private let find: (String) throws -> File?

  /// Files and folders of an archive of images. (Docker writes three and a folder for each layer.)
  private static let mostEntries = 10_000

  package init(_ place: Place) throws {
    switch place {
    case .path(let path, let files):
      guard let status = try files.status(path) else {
        throw Failure(.notFound, "there is no image '\(path)' any more")
      }
      if status.isFolder {
        apptainer = nil
        find = { name in
          let inner = path + "/" + name
          guard try files.status(inner)?.isFile == true else { return nil }
          let size = try InputFile(inner, files: files).size
          return File(name: name, size: size, open: { try InputFile(inner, files: files) }, start: 0)
        }
      } else {
        (apptainer, find) = try ImageFolder.file { try InputFile(path, files: files) }
      }
    case .artefact(let artefact, let store):
      if artefact.kind == .tree {
        apptainer = nil
        find = { try ImageFolder.file($0, under: artefact.digest, in: store) }
      } else {
        let object = try store.object(artefact.digest)
        (apptainer, find) = try ImageFolder.file { ImageFolder.file(object) }
      }
    }
  }

  /// A file by its path in the folder; nil if there is none.
  func file(_ name: String) throws -> File? {
    let parts = name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    if let fault = parts.lazy.compactMap({ EntryName.fault(of: String(decoding: $0, as: UTF8.self)) }).first {
      throw ImageFault.malformed("it names a file \(name.debugDescription): \(fault)")
    }
    return try find(name)
  }

  private static func file(
    _ open: @escaping () throws -> InputFile
  ) throws -> (apptainer: File?, find: (String) throws -> File?) {
    let file = try open()
    let start = try file.bytes(at: 0, count: 64)
    if ApptainerFile.isOne(start) {
      return (File(name: "the file", size: file.size, open: open, start: 0), { _ in nil })
    }
    try checkKind(start)
    return (nil, try archived(open))
  }

  private static func archived(_ open: @escaping () throws -> InputFile) throws -> (String) -> File? {
    var places: [[UInt8]: (offset: Int, size: Int)] = [:]
    var links: [[UInt8]: [UInt8]] = [:]
    var entries = TarEntries(FileBytes(try open()), most: mostEntries)
    while let entry = try ImageFault.reading({ try entries.next() }) {
      let parts = ImagePath.names(entry.name)
      let name = ImagePath.bytes(parts)
      switch entry.kind {
      case .file: places[name] = (entry.offset, entry.size)
      // Layers that are the same are there once, and linked to by older versions of Docker.
      case .link: links[name] = ImagePath.bytes(ImagePath.parts(entry.target, in: parts.dropLast()))
      case .hardLink: links[name] = ImagePath.bytes(ImagePath.parts(entry.target))
      default: break
      }
    }
    return { name in
      let bytes = Array(name.utf8)
      guard let found = places[bytes] ?? links[bytes].flatMap({ places[$0] }) else { return nil }
      return File(name: name, size: found.size, open: open, start: found.offset)
    }
  }

  /// Throws for what looks like an image of another kind.
  private static func checkKind(_ start: [UInt8]) throws {
    if start.starts(with: [0x1F, 0x8B]) || start.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) {
      throw Failure(
        .refused, "the container image is compressed as a whole, so that its parts cannot be read alone",
        hint: "decompress it with gzip -d or zstd -d: its layers stay compressed as they are")
    }
  }

  private static func file(_ name: String, under tree: Digest, in store: Store) throws -> File? {
    var folder = try store.tree(tree)
    let parts = ImagePath.names(name)
    for (number, part) in parts.enumerated() {
      guard let entry = folder.entries.first(where: { $0.name.utf8.elementsEqual(part.utf8) }) else {
        return nil
      }
      if number < parts.count - 1 {
        guard entry.mode == .tree else { return nil }
        folder = try store.tree(entry.digest)
      } else if entry.mode != .tree {
        let object = try store.object(entry.digest)
        return File(name: name, size: object.size, open: { file(object) }, start: 0)
      }
    }
    return nil
  }

  private static func file(_ object: StoredObject) -> InputFile {
    InputFile(object.digest.description, size: object.size) { (buffer, offset) throws(Failure) in
      let part = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(max(0, object.size - offset)))
      do { try object.read(into: part, at: offset) } catch let failure as Failure {
        throw failure
      } catch {
        throw Failure(.unreadable, "cannot read \(object.digest): \(error)", cause: error)
      }
      return part.count
    }
  }
}
