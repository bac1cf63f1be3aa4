package import System

/// A sealed segment of which no more is at hand than its seal: what it holds, and where. Whoever has some of its bytes gets from them
/// what stands there.
package struct SealedSegment: Sendable {
  /// Bytes of the segment.
  package let size: Int
  private let seal: SegmentSeal
  /// Where the seal starts.
  private let start: Int

  /// Bytes of a segment, at most.
  package static let sizeLimit = SegmentFormat.segmentLimit
  /// Bytes of an object in a segment, at most.
  package static let objectLimit = SegmentFormat.objectLimit

  package struct Place: Sendable {
    /// The number of the group that it stands in.
    package let group: Int
    let kind: SegmentEntry.Kind
    let range: Range<Int>
  }

  /// How many bytes the seal has of a segment of a size that ends like this.
  /// - Returns: nil if it has none.
  package static func sealLength(_ end: [UInt8], ofSize size: Int) -> Int? {
    guard size <= sizeLimit,
      let length = SegmentSeal.length(tail: Array(end.suffix(SegmentFormat.sealTailLength))),
      length <= size - SegmentFormat.header.count
    else { return nil }
    return length
  }

  /// - Parameter seal: the last bytes of the segment, as many as `sealLength` says.
  /// - Returns: nil if it is not sound.
  package init?(seal bytes: [UInt8], ofSize size: Int) {
    start = size - bytes.count
    guard let seal = SegmentSeal(bytes, at: start) else { return nil }
    self.seal = seal
    self.size = size
  }

  package func place(ofObject digest: Digest) -> Place? { place(.object(digest)) }
  package func place(ofRecord key: Digest) -> Place? { place(.record(key)) }

  private func place(_ key: SegmentKey) -> Place? {
    seal.place(of: key).map { Place(group: $0.group, kind: $0.kind, range: $0.range) }
  }

  /// Where a group stands in the segment: no group has more bytes.
  package func bytes(ofGroup number: Int) -> Range<Int> {
    let first = seal.groups[number]
    let end = number + 1 < seal.groups.count ? seal.groups[number + 1] : start
    return first..<min(max(first, end), first + SealedSegment.groupLimit)
  }

  private static let groupLimit =
    SegmentFormat.headLength + Compressor.bound(SegmentFormat.groupLimit)

  /// What a group holds, from its bytes.
  /// - Throws: a `Failure` if they are not what was written.
  package static func content(ofGroup bytes: ArraySlice<UInt8>) throws(Failure) -> [UInt8] {
    let bytes = Array(bytes)
    guard let head = SegmentHead(Array(bytes.prefix(SegmentFormat.headLength))),
      SegmentFormat.headLength + head.stored <= bytes.count
    else { throw Failure(.damaged, "the head of a group does not match its check") }
    let frame = Array(bytes[SegmentFormat.headLength..<SegmentFormat.headLength + head.stored])
    do { return try SegmentGroup.logical(head, frame, Decompressor()) } catch {
      throw Failure(.damaged, error.reason)
    }
  }

  /// The bytes of an object, as they have its digest.
  /// - Parameter content: of its group.
  /// - Throws: a `Failure` if they are others.
  package static func object(
    _ digest: Digest, at place: Place, in content: [UInt8]
  ) throws(Failure) -> [UInt8] {
    guard place.kind != .record, place.range.upperBound <= content.count else {
      throw Failure(.damaged, "an entry reaches beyond its group")
    }
    let bytes = Array(content[place.range])
    guard Digest(of: bytes) == digest else { throw Failure(.damaged, "an entry is another object") }
    return bytes
  }

  /// The bytes of a record, which are one.
  /// - Throws: a `Failure` if they are none, or of another action.
  package static func record(
    _ key: Digest, at place: Place, in content: [UInt8]
  ) throws(Failure) -> [UInt8] {
    guard place.kind == .record, place.range.upperBound <= content.count else {
      throw Failure(.damaged, "an entry reaches beyond its group")
    }
    let bytes = Array(content[place.range])
    do { _ = try RecordFile.read(bytes, key: key) } catch let damage as Damage {
      throw Failure(.damaged, damage.reason)
    } catch let failure as Failure {
      throw failure
    } catch {
      throw Failure(.damaged, "\(error)", cause: error)
    }
    return bytes
  }
}
