import Artefacts
import Synchronization
import System

/// A store on another machine, kept by the brake that is started there over ssh.
public final class PipeFiles: RemoteFiles {
  public let name: String
  private let command: [String]
  private let talk: Mutex<Talk?> = Mutex(nil)

  /// Seconds without a sign of life after which the other end is given up.
  let patience: Int
  /// So many where it is needed: somebody may have to find a passphrase first.
  static let patience = 120
  /// So many where one can do without it: as long as three signs of life take.
  static let shortPatience = 30

  struct Talk {
    let process: PipeProcess
    let wire: Wire
    /// Whether the other end hands out parts of files; nil before it was asked.
    var knowsParts: Bool?
    /// Whether it takes segments; nil before it was asked.
    var takesSegments: Bool?

    init(_ command: [String], _ name: String, patience: Int) throws {
      process = try PipeProcess(command, name: name)
      wire = Wire(input: process.input, output: process.output, name: name, patience: patience)
      try wire.send(Wire.greeting)
      try wire.flush()
      guard try Array(wire.receive(Wire.greeting.count)) == Wire.greeting else {
        throw RemoteFailure.lying(
          name, "does not answer as 'brake serve-store' does: what starts there prints something else")
      }
    }
  }

  /// - Parameter command: a program and its arguments, which runs `brake serve-store --stdio`.
  init(_ command: [String], name: String, patience: Int = PipeFiles.patience) {
    self.command = command
    self.name = name
    self.patience = patience
  }

  public func present(among paths: [String]) async throws -> Set<String> {
    var present: Set<String> = []
    for batch in batches(paths) {
      try await talking { wire in
        try wire.send(UInt8(ascii: "P"))
        try wire.send(UInt32(batch.count))
        for path in batch { try wire.send(text: path) }
        try wire.flush()
        for (path, answer) in try zip(batch, wire.receive(batch.count)) where answer == 1 {
          present.insert(path)
        }
      }
    }
    return present
  }

  public func read(_ landings: [Landing]) async throws {
    var spoilt = 0
    for batch in batches(landings) {
      var open = Array(batch)
      while !open.isEmpty {
        do {
          try await talking { [open] wire in try self.read(open, wire) }
          open = []
        } catch let error as Spoilt {
          // The others come in a new talk.
          spoilt += 1
          if spoilt > PipeFiles.mostSpoilt {
            // Of those that have not come this says nothing.
            throw RemoteFailure.refused(
              name, "sends what is no sound object again and again: \(error.failure.headline)",
              hint: error.failure.hint)
          }
          open.removeAll { $0.outcome != nil }
        }
      }
    }
  }

  /// A file came that is not what it should be, and nobody knows where it ends.
  private struct Spoilt: Error { let failure: Failure }
  /// Such files for which a new talk is begun.
  private static let mostSpoilt = 16

  private func read(_ landings: [Landing], _ wire: Wire) throws {
    let isFirst = !wire.givesLife
    if isFirst { try PipeFiles.ask(for: Wire.life, wire) }
    try wire.send(UInt8(ascii: "R"))
    try wire.send(UInt32(landings.count))
    for landing in landings {
      try wire.send(text: landing.path)
      try wire.send(UInt64(landing.limit))
    }
    try wire.flush()
    // Whoever does not know of signs of life gives none.
    if isFirst { _ = try wire.receive(1) }
    wire.givesLife = true
    for landing in landings { try receive(landing, wire) }
  }

  private func receive(_ landing: Landing, _ wire: Wire) throws {
    var answer = Wire.isAlive
    while answer == Wire.isAlive { answer = try wire.receive(UInt8.self) }
    switch answer {
    case 0: landing.miss()
    case 1:
      if let reason = try wire.receiveFile({ try append($0, to: landing) }) {
        landing.fail(refused(reason))
      } else {
        landing.arrive()
      }
    default: landing.fail(refused(try wire.receiveText()))
    }
  }

  private func append(_ piece: UnsafeRawBufferPointer, to landing: Landing) throws {
    do { try landing.append(piece, from: name) } catch let error as Failure {
      // What goes wrong here goes wrong with all of them.
      guard error.code == .remote || error.code == .newer else { throw error }
      landing.fail(error)
      throw Spoilt(failure: error)
    }
  }

  public func write(_ shipments: [Shipment]) async throws {
    for batch in small(shipments) {
      let reason = try await talking { wire -> String? in
        try wire.send(UInt8(ascii: "W"))
        try wire.send(UInt32(batch.count))
        for shipment in batch { try self.send(shipment, wire) }
        try wire.flush()
        return try self.receiveOutcome(wire)
      }
      if let reason { throw refused(reason) }
    }
  }

  /// - Returns: why what was sent is not there; nil if it is.
  func receiveOutcome(_ wire: Wire) throws -> String? {
    while true {
      switch try wire.receive(UInt8.self) {
      case 1: return nil
      case Wire.isAlive: continue
      default: return try wire.receiveText()
      }
    }
  }

  private func send(_ shipment: Shipment, _ wire: Wire) throws {
    try wire.send(text: shipment.path)
    try wire.send(UInt8(shipment.isReplacing ? 1 : 0))
    switch shipment.content {
    case .bytes(let bytes): try bytes.withUnsafeBytes { try send($0, shipment, wire) }
    case .file(let path): try send(file: path, LocalFileSystem(), shipment, wire)
    case .object(let digest, of: let store):
      try store.withObjectFile(digest) { try send(file: $0, store.files, shipment, wire) }
    }
    try wire.send(UInt32(0))
  }

  private func send(file: String, _ files: any FileSystem, _ shipment: Shipment, _ wire: Wire) throws {
    try InputFile(file, files: files).pieces { try send($0, shipment, wire) }
  }

  private func send(_ bytes: UnsafeRawBufferPointer, _ shipment: Shipment, _ wire: Wire) throws {
    for start in stride(from: 0, to: bytes.count, by: Wire.mostOfPiece) {
      let end = min(start + Wire.mostOfPiece, bytes.count)
      try wire.send(piece: UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
    }
    shipment.sent(bytes.count)
  }

  func refused(_ text: String) -> Failure { RemoteFailure.refused(name, "says: \(text)") }

  private func batches<Item>(_ items: [Item]) -> [ArraySlice<Item>] {
    stride(from: 0, to: items.count, by: PipeFiles.batch).map {
      items[$0..<min($0 + PipeFiles.batch, items.count)]
    }
  }

  /// Batches that are durable before the next one is sent: of so many bytes, or one large object.
  func small(_ shipments: [Shipment]) -> [ArraySlice<Shipment>] {
    var batches: [ArraySlice<Shipment>] = []
    var (start, size) = (0, 0)
    for (index, shipment) in shipments.enumerated() {
      switch shipment.content {
      case .object(let digest, of: let store): size += (try? store.info(digest).storedBytes) ?? 0
      case .bytes(let bytes): size += bytes.count
      case .file: break
      }
      if size >= PipeFiles.batchSize || index + 1 - start == PipeFiles.batch {
        batches.append(shipments[start...index])
        (start, size) = (index + 1, 0)
      }
    }
    if start < shipments.count { batches.append(shipments[start...]) }
    return batches
  }

  private static let batch = 1000
  private static let batchSize = 64 << 20

  /// One question at a time. After an error nobody knows where in the talk one is: the next question begins a new one.
  private func talking<Answer: Sendable>(_ body: @escaping (Wire) throws -> Answer) async throws -> Answer {
    nonisolated(unsafe) let body = body
    let ask: @Sendable () throws -> Answer = { [self] in try asking { try body($0.wire) } }
    return try await withTaskExecutorPreference(TaskThreads.shared) { try ask() }
  }

  /// The same on a thread that may wait.
  func asking<Answer>(_ body: (inout Talk) throws -> Answer) throws -> Answer {
    try talk.withLock { talk in
      do {
        if talk == nil { talk = try Talk(command, name, patience: patience) }
        return try body(&talk!)
      } catch {
        talk = nil
        throw error
      }
    }
  }
}
