internal import Artefacts
internal import System

/// Small objects and records on their way to another place. Where there are enough of them, and the place takes that, they go together
/// in a segment, otherwise each as a file.
struct SmallShipments {
  private let store: Store
  private let remote: any RemoteFiles
  private let progress: TransferProgress
  /// Nil where nothing goes in a segment.
  private var taking: (any SegmentTaking)?
  private var segment: OutgoingSegment?
  /// What waits, in the order in which it is to be there: what stands in a later list may name what stands in an earlier one.
  private var waiting: [[Item]] = [[]]

  private enum Item {
    case object(Digest)
    case record(Record)
  }

  /// - Parameter remote: what is there is a store already.
  init(of store: Store, to remote: any RemoteFiles, _ progress: TransferProgress) {
    self.store = store
    self.remote = remote
    self.progress = progress
    taking = remote as? any SegmentTaking
  }

  /// Takes an object.
  /// - Returns: false if it is to be sent by itself.
  mutating func take(_ digest: Digest) async throws -> Bool {
    try await take(.object(digest)) { try $0.add(digest) }
  }

  mutating func take(_ record: Record) async throws -> Bool {
    try await take(.record(record)) { try $0.add(record) }
  }

  private mutating func take(_ item: Item, _ add: (OutgoingSegment) throws -> Bool) async throws -> Bool {
    if taking == nil { return false }
    if segment?.isFull == true { try await send() }
    // It may have become clear that there will be no more segments.
    if taking == nil { return false }
    do {
      let segment = try self.segment ?? OutgoingSegment(of: store)
      self.segment = segment
      guard try add(segment) else { return false }
    } catch let error as Failure where error.isFull {
      try await sendWithoutSegments()
      return false
    }
    waiting[waiting.count - 1].append(item)
    return true
  }

  /// What comes from now on may name what came until now.
  mutating func beginLater() { if waiting.last?.isEmpty == false { waiting.append([]) } }

  /// Sends what waits: something else may name it then.
  mutating func send() async throws {
    let (segment, waiting) = (segment, waiting)
    self.segment = nil
    self.waiting = [[]]
    let count = waiting.reduce(0) { $0 + $1.count }
    guard let segment, let taking, count > 0 else { return }
    if count >= OutgoingSegment.least, try await taking.takesSegments() {
      if try SmallShipments.finish(segment), try await taking.add(segment) {
        progress.bytesHaveCome(segment.size)
        return noteDone(waiting)
      }
      self.taking = nil
    }
    try await sendFiles(waiting)
  }

  /// - Returns: false if there is no room for it here.
  private static func finish(_ segment: OutgoingSegment) throws -> Bool {
    do {
      try segment.finish()
      return true
    } catch let error as Failure where error.isFull { return false }
  }

  /// Where the disk here is full, each goes as the file that it is.
  private mutating func sendWithoutSegments() async throws {
    let waiting = waiting
    self.waiting = [[]]
    segment = nil
    taking = nil
    try await sendFiles(waiting)
  }

  private func sendFiles(_ lists: [[Item]]) async throws {
    for list in lists { try await remote.write(list.map(shipment)) }
    noteDone(lists)
  }

  private func shipment(_ item: Item) -> Shipment {
    switch item {
    case .object(let digest):
      Shipment(
        path: StorePath.object(digest).text, content: .object(digest, of: store),
        sent: progress.bytesHaveCome)
    case .record(let record):
      Shipment(
        path: StorePath.record(record.key).text, content: .bytes(record.storedBytes),
        sent: progress.bytesHaveCome)
    }
  }

  private func noteDone(_ lists: [[Item]]) {
    progress.objectsAreDone(
      lists.joined().reduce(0) { count, item in if case .object = item { count + 1 } else { count } })
  }
}
