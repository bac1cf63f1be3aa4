import System

/// Some files that are read over SFTP: all are opened at once, short ones come at once, long ones one after the other.
struct SFTPReading {
  private let session: SFTPSession
  private let landings: [Landing]

  init(_ session: SFTPSession, _ landings: [Landing]) {
    self.session = session
    self.landings = landings
  }

  private struct OpenFile {
    let landing: Landing
    let handle: [UInt8]
    var size = 0
  }

  /// - Parameter place: where a file is on the server.
  /// - Throws: if nothing more can be read in this talk.
  func run(_ place: (String) -> String) throws {
    let files = try open(place)
    for file in files where file.landing.outcome == nil && file.size > file.landing.limit {
      file.landing.fail(
        RemoteFailure.damaged(
          session.name,
          "offers \(file.size) bytes for \(file.landing.path), which has \(file.landing.limit) at most"))
    }
    let wanted = files.filter { $0.landing.outcome == nil }
    let short = wanted.filter { $0.size <= SFTPSession.piece }
    try session.ask(short.count, { question(short[$0].handle, at: 0, count: short[$0].size + 1) }) {
      index, answer in
      let landing = short[index].landing
      let piece = try data(answer, landing)
      landing.attempt { try piece.get().withUnsafeBytes { try landing.append($0, from: session.name) } }
    }
    for file in wanted where file.landing.outcome == nil { try readOn(file, 0..<file.size) }
    try close(files)
  }

  /// Reads a part of the only file.
  /// - Returns: how many bytes the file has; nil if it is not there.
  func run(_ part: WantedPart, _ place: (String) -> String) throws -> Int? {
    let files = try open(place)
    for file in files where file.landing.outcome == nil { try readOn(file, part.range(in: file.size)) }
    try close(files)
    return try landings[0].isThere() ? files[0].size : nil
  }

  /// Opens all files that are there, and asks for their sizes.
  private func open(_ place: (String) -> String) throws -> [OpenFile] {
    var files: [OpenFile] = []
    try session.ask(
      landings.count,
      { index in
        var packet = SFTPPacket(.open, path: place(landings[index].path))
        packet.add(UInt32(1))
        packet.add(UInt32(0))
        return packet
      },
      { index, answer in
        switch try session.value(.handle, answer, { $0.text().map(Array.init) }) {
        case .success(let handle): files.append(OpenFile(landing: landings[index], handle: handle))
        case .failure(let refusal) where refusal.status.code == SFTPStatus.noSuchFile: landings[index].miss()
        case .failure(let refusal):
          landings[index].fail(session.refusal(refusal.status, landings[index].path))
        }
      })
    try session.ask(files.count, { SFTPPacket(.statusOfOpen, handle: files[$0].handle) }) { index, answer in
      let landing = files[index].landing
      switch try session.value(.attributes, answer, SFTPReading.size) {
      case .success(let size) where size <= 1 << 50: files[index].size = Int(size)
      case .success(let size):
        landing.fail(RemoteFailure.damaged(session.name, "says that \(landing.path) has \(size) bytes"))
      case .failure(let refusal): landing.fail(session.refusal(refusal.status, landing.path))
      }
    }
    return files
  }

  private func close(_ files: [OpenFile]) throws {
    _ = try session.statuses(files.map { SFTPPacket(.close, handle: $0.handle) })
  }

  /// Reads what has not come yet of a part.
  private func readOn(_ file: OpenFile, _ part: Range<Int>) throws {
    let landing = file.landing
    while landing.outcome == nil, landing.count < part.count { try readOn(landing, file.handle, part) }
    if landing.outcome == nil { landing.arrive() }
  }

  /// Reads on where what has come ends, up to the end of the part, or to where the server gave less than was asked for.
  private func readOn(_ landing: Landing, _ handle: [UInt8], _ part: Range<Int>) throws {
    let before = landing.count
    let start = part.lowerBound + before
    let count = (part.upperBound - start + SFTPSession.piece - 1) / SFTPSession.piece
    /// What came before its turn: no more than is on its way at once.
    var early: [Int: ArraySlice<UInt8>] = [:]
    var turn = 0
    var isGapless = true
    func length(_ index: Int) -> Int {
      min(SFTPSession.piece, part.upperBound - start - index * SFTPSession.piece)
    }
    try session.ask(
      count,
      { index in
        // What failed is not read on.
        landing.outcome != nil || !isGapless
          ? nil : question(handle, at: start + index * SFTPSession.piece, count: length(index))
      },
      { index, answer in
        let piece = try data(answer, landing)
        landing.attempt { early[index] = try piece.get() }
        while isGapless, landing.outcome == nil, let piece = early.removeValue(forKey: turn) {
          landing.attempt { try piece.withUnsafeBytes { try landing.append($0, from: session.name) } }
          isGapless = piece.count == length(turn)
          turn += 1
        }
        if !isGapless { early = [:] }
      })
    if landing.outcome == nil, landing.count == before {
      landing.fail(
        RemoteFailure.damaged(session.name, "ends \(landing.path) before the size that it says it has"))
    }
  }

  private func question(_ handle: [UInt8], at offset: Int, count: Int) -> SFTPPacket {
    var packet = SFTPPacket(.read, handle: handle)
    packet.add(UInt64(offset))
    packet.add(UInt32(count))
    return packet
  }

  /// Empty at the end of the file.
  private func data(_ answer: SFTPAnswer, _ landing: Landing) throws -> Result<ArraySlice<UInt8>, Failure> {
    switch try session.value(.data, answer, { $0.text() }) {
    case .success(let bytes): .success(bytes)
    case .failure(let refusal) where refusal.status.code == SFTPStatus.end: .success([])
    case .failure(let refusal): .failure(session.refusal(refusal.status, landing.path))
    }
  }

  /// Of a file's attributes; zero if they hold no size.
  private static func size(_ answer: inout SFTPAnswer) -> UInt64? {
    guard let flags = answer.number(UInt32.self) else { return nil }
    return flags & 1 == 0 ? 0 : answer.number(UInt64.self)
  }
}

extension Landing {
  /// Does something of which the failure is this one's alone.
  fileprivate func attempt(_ body: () throws -> Void) {
    do { try body() } catch { fail(error) }
  }
}
