import Artefacts
import System

/// Small objects and records go many at once, in a segment that the other end takes apart.
extension PipeFiles: SegmentTaking {
  func takesSegments() async throws -> Bool {
    try await RemoteStore.waiting { [self] in
      try asking { talk in
        if let known = talk.takesSegments { return known }
        let takes = try PipeFiles.knows(Wire.segments, talk.wire)
        talk.takesSegments = takes
        return takes
      }
    }
  }

  func add(_ segment: OutgoingSegment) async throws -> Bool {
    guard try await takesSegments() else { return false }
    let path = segment.path
    let reason: String? = try await RemoteStore.waiting { [self] in
      try asking { talk in
        let wire = talk.wire
        try wire.send(UInt8(ascii: "S"))
        try wire.send(UInt32(1))
        try InputFile(path, files: LocalFileSystem()).pieces { try wire.send(piece: $0) }
        try wire.send(UInt32(0))
        try wire.flush()
        return try receiveOutcome(wire)
      }
    }
    if let reason { throw refused(reason) }
    return true
  }
}
