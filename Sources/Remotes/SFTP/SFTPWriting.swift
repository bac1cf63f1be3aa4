import Artefacts
import System

/// Files that are written over SFTP: into a folder of one's own in the store's `tmp/` first, and under their names when they are there
/// as a whole and on the disk.
final class SFTPWriting {
  private let session: SFTPSession
  private let root: String
  private let folder: String
  private var made: Set<String> = []
  /// Names in the folder that may have a file.
  private var left: Set<String> = []
  private var count = 0
  private var beat: UInt64 = 0

  /// Objects up to so many bytes are sent many at a time.
  private static let small = 256 << 10
  private static let durable = "fsync@openssh.com"
  private static let replacing = "posix-rename@openssh.com"

  init(_ session: SFTPSession, root: String) {
    self.session = session
    self.root = root
    folder = "\(root)/tmp/\(ProcessFolder.randomName())"
  }

  /// Makes the folder.
  func begin() throws {
    try makeFolders([folder])
    try live()
  }

  /// Removes the folder, also where the task was cancelled.
  func end() {
    session.takingBack {
      let files = (left + [folder + "/alive"]).map { SFTPPacket(.remove, path: $0) }
      _ = try session.statuses(files)
      _ = try session.statuses([SFTPPacket(.removeFolder, path: folder)])
    }
  }

  private struct File {
    let shipment: Shipment
    let path: String
    let handle: [UInt8]
  }

  /// - Throws: what went wrong with the first that could not be written.
  func write(_ shipments: [Shipment]) throws { try name(send(shipments)) }

  /// Whether SFTP's rename replaces a file here, which is tried.
  /// - Parameter shipment: what is there already: nothing is lost if it does.
  func replacesByRename(_ shipment: Shipment) throws -> Bool {
    let files = try send([shipment])
    let replaces = try session.statuses(files.map(rename))[0].code == SFTPStatus.fine
    if replaces { left.remove(files[0].path) }
    return replaces
  }

  private func rename(_ file: File) -> SFTPPacket {
    var packet = SFTPPacket(.rename, path: file.path)
    packet.add(Array((root + "/" + file.shipment.path).utf8))
    return packet
  }

  /// - Returns: files that have no names yet.
  private func send(_ shipments: [Shipment]) throws -> [File] {
    try makeFolders(
      shipments.map { shipment in
        let path = root + "/" + shipment.path
        return String(path[..<path.lastIndex(of: "/")!])
      })
    let files = try open(shipments)
    try live()
    var small: [(file: File, bytes: [UInt8])] = []
    for file in files {
      switch file.shipment.content {
      case .bytes(let bytes): small.append((file, bytes))
      case .object(let digest, of: let store):
        _ = try store.verifyAlone(digest)
        try store.withObjectFile(digest) { path in
          let input = try InputFile(path, files: store.files)
          if input.size <= SFTPWriting.small { return small.append((file, try input.readAll())) }
          try send(input, as: file)
        }
      case .file(let path): try send(InputFile(path, files: LocalFileSystem()), as: file)
      }
    }
    try send(small)
    if session.knows(SFTPWriting.durable) {
      try expect(
        files.map { file in
          var packet = SFTPPacket(extension: SFTPWriting.durable)
          packet.add(file.handle)
          return packet
        }, files)
    }
    try expect(files.map { SFTPPacket(.close, handle: $0.handle) }, files)
    return files
  }

  private func open(_ shipments: [Shipment]) throws -> [File] {
    let paths = shipments.map { _ in
      count += 1
      return "\(folder)/\(count)"
    }
    left.formUnion(paths)
    var files: [File?] = Array(repeating: nil, count: shipments.count)
    try session.ask(
      shipments.count,
      { index in
        // Written, made, and by nobody else.
        var packet = SFTPPacket(.open, path: paths[index])
        packet.add(UInt32(0x02 | 0x08 | 0x20))
        // Nothing but its rights, which are those of a store's files.
        packet.add(UInt32(4))
        packet.add(UInt32(shipments[index].isReplacing ? 0o644 : 0o444))
        return packet
      },
      { index, answer in
        switch try session.value(.handle, answer, { $0.text().map(Array.init) }) {
        case .success(let handle):
          files[index] = File(shipment: shipments[index], path: paths[index], handle: handle)
        case .failure(let refusal): throw session.refusal(refusal.status, shipments[index].path)
        }
      })
    return files.map { $0! }
  }

  private func send(_ input: borrowing InputFile, as file: File) throws {
    let pieces = (input.size + SFTPSession.piece - 1) / SFTPSession.piece
    // Between two signs of life.
    let most = (64 << 20) / SFTPSession.piece
    for start in stride(from: 0, to: pieces, by: most) {
      try live()
      let count = min(most, pieces - start)
      try session.ask(
        count,
        { index in
          let place = (start + index) * SFTPSession.piece
          let bytes = try input.bytes(at: place, count: SFTPSession.piece)
          if bytes.count < min(SFTPSession.piece, input.size - place) { throw input.changed }
          return piece(bytes[...], at: place, of: file)
        },
        { try check(session.status($1), file) })
      file.shipment.sent(min(input.size, (start + count) * SFTPSession.piece) - start * SFTPSession.piece)
    }
  }

  private func send(_ small: [(file: File, bytes: [UInt8])]) throws {
    var pieces: [(index: Int, offset: Int)] = []
    for (index, (_, bytes)) in small.enumerated() {
      pieces += stride(from: 0, to: bytes.count, by: SFTPSession.piece).map { (index, $0) }
    }
    try session.ask(
      pieces.count,
      { number in
        let (index, offset) = pieces[number]
        let (file, bytes) = small[index]
        return piece(bytes[offset..<min(offset + SFTPSession.piece, bytes.count)], at: offset, of: file)
      },
      { number, answer in try check(session.status(answer), small[pieces[number].index].file) })
    for (file, bytes) in small { file.shipment.sent(bytes.count) }
  }

  private func piece(_ bytes: ArraySlice<UInt8>, at offset: Int, of file: File) -> SFTPPacket {
    var packet = SFTPPacket(.write, handle: file.handle)
    packet.add(UInt64(offset))
    packet.add(Array(bytes))
    return packet
  }

  /// Gives files their names. What has one already keeps it: SFTP's rename replaces nothing.
  private func name(_ files: [File]) throws {
    let statuses = try session.statuses(
      files.map { file in
        guard file.shipment.isReplacing, session.knows(SFTPWriting.replacing) else { return rename(file) }
        var packet = SFTPPacket(extension: SFTPWriting.replacing)
        packet.add(Array(file.path.utf8))
        packet.add(Array((root + "/" + file.shipment.path).utf8))
        return packet
      })
    for (file, status) in zip(files, statuses) {
      if status.code == SFTPStatus.fine {
        left.remove(file.path)
        continue
      }
      var isThere = false
      try session.ask(1, { _ in SFTPPacket(.status, path: root + "/" + file.shipment.path) }) { _, answer in
        isThere = answer.kind == .attributes
      }
      guard isThere else { throw session.refusal(status, file.shipment.path) }
      // A list is called by its bytes, and nobody asks for its time: the one that is there does as well.
      if case .shared? = StorePath(file.shipment.path) { continue }
      if file.shipment.isReplacing {
        throw RemoteFailure.refused(
          session.name,
          "cannot replace \(file.shipment.path): its server does not know how to do that at once",
          hint: "servers that know \(SFTPWriting.replacing), such as OpenSSH's, do")
      }
    }
  }

  private func expect(_ packets: [SFTPPacket], _ files: [File]) throws {
    for (status, file) in zip(try session.statuses(packets), files) { try check(status, file) }
  }

  private func check(_ status: SFTPStatus, _ file: File) throws {
    if status.code != SFTPStatus.fine { throw session.refusal(status, file.shipment.path) }
  }

  /// Makes folders, and those above them. One that is there already is no error; what is missing is told of by who uses it.
  private func makeFolders(_ folders: [String]) throws {
    var missing: [String] = []
    for folder in Set(folders).sorted() {
      var path = folder.hasPrefix("/") ? "/" : ""
      for part in folder.split(separator: "/") {
        path += (path.isEmpty || path.hasSuffix("/") ? "" : "/") + part
        if made.insert(path).inserted { missing.append(path) }
      }
    }
    _ = try session.statuses(
      missing.map { path in
        var packet = SFTPPacket(.makeFolder, path: path)
        packet.add(UInt32(0))
        return packet
      })
  }

  /// Says to others who use the store that the folder has an owner who lives: see `ProcessFolder`.
  private func live() throws {
    beat += 1
    let path = folder + "/alive"
    var open = SFTPPacket(.open, path: path)
    open.add(UInt32(0x02 | 0x08))
    open.add(UInt32(0))
    var handle: [UInt8] = []
    try session.ask(1, { _ in open }) { _, answer in
      switch try session.value(.handle, answer, { $0.text().map(Array.init) }) {
      case .success(let found): handle = found
      case .failure(let refusal): throw session.refusal(refusal.status, "tmp/")
      }
    }
    var write = SFTPPacket(.write, handle: handle)
    write.add(UInt64(0))
    write.add(LifeSign(device: 0, inode: 0, isLocal: false).bytes(beat: beat))
    _ = try session.statuses([write, SFTPPacket(.close, handle: handle)])
  }
}
