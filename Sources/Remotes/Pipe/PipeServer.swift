public import Artefacts
import System

/// The other end of `PipeFiles`: serves a store to whoever speaks over two descriptors.
public struct PipeServer {
  let files: StoreFiles
  let store: Store
  let isReadOnly: Bool
  let wire: Wire
  /// How often it gives signs of life.
  private let pulse: Duration

  public init(
    _ store: Store, isReadOnly: Bool, input: Int32, output: Int32, pulse: Duration = .seconds(10)
  ) {
    self.pulse = pulse
    files = StoreFiles(store)
    self.store = store
    self.isReadOnly = isReadOnly
    wire = Wire(input: input, output: output, name: "the other end", patience: nil)
  }

  /// The other end went away in the middle of a question or an answer. It knows that itself, and what it was, whether its user
  /// ended it or a network.
  public struct Abandoned: Error {}

  /// Answers until the other end has nothing more to ask.
  /// - Throws: `Abandoned` if that goes away after it has begun.
  public func run() async throws {
    // Also if the other end has gone away before its end.
    defer { store.sealSegment() }
    try await withTaskExecutorPreference(TaskThreads.shared) { try await serve() }
  }

  private func serve() async throws {
    guard try Array(wire.receive(Wire.greeting.count)) == Wire.greeting else {
      throw Failure(
        .malformed, "what comes over the standard input is no brake's question",
        hint: "'brake push' and 'brake pull' start this command over ssh; there is no need to start it")
    }
    do {
      try wire.send(Wire.greeting)
      try wire.flush()
      try await answer()
    } catch let error as Failure where error.code == .remote {
      throw Abandoned()
    }
  }

  private func answer() async throws {
    while let request = try wire.receiveRequest() {
      let count = Int(try wire.receive(UInt32.self))
      guard count <= Wire.mostItems else { throw violation }
      switch request {
      case UInt8(ascii: "P"): try await tell(count)
      case UInt8(ascii: "R"): try await read(count)
      case UInt8(ascii: "G"): try readParts(count)
      case UInt8(ascii: "W"): try await write(count)
      case UInt8(ascii: "S"): try takeSegments(count)
      default: throw violation
      }
      try wire.flush()
    }
  }

  var violation: Failure { Failure(.malformed, "the other end does not keep to the protocol") }

  func path() throws -> String {
    let path = try wire.receiveText()
    guard path.utf8.count <= Wire.mostOfPath else { throw violation }
    return path
  }

  private func tell(_ count: Int) async throws {
    var paths: [String] = []
    for _ in 0..<count { paths.append(try path()) }
    for path in paths {
      if path == Wire.life { wire.givesLife = true }
      let isKnown = [Wire.parts, Wire.segments, Wire.life].contains(path)
      let isThere = isKnown ? true : try? await !files.present(among: [path]).isEmpty
      try wire.send(UInt8(isThere == true ? 1 : 0))
    }
  }

  private func read(_ count: Int) async throws {
    var wanted: [(path: String, limit: Int)] = []
    for _ in 0..<count { wanted.append((try path(), Int(clamping: try wire.receive(UInt64.self)))) }
    for (path, limit) in wanted {
      var hasBegun = false
      let signs = SignsOfLife(wire)
      let landing = Landing(path, limit: limit) { piece in
        if !hasBegun {
          signs.end()
          try wire.send(UInt8(1))
        }
        hasBegun = true
        try wire.send(piece: piece)
      }
      if !wire.givesLife { signs.end() }
      try await signs.during(every: pulse) { try await files.read([landing]) }
      switch landing.outcome {
      case .success(.isThere):
        if !hasBegun { try wire.send(UInt8(1)) }
        try wire.send(UInt32(0))
      case .failure(let error):
        if hasBegun { try wire.send(Wire.noMore) } else { try wire.send(UInt8(2)) }
        try wire.send(text: PipeServer.words(error))
      default: try wire.send(UInt8(0))
      }
    }
  }

  /// All of a request is written at once. What has come is taken even if nothing of it is wanted, so that the other end
  /// gets to read the answer.
  private func write(_ count: Int) async throws {
    var shipments: [Shipment] = []
    var refusal: (any Error)?
    let signs = SignsOfLife(wire)
    // What has no file is kept in memory until all has come.
    var room = PipeServer.memoryLimit
    if isReadOnly { refusal = Failure(.refused, "this store is served for reading only") }
    for _ in 0..<count {
      let path = try path()
      let isReplacing = try wire.receive(UInt8.self) == 1
      do {
        if let shipment = try receive(path, isReplacing, isWanted: refusal == nil, room, signs) {
          if case .bytes(let bytes) = shipment.content { room -= bytes.count }
          shipments.append(shipment)
        }
      } catch let error as Failure where error.code != .remote {
        refusal = refusal ?? error
      }
    }
    do {
      if let refusal { throw refusal }
      try await signs.during(every: pulse) { try await files.write(shipments) }
      try wire.send(UInt8(1))
    } catch {
      for shipment in shipments {
        if case .file(let path) = shipment.content { try? store.files.remove(path) }
      }
      try wire.send(UInt8(2))
      try wire.send(text: PipeServer.words(error))
    }
  }

  /// Bytes of records and other small files of one request.
  private static let memoryLimit = 1 << 30

  private func receive(
    _ path: String, _ isReplacing: Bool, isWanted: Bool, _ room: Int, _ signs: SignsOfLife
  ) throws -> Shipment? {
    let isObject = if case .object = StorePath(path) { true } else { false }
    var failure: (any Error)?
    var file: String?
    if isObject && isWanted { do { file = try store.newFilePath() } catch { failure = error } }
    let limit = isObject ? Int.max : min(Record.sizeLimit, room)
    let landing = Landing(path, limit: limit, file: file.map { ($0, store.files) })
    defer { landing.discard() }
    // All of it is read whatever happens, so that both ends know where they are.
    let reason = try wire.receiveFile { piece in
      guard isWanted, failure == nil else { return }
      do { try landing.append(piece, from: "the other end") } catch { failure = error }
    }
    if let reason { throw Failure(.refused, reason) }
    if let failure { throw Failure(.refused, PipeServer.words(failure)) }
    if !isWanted { return nil }
    landing.arrive()
    _ = try landing.isThere()
    return Shipment(
      path: path, content: file.map { .file($0) } ?? .bytes(landing.bytes), isReplacing: isReplacing,
      sent: { _ in signs.give() })
  }

  /// What the other end is told of an error.
  static func words(_ error: any Error) -> String { (error as? Failure)?.headline ?? "\(error)" }
}
