internal import System

/// Where the bytes of an object come from. Read once, in order, but for what others are predicted from.
struct ByteSource {
  let size: Int
  /// Fills the whole buffer with the bytes from this offset on.
  let read: (UnsafeMutableRawBufferPointer, _ offset: Int) throws -> Void

  /// The first bytes, as many as there are.
  func start(_ count: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: min(count, size))
    try bytes.withUnsafeMutableBytes { if !$0.isEmpty { try read($0, 0) } }
    return bytes
  }
}

/// The object of which another one is to be a difference.
struct DeltaBase {
  typealias Read = (UnsafeMutableRawBufferPointer, _ offset: Int) throws -> Void

  let digest: Digest
  /// Fills the whole buffer with its bytes from this offset on.
  let read: Read
  /// The object with the moments of updated weights; first and second ones are read by turns.
  var states: (digest: Digest, first: Read, second: Read)?
}

/// Codes bytes into an object file.
struct ObjectWriter {
  let files: any FileSystem
  let pool: CoderPool

  struct Result {
    let artefact: Artefact
    /// The object file; nil where none was written, since `isStored` said that there is one.
    let path: String?
    /// What it is a difference from.
    var bases: [Digest] = []
  }

  /// Codes the chunks a few at a time and in parallel, each decoded and compared before it is written.
  /// - Parameters:
  ///   - plan: lengths that add up to the source's.
  ///   - base: what the differences in the plan are differences from.
  ///   - path: called once, before the first byte is written.
  ///   - isStored: whether an object is in the store already; asked before anything is written where the bytes fit in
  ///     one window, afterwards otherwise.
  func write(
    _ source: ByteSource, _ plan: [ChunkPlan], against base: DeltaBase? = nil, to path: () throws -> String,
    unless isStored: (Digest) throws -> Bool
  ) throws -> Result {
    let window = min(plan.count, Parallel.window)
    return try pool.withCoders(window) { coders in
      var pass = Pass(identity: ContentIdentity(size: source.size))
      if plan.count <= window {
        try pass.read(plan[...], source, base, coders)
        for (coder, chunk) in zip(coders, plan) { pass.identity.update(coder.bytes(chunk)) }
        let artefact = pass.identity.finalize()
        if try isStored(artefact.digest) { return Result(artefact: artefact, path: nil) }
        return try output(to: path(), base) { append in
          let entries = try pass.encode(plan[...], coders, hashing: false)
          for (coder, entry) in zip(coders, entries) { try append(coder.frames(entry)) }
          return (artefact, entries)
        }
      }
      let result = try output(to: path(), base) { append in
        var entries: [ChunkEntry] = []
        entries.reserveCapacity(plan.count)
        for start in stride(from: 0, to: plan.count, by: window) {
          let part = plan[start..<min(start + window, plan.count)]
          try pass.read(part, source, base, coders)
          let coded = try pass.encode(part, coders, hashing: true)
          for (coder, entry) in zip(coders, coded) { try append(coder.frames(entry)) }
          entries += coded
        }
        return (pass.identity.finalize(), entries)
      }
      if try isStored(result.artefact.digest) {
        if let path = result.path { try files.remove(path) }
        return Result(artefact: result.artefact, path: nil)
      }
      return result
    }
  }

  /// Writes header, what `chunks` appends, and footer.
  private func output(
    to path: String, _ base: DeltaBase?, _ chunks: (@escaping Append) throws -> (Artefact, [ChunkEntry])
  ) throws -> Result {
    try files.writeFile(path, mode: 0o444) { append in
      try ObjectFormat.header.withUnsafeBytes(append)
      let (artefact, entries) = try chunks(append)
      let size = entries.reduce(0) { $0 + $1.length }
      let isUpdated = entries.contains { $0.codec == .updatedWeights }
      let footer = ObjectFooter(
        chunks: entries, digest: artefact.digest, kind: artefact.kind, size: size, base: base?.digest,
        states: isUpdated ? base?.states?.digest : nil)
      try footer.bytes.withUnsafeBytes(append)
      return Result(artefact: artefact, path: path, bases: footer.bases)
    }
  }

  /// One walk over a source's bytes.
  private struct Pass {
    var identity: ContentIdentity
    var offset = 0

    mutating func read(
      _ plan: ArraySlice<ChunkPlan>, _ source: ByteSource, _ base: DeltaBase?, _ coders: [ChunkCoder]
    ) throws {
      for (coder, chunk) in zip(coders, plan) {
        try source.read(UnsafeMutableRawBufferPointer(rebasing: coder.logical[..<chunk.length]), offset)
        if let delta = chunk.delta {
          try base?.read(
            UnsafeMutableRawBufferPointer(rebasing: coder.base.bytes[..<chunk.length]), delta.base)
        }
        if chunk.delta?.codec.isPredicted == true { try readBeside(chunk, source, base, coder) }
        offset += chunk.length
      }
    }

    /// Reads what a chunk is predicted from besides the base's bytes.
    private func readBeside(
      _ chunk: ChunkPlan, _ source: ByteSource, _ base: DeltaBase?, _ coder: ChunkCoder
    ) throws {
      let first = UnsafeMutableRawBufferPointer(rebasing: coder.beside.0.bytes[..<chunk.length])
      let second = UnsafeMutableRawBufferPointer(rebasing: coder.beside.1.bytes[..<chunk.length])
      if let moments = chunk.delta?.moments {
        try source.read(first, moments.now)
        try base?.read(second, moments.before)
      } else if let places = chunk.delta?.update?.places {
        try base?.states?.first(first, places.first)
        try base?.states?.second(second, places.second)
      }
    }

    /// Codes what was read and, as one more piece of parallel work, hashes it.
    mutating func encode(
      _ plan: ArraySlice<ChunkPlan>, _ coders: [ChunkCoder], hashing: Bool
    ) throws -> [ChunkEntry] {
      let chunks = Array(plan)
      let identity = Slot(self.identity)
      let entries = chunks.map { _ in Slot<ChunkEntry?>(nil) }
      try Parallel.run(chunks.count + (hashing ? 1 : 0)) { index throws(Failure) in
        // The hash is the longest piece, so it is handed out first.
        if hashing && index == 0 {
          for (coder, chunk) in zip(coders, chunks) { identity.value.update(coder.bytes(chunk)) }
        } else {
          let chunk = index - (hashing ? 1 : 0)
          entries[chunk].value = try coders[chunk].encode(chunks[chunk])
        }
      }
      self.identity = identity.value
      return entries.compactMap(\.value)
    }
  }
}

/// A place that one piece of parallel work writes to, and that is read when all are done.
final class Slot<Value>: @unchecked Sendable {
  var value: Value
  init(_ value: Value) { self.value = value }
}

extension ChunkCoder {
  fileprivate func bytes(_ chunk: ChunkPlan) -> UnsafeRawBufferPointer { decoded(chunk.length) }

  fileprivate func frames(_ entry: ChunkEntry) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: stored[..<entry.stored])
  }
}
