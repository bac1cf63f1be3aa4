import Artefacts
import System

/// A file or folder that a run has read or published.
struct Sighting: Sendable {
  var status: FileStatus.Key
  /// Of a file: its content. What has none is looked at as a whole by whoever reads it.
  var digest: Digest?
  /// Of a file: whether it can be executed, which a command sees, too.
  var isExecutable: Bool
  /// Whether a later change of it would give it another status.
  var isSettled: Bool
  /// Whether an instance still needs it.
  var isNeeded = true
}

/// All that a run has seen, by number. There are many, so that their paths stand one after the other instead of being a text
/// each.
struct Sightings: Sendable {
  private var list: [Sighting] = []
  /// Where the path of each ends.
  private var ends: [Int] = []
  private var paths: [UInt8] = []

  var count: Int { list.count }
  var indices: Range<Int> { list.indices }

  subscript(number: Int) -> Sighting {
    get { list[number] }
    set { list[number] = newValue }
  }

  private func range(_ number: Int) -> Range<Int> { (number == 0 ? 0 : ends[number - 1])..<ends[number] }

  func path(_ number: Int) -> String { String(decoding: paths[range(number)], as: UTF8.self) }

  mutating func append(_ sighting: Sighting, at path: String) {
    list.append(sighting)
    paths += path.utf8
    ends.append(paths.count)
  }

  /// Those that are needed, and by what number each is found among them.
  func withoutUnneeded() -> (sightings: Sightings, numbers: [Int]) {
    var needed = Sightings()
    var numbers = [Int](repeating: 0, count: count)
    for number in indices where list[number].isNeeded {
      numbers[number] = needed.count
      needed.list.append(list[number])
      needed.paths += paths[range(number)]
      needed.ends.append(needed.paths.count)
    }
    return (needed, numbers)
  }
}

/// As bytes: the count, for each flags (4), the length of its path (4), status (40) and digest (32), then the paths.
extension Sightings {
  private static let length = 4 + 4 + FileStatus.Key.length + 32

  /// How many bytes they are.
  var length: Int { 4 + Sightings.length * count + paths.count }

  init(_ reader: inout ByteReader) throws(ByteReader.Malformed) {
    let count = try reader.count(of: Sightings.length)
    let table = try reader.take(count * Sightings.length)
    list.reserveCapacity(count)
    ends.reserveCapacity(count)
    var end = 0
    table.withUnsafeBytes { table in
      for start in stride(from: 0, to: table.count, by: Sightings.length) {
        let number = {
          UInt32(littleEndian: table.loadUnaligned(fromByteOffset: start + $0, as: UInt32.self))
        }
        let flags = number(0)
        list.append(
          Sighting(
            status: FileStatus.Key(table, at: start + 8),
            digest: flags & 1 == 1 ? Digest(table, at: start + 48) : nil, isExecutable: flags & 8 == 8,
            isSettled: flags & 2 == 2, isNeeded: flags & 4 == 4))
        end += Int(number(4))
        ends.append(end)
      }
    }
    paths = Array(try reader.take(end))
  }

  func add(to writer: inout ByteWriter) {
    writer.add(count: count)
    let none = Digest(bytes: [UInt8](repeating: 0, count: 32))
    for (number, sighting) in list.enumerated() {
      writer.add(
        count: (sighting.digest == nil ? 0 : 1) | (sighting.isSettled ? 2 : 0) | (sighting.isNeeded ? 4 : 0)
          | (sighting.isExecutable ? 8 : 0))
      writer.add(count: range(number).count)
      writer.add(sighting.status)
      writer.add(sighting.digest ?? none)
    }
    writer.add(paths)
  }
}
