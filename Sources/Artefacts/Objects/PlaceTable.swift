/// Reads from a footer where the bytes of chunks start in the bases of an object.
struct PlaceTable {
  private let bytes: [UInt8]
  private var offset: Int
  private let bases: Int
  /// Behind the last bytes of the base, and of first and second moments, that a chunk before has named.
  private var ends = (base: 0, first: 0, second: 0)

  /// - Parameters:
  ///   - offset: where the places of the first chunk stand.
  ///   - bases: how many the object has.
  init(_ bytes: [UInt8], at offset: Int, bases: Int) {
    self.bytes = bytes
    self.offset = offset
    self.bases = bases
  }

  /// Gives the next chunk its places.
  mutating func read(into entry: inout ChunkEntry) throws(Damage) {
    if bases == 0 {
      if entry.codec.isDelta { throw Damage("it is a difference from nothing") }
      return
    }
    entry.base = try next(entry.codec.isDelta, behind: ends.base)
    if entry.codec.isDelta { ends.base = entry.base + entry.length }
    if bases == 1 { return }
    let isUpdated = entry.codec == .updatedWeights
    entry.moments.first = try next(isUpdated, behind: ends.first)
    entry.moments.second = try next(isUpdated, behind: ends.second)
    if !isUpdated { return }
    ends.first = entry.moments.first + entry.length
    ends.second = entry.moments.second + entry.length
  }

  /// A place, which is not before the end of the last one of its kind, so that who reads the object reads its bases once.
  private mutating func next(_ isUsed: Bool, behind end: Int) throws(Damage) -> Int {
    let place = bytes.littleEndian(at: offset, as: UInt64.self)
    offset += ObjectFormat.baseOffsetLength
    guard isUsed ? UInt64(end) <= place && place < 1 << 62 : place == 0 else {
      throw Damage("its places in its base are malformed")
    }
    return Int(place)
  }
}
