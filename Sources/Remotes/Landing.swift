import Artefacts
public import System

/// Where a file from another place arrives: in memory, in a file on this machine, or with somebody who wants it as it comes. Of what is to
/// be an object no more comes than can be one, but with who wants it as it comes. Used by one task at a time.
public final class Landing: @unchecked Sendable {
  /// The file's name in the other place.
  public let path: String
  /// Bytes at most: whoever sends more is not listened to.
  public let limit: Int
  /// Bytes at most from whoever does not say beforehand how many come.
  let unannouncedLimit: Int
  /// What became of it; nil until it has been tried.
  public private(set) var outcome: Result<Arrival, any Error>?
  /// The bytes that have arrived.
  public private(set) var count = 0
  /// Whether the answer that comes now has begun.
  var isGoingOn = false
  /// Of one in memory.
  public private(set) var bytes: [UInt8] = []

  public enum Arrival: Sendable { case isThere, isNotThere }

  private let target: (path: String, files: any FileSystem)?
  private let pass: ((UnsafeRawBufferPointer) throws -> Void)?
  private let takeContent: (([UInt8]) throws -> Void)?
  private let whenThere: (Landing) throws -> Void
  private let received: @Sendable (Int) -> Void
  private var descriptor: Int32 = -1
  /// What has come of an object; nil for other files.
  private var arriving: ArrivingObject?

  /// - Parameters:
  ///   - unannounced: bytes at most from whoever does not say beforehand how many come; nil for as many as from others.
  ///   - file: where its bytes are written; nil for memory.
  ///   - received: told of how many bytes have come.
  ///   - content: takes the bytes of an object in place of its file, where they come without one and have its digest.
  ///   - whenThere: called once all of a file has come; what it throws is the outcome.
  public init(
    _ path: String, limit: Int, unannounced: Int? = nil,
    file: (path: String, files: any FileSystem)? = nil,
    received: @escaping @Sendable (Int) -> Void = { _ in }, content: (([UInt8]) throws -> Void)? = nil,
    whenThere: @escaping (Landing) throws -> Void = { _ in }
  ) {
    self.path = path
    self.limit = limit
    unannouncedLimit = min(limit, unannounced ?? limit)
    target = file
    pass = nil
    takeContent = content
    self.received = received
    self.whenThere = whenThere
    if isOfObject { arriving = ArrivingObject() }
  }

  /// One that hands on what comes, and keeps nothing.
  init(_ path: String, limit: Int, pass: @escaping (UnsafeRawBufferPointer) throws -> Void) {
    self.path = path
    self.limit = limit
    unannouncedLimit = limit
    self.pass = pass
    target = nil
    takeContent = nil
    received = { _ in }
    whenThere = { _ in }
  }

  /// Takes the next bytes.
  func append(_ piece: UnsafeRawBufferPointer, from name: String) throws {
    guard piece.count <= limit - count else {
      throw RemoteFailure.damaged(name, "sends more than \(limit) bytes for \(path)")
    }
    do throws(Failure) { try arriving?.take(piece) } catch {
      if error.code != .damaged { throw error }
      throw RemoteFailure.damaged(name, "sends a damaged object for \(path): \(error.headline)")
    }
    if let pass {
      try pass(piece)
    } else if let target {
      if descriptor < 0 { descriptor = try target.files.create(target.path, mode: 0o600) }
      try target.files.write(piece, to: descriptor, path: target.path)
    } else {
      bytes.append(contentsOf: piece)
    }
    count += piece.count
    received(piece.count)
  }

  /// Forgets what has come: it comes again from the start.
  func restart() throws {
    received(-count)
    count = 0
    bytes = []
    if arriving != nil { arriving = ArrivingObject() }
    guard let target, descriptor >= 0 else { return }
    try close()
    try target.files.remove(target.path)
  }

  /// All of it has come.
  func arrive() {
    outcome = Result {
      if let target, descriptor < 0 { descriptor = try target.files.create(target.path, mode: 0o600) }
      try close()
      try whenThere(self)
      return .isThere
    }
  }

  /// Whether it takes the bytes of an object without a file.
  var takesContent: Bool { takeContent != nil }

  /// The bytes of the object have come, and have its digest.
  func arrive(content: [UInt8]) {
    count = content.count
    received(content.count)
    outcome = Result {
      try takeContent?(content)
      return .isThere
    }
  }

  /// There is no such file.
  func miss() { outcome = .success(.isNotThere) }

  /// It is looked for elsewhere.
  func reopen() { outcome = nil }

  func fail(_ error: any Error) {
    try? close()
    outcome = .failure(error)
  }

  /// Lets go of what has come to memory.
  func forget() { bytes = [] }

  /// Removes what has come, unless all of it did and somebody took it.
  func discard() {
    if case .success(.isThere) = outcome { return }
    try? close()
    if let target { try? target.files.remove(target.path) }
  }

  private func close() throws {
    guard let target, descriptor >= 0 else { return }
    defer { descriptor = -1 }
    try target.files.close(descriptor, path: target.path)
  }

  deinit { try? close() }
}
