internal import Glibc

/// What the owner of a `ProcessFolder` says of itself in the file `alive`.
package struct LifeSign: Equatable {
  package let device: UInt64
  package let inode: UInt64
  /// Whether the owner holds a lock, on a file system of its machine.
  package let isLocal: Bool

  package init(device: UInt64, inode: UInt64, isLocal: Bool) {
    self.device = device
    self.inode = inode
    self.isLocal = isLocal
  }

  package init(status: FileStatus, isLocal: Bool) {
    self.init(device: status.device, inode: status.inode, isLocal: isLocal)
  }

  /// As many for every beat, so that one write replaces them all.
  package func bytes(beat: UInt64) -> [UInt8] {
    let digits = String(beat)
    let padded = String(repeating: "0", count: 20 - digits.count) + digits
    return Array("brake 1 \(isLocal ? "local" : "remote") \(device) \(inode)\n\(padded)\n".utf8)
  }

  /// Replaces what `alive` says. Past the seam for files: it is no data, and comes at any time.
  package func write(beat: UInt64, to descriptor: Int32) -> Int {
    bytes(beat: beat).withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
  }

  package init?(_ bytes: [UInt8]) {
    let lines = bytes.split(separator: UInt8(ascii: "\n"))
    guard lines.count == 2, lines[1].count == 20 else { return nil }
    let words = String(decoding: lines[0], as: UTF8.self).split(separator: " ")
    guard words.count == 5, words[0] == "brake", words[1] == "1", words[2] == "local" || words[2] == "remote",
      let device = UInt64(words[3]), let inode = UInt64(words[4])
    else { return nil }
    self.init(device: device, inode: inode, isLocal: words[2] == "local")
  }

  package enum Verdict {
    /// The owner holds its lock.
    case alive
    case dead
    /// The lock says nothing; what stands in `alive`, empty if there is nothing.
    case doubtful([UInt8])
  }

  /// Judges the owner of a folder.
  /// - Parameter bury: called for a dead one while its lock is held, so that no two do it.
  package static func verdict(on folder: String, _ files: any FileSystem, burying bury: () -> Void) -> Verdict
  {
    let path = folder + "/alive"
    // Whatever is no folder, or a link to one, is none of brake's.
    guard (try? files.status(folder, followingLinks: false))?.isFolder == true else { return .alive }
    let descriptor: Int32
    do throws(Failure) { descriptor = try files.open(path, followingLinks: false) } catch {
      return error.code == .notFound ? .doubtful([]) : .alive
    }
    defer { try? files.close(descriptor, path: path) }
    var bytes = [UInt8](repeating: 0, count: 128)
    guard let status = try? files.status(of: descriptor, path: path), status.isFile,
      let count = try? bytes.withUnsafeMutableBytes({
        try files.read(into: $0, from: descriptor, at: 0, path: path)
      })
    else { return .alive }
    bytes.removeLast(bytes.count - count)
    guard let sign = LifeSign(bytes) else { return .doubtful(bytes) }
    guard sign == LifeSign(status: status, isLocal: true), isLocal(descriptor) else {
      return .doubtful(bytes)
    }
    guard FileLock.take(descriptor) else { return .alive }
    bury()
    return .dead
  }

  /// Whether an open file is the `alive` of an owner who is dead for certain, since nobody holds its lock.
  /// - Parameter text: what stands in it.
  package static func isDeadForCertain(_ file: borrowing InputFile, _ text: [UInt8]) -> Bool {
    LifeSign(text) == LifeSign(status: file.status, isLocal: true) && file.isOnLocalDisk && !file.isLocked
  }

  /// Whether an open file is on a file system whose locks this kernel alone keeps. Of those that are not in the list
  /// nothing is known, and so nothing is relied on.
  package static func isLocal(_ descriptor: Int32) -> Bool {
    guard let type = fileSystemType(descriptor) else { return false }
    let known: Set<UInt32> = [
      0xEF53,  // ext2, ext3, ext4
      0x5846_5342,  // XFS
      0x9123_683E,  // Btrfs
      0xF2F5_2010,  // F2FS
      0x2FC1_2FC1,  // ZFS
      0xCA45_1A4E,  // bcachefs
      0x0102_1994,  // tmpfs
      0x794C_7630,  // overlayfs
    ]
    return known.contains(type)
  }

  /// By `fstatfs`, which Swift's view of the C library leaves out. The type is the first word of what it fills in.
  private static func fileSystemType(_ descriptor: Int32) -> UInt32? {
    typealias Call = @convention(c) (Int32, UnsafeMutableRawPointer) -> Int32
    guard let call = dlsym(nil, "fstatfs").map({ unsafeBitCast($0, to: Call.self) }) else { return nil }
    // The structure has 120 bytes.
    var status = [Int](repeating: 0, count: 64)
    guard status.withUnsafeMutableBytes({ call(descriptor, $0.baseAddress!) }) == 0 else { return nil }
    return UInt32(truncatingIfNeeded: status[0])
  }
}
