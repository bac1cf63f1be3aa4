internal import System

/// What a segment ends with: where everything is, so that nobody has to read it to know what it holds.
struct SegmentSeal {
  /// Where the head of each group stands.
  let groups: [Int]
  /// The places of all entries, sorted by digest.
  private let places: [UInt8]

  var count: Int { places.count / SegmentFormat.placeLength }

  static func bytes(groups: [Int], _ places: [SegmentKey: SegmentPlace]) -> [UInt8] {
    let sorted = places.sorted {
      $0.key.digest == $1.key.digest ? !$0.key.isRecord && $1.key.isRecord : $0.key.digest < $1.key.digest
    }
    let length =
      groups.count * 8 + sorted.count * SegmentFormat.placeLength + SegmentFormat.sealTailLength
    var bytes = ObjectFormat.frame(length: length)
    bytes.reserveCapacity(8 + length)
    for group in groups { bytes += UInt64(group).littleEndianBytes }
    for (key, place) in sorted {
      bytes += key.digest.bytes
      bytes += UInt32(place.group).littleEndianBytes
      bytes += UInt32(place.range.lowerBound).littleEndianBytes
      bytes += (UInt32(place.range.count) << 8 | UInt32(place.kind.rawValue)).littleEndianBytes
    }
    bytes += UInt32(groups.count).littleEndianBytes + UInt32(sorted.count).littleEndianBytes
    bytes += SegmentFormat.check(bytes)
    return bytes + ObjectFormat.endMark
  }

  /// How long the seal is that has a tail; nil for what is no tail, or of more than any segment has.
  static func length(tail: [UInt8]) -> Int? {
    guard tail.count == SegmentFormat.sealTailLength, tail.suffix(8) == ObjectFormat.endMark[...] else {
      return nil
    }
    let groups = Int(tail.littleEndian(at: 0, as: UInt32.self))
    let entries = Int(tail.littleEndian(at: 4, as: UInt32.self))
    guard max(groups, entries) <= SegmentFormat.entryLimit else { return nil }
    return 8 + groups * 8 + entries * SegmentFormat.placeLength + tail.count
  }

  /// - Parameter start: where it stands; nil if it is no seal of what stands before it.
  init?(_ bytes: [UInt8], at start: Int) {
    let tail = Array(bytes.suffix(SegmentFormat.sealTailLength))
    guard SegmentSeal.length(tail: tail) == bytes.count, bytes.count - 8 <= UInt32.max,
      bytes.starts(with: ObjectFormat.frame(length: bytes.count - 8)),
      SegmentFormat.check(Array(bytes.dropLast(16))) == Array(tail[8..<16])
    else { return nil }
    let count = Int(tail.littleEndian(at: 0, as: UInt32.self))
    var groups: [Int] = []
    groups.reserveCapacity(count)
    for number in 0..<count {
      let offset = bytes.littleEndian(at: 8 + number * 8, as: UInt64.self)
      // One behind the other, so that nobody reads the same again and again.
      guard offset <= start,
        groups.last.map({ Int(offset) >= $0 + SegmentFormat.headLength }) ?? true
      else { return nil }
      groups.append(Int(offset))
    }
    self.groups = groups
    places = Array(bytes[8 + count * 8..<bytes.count - SegmentFormat.sealTailLength])
  }

  func digest(_ number: Int) -> Digest {
    places.withUnsafeBytes { Digest($0, at: number * SegmentFormat.placeLength) }
  }

  /// Nil if it leads nowhere.
  func place(_ number: Int) -> SegmentPlace? {
    let start = number * SegmentFormat.placeLength + 32
    let group = Int(places.littleEndian(at: start, as: UInt32.self))
    let offset = Int(places.littleEndian(at: start + 4, as: UInt32.self))
    let length = Int(places.littleEndian(at: start + 8, as: UInt32.self) >> 8)
    guard let kind = SegmentEntry.Kind(rawValue: places[start + 8]), group < groups.count,
      offset + length <= SegmentFormat.groupLimit
    else { return nil }
    return SegmentPlace(kind: kind, group: group, range: offset..<offset + length)
  }

  func place(of key: SegmentKey) -> SegmentPlace? {
    var number = firstNumber { $0 >= key.digest }
    while number < count, digest(number) == key.digest {
      if let place = place(number), (place.kind == .record) == key.isRecord { return place }
      number += 1
    }
    return nil
  }

  /// The first entry whose digest fulfils what no smaller one does.
  func firstNumber(_ fits: (Digest) -> Bool) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if fits(digest(middle)) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
