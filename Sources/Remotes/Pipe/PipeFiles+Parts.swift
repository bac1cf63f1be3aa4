import System

/// Parts of objects, from those who know how to hand them out: older ones are found out before they are asked, and send whole files.
extension PipeFiles: RangedFiles {
  func read(_ part: WantedPart, of path: String) throws -> FilePart {
    // What is refused in words ends no talk.
    let answer: Result<FilePart, Failure> = try asking { talk in
      let wire = talk.wire
      if talk.knowsParts == nil { talk.knowsParts = try PipeFiles.knows(Wire.parts, wire) }
      guard talk.knowsParts == true else { return .success(.wholeOnly) }
      try wire.send(UInt8(ascii: "G"))
      try wire.send(UInt32(1))
      try wire.send(text: path)
      switch part {
      case .last(let count):
        try wire.send(Wire.fromEnd)
        try wire.send(UInt64(count))
      case .range(let range):
        try wire.send(UInt64(range.lowerBound))
        try wire.send(UInt64(range.count))
      }
      try wire.flush()
      return try receive(part, of: path, wire)
    }
    return try answer.get()
  }

  /// To those who do not know of it, it is a file that they do not have.
  static func knows(_ path: String, _ wire: Wire) throws -> Bool {
    try ask(for: path, wire)
    try wire.flush()
    return try wire.receive(UInt8.self) == 1
  }

  static func ask(for path: String, _ wire: Wire) throws {
    try wire.send(UInt8(ascii: "P"))
    try wire.send(UInt32(1))
    try wire.send(text: path)
  }

  private func receive(_ part: WantedPart, of path: String, _ wire: Wire) throws -> Result<FilePart, Failure>
  {
    switch try wire.receive(UInt8.self) {
    case 0: return .success(.missing)
    case 1: break
    default: return .failure(refused(try wire.receiveText()))
    }
    let size = try wire.receive(UInt64.self)
    var bytes: [UInt8] = []
    let reason = try wire.receiveFile { piece in
      guard piece.count <= part.limit - bytes.count else {
        throw RemoteFailure.lying(name, "sends more than the part of \(path) that it was asked for")
      }
      bytes.append(contentsOf: piece)
    }
    if let reason { return .failure(refused(reason)) }
    guard size <= 1 << 50, part.range(in: Int(size)).count == bytes.count else {
      throw RemoteFailure.lying(name, "sends another part of \(path) than it was asked for")
    }
    return .success(.bytes(bytes, ofSize: Int(size)))
  }
}
