import Artefacts
import System

/// An image of Apptainer or SingularityCE, `.sif`: a header, a table of what is in the file, and that. One of its parts is the file system
/// of the image, in the form of squashfs.
struct ApptainerFile {
  /// Such as `linux/amd64`.
  let platform: String
  /// The part that is the file system.
  let root: ImageFolder.File

  /// Stands in front of a digest in what an ID is made of: who changes what brake makes of such a file system, or of the environment that
  /// its scripts say, gives it another number.
  static let revision = "apptainer 1"

  /// What `image:` is known by: what the file system is, and how it is read. Of names, dates, signatures and labels beside it nothing.
  static func id(_ root: Digest) -> Digest { Digest(of: Array("\(revision) \(root)".utf8)) }

  private static let headerLength = 128
  private static let descriptorLength = 585
  private static let mostDescriptors = 10_000
  private static let superblockLength = 96

  static func isOne(_ start: [UInt8]) -> Bool { start.dropFirst(32).starts(with: "SIF_MAGIC\0".utf8) }

  /// - Throws: if the file is cut off, or holds no file system that brake can read, or several.
  init(_ file: ImageFolder.File) throws {
    let parts = try ApptainerFile.partitions(of: file)
    if let overlay = parts.first(where: { $0.type == .overlay }) {
      throw ApptainerFile.refused(
        "it has an overlay (part \(overlay.number)), which would change what is in it",
        "build one without, as with apptainer build new.sif image.sif")
    }
    let roots = parts.filter { $0.type == .primary }
    guard let part = roots.first, roots.count == 1 else {
      throw ApptainerFile.refused(
        roots.isEmpty
          ? "no part of it is the file system of a container" : "it has \(roots.count) primary file systems",
        roots.isEmpty
          ? "one that holds layers (an OCI-SIF, of singularity pull --oci) is to be pulled without --oci"
          : "siftool list shows them: build it anew with the one that is meant")
    }
    try part.check(in: file)
    platform = part.platform
    root = part.file(in: file)
    try ApptainerFile.checkSquashed(root)
  }

  private static func partitions(of file: ImageFolder.File) throws -> [Partition] {
    let header = LittleEndian(try file.contents(headerLength, at: 0))
    guard header.text(at: 42, count: 3) == "01" else {
      throw refused("it is of a version that is not known", "build it anew: brake knows version 01")
    }
    let (count, offset) = (header.integer64(at: 88), header.integer64(at: 96))
    guard (0...Int64(mostDescriptors)).contains(count) else {
      throw ImageFault.malformed("its table has \(count) parts, and may have \(mostDescriptors)", apptainer)
    }
    guard let offset = Int(exactly: offset), offset >= headerLength, offset <= file.size else {
      throw ImageFault.malformed("its table stands outside of it", apptainer)
    }
    let table = LittleEndian(try file.contents(Int(count) * descriptorLength, at: offset))
    return (0..<Int(count)).compactMap { Partition(table, at: $0 * descriptorLength) }
  }

  /// What squashfs says of itself, so far as it tells that it is that.
  private static func checkSquashed(_ root: ImageFolder.File) throws {
    let block = LittleEndian(try root.contents(superblockLength, at: 0))
    guard block.text(at: 0, count: 4) == "hsqs" else {
      throw ImageFault.malformed("what it calls squashfs is something else", apptainer)
    }
    let used = block.integer64(at: 40)
    guard used >= superblockLength, used <= root.size else {
      throw ImageFault.malformed("its file system is cut off", apptainer)
    }
  }

  static let apptainer = "copy it anew, or build it anew with apptainer build or apptainer pull"

  static func refused(_ what: String, _ hint: String) -> Failure {
    Failure(.refused, "the container image (.sif) cannot be used: \(what)", hint: hint)
  }
}

extension ContainerImage {
  /// Stands beside an ID that is written down: one that was made otherwise is not believed.
  package static var revision: String { ApptainerFile.revision }
}

/// A file system in such a file, as its table says.
private struct Partition {
  enum Kind { case primary, overlay, other }

  let number: Int64
  let type: Kind
  private let format: Int32
  private let machine: String
  private let offset: Int64
  private let size: Int64

  /// Nil for what is none.
  init?(_ table: LittleEndian, at place: Int) {
    guard table.bytes[place + 4] != 0, table.integer32(at: place) == 0x4004 else { return nil }
    let extra = place + 201
    number = Int64(table.integer32(at: place + 5))
    offset = table.integer64(at: place + 17)
    size = table.integer64(at: place + 25)
    format = table.integer32(at: extra)
    type =
      switch table.integer32(at: extra + 4) {
      case 2: .primary
      case 4: .overlay
      default: .other
      }
    machine = table.text(at: extra + 8, count: 3)
  }

  func check(in file: ImageFolder.File) throws {
    switch format {
    case 1: break
    case 2:
      throw ApptainerFile.refused(
        "its file system is ext3, as of Singularity 2", "build it anew: apptainer build new.sif image.sif")
    case 5:
      throw ApptainerFile.refused(
        "its file system is encrypted, and brake has no key", "build it without --encrypt")
    default:
      throw ApptainerFile.refused(
        "its file system is of a kind that is not read (\(format))",
        "build it anew: apptainer build new.sif image.sif")
    }
    let end = offset.addingReportingOverflow(size)
    guard offset >= 0, size > 0, !end.overflow, end.partialValue <= file.size else {
      throw ImageFault.malformed(
        "its file system stands outside of it, as where it is cut off", ApptainerFile.apptainer)
    }
  }

  func file(in file: ImageFolder.File) -> ImageFolder.File {
    file.part(Int(offset)..<Int(offset + size), called: "its file system")
  }

  var platform: String { "linux/" + (Partition.machines[machine] ?? "unknown") }

  private static let machines = [
    "01": "386", "02": "amd64", "03": "arm", "04": "arm64", "05": "ppc64", "06": "ppc64le", "07": "mips",
    "08": "mipsle", "09": "mips64", "10": "mips64le", "11": "s390x", "12": "riscv64",
  ]
}

/// Numbers and texts at places of a few bytes, all of which are there.
private struct LittleEndian {
  let bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  func integer32(at place: Int) -> Int32 { Int32(truncatingIfNeeded: integer(at: place, count: 4)) }
  func integer64(at place: Int) -> Int64 { Int64(bitPattern: integer(at: place, count: 8)) }

  private func integer(at place: Int, count: Int) -> UInt64 {
    bytes[place..<place + count].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// Up to the first zero.
  func text(at place: Int, count: Int) -> String {
    String(decoding: bytes[place..<place + count].prefix { $0 != 0 }, as: UTF8.self)
  }
}
