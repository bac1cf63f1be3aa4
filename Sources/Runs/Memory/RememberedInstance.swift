import Artefacts

/// An instance, what it depends on and what came of it: as bytes of which no more is read than somebody asks for.
///
///     counts        of dependencies, sightings and objects (4 each)
///     dependencies  numbers of instances before it (4 each)
///     sightings     numbers (4 each)
///     objects       digests (32 each) of all that must be in the store
///     key           32
///     outputs       count, and each: name, flags, key and file if it has them, digest, size
///     instance      JSON behind its length
struct RememberedInstance: Sendable {
  /// Numbers of four bytes each.
  struct Numbers: RandomAccessCollection {
    fileprivate let bytes: ArraySlice<UInt8>

    var startIndex: Int { 0 }
    var endIndex: Int { bytes.count / 4 }

    subscript(position: Int) -> Int {
      bytes.withUnsafeBytes {
        Int(UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: 4 * position, as: UInt32.self)))
      }
    }
  }

  let bytes: ArraySlice<UInt8>
  private let counts: (dependencies: Int, sightings: Int, objects: Int)

  /// - Throws: if it cannot be the instance of that number in a run that has seen so much.
  init(_ bytes: ArraySlice<UInt8>, number: Int, sightings: Int) throws(ByteReader.Malformed) {
    var reader = ByteReader(bytes)
    self.bytes = bytes
    counts = (try reader.number(), try reader.number(), try reader.number())
    _ = try reader.take(4 * counts.dependencies + 4 * counts.sightings + 32 * counts.objects)
    guard dependencies.allSatisfy({ $0 < number }), self.sightings.allSatisfy({ $0 < sightings }) else {
      throw ByteReader.Malformed()
    }
  }

  init(dependencies: some Sequence<Int>, sightings: [Int], objects: [Digest], result: Result) {
    let dependencies = Array(dependencies)
    var writer = ByteWriter()
    writer.add(count: dependencies.count)
    writer.add(count: sightings.count)
    writer.add(count: objects.count)
    for number in dependencies { writer.add(count: number) }
    for number in sightings { writer.add(count: number) }
    for object in objects { writer.add(object) }
    result.add(to: &writer)
    bytes = writer.bytes[...]
    counts = (dependencies.count, sightings.count, objects.count)
  }

  private func part(_ offset: Int, _ length: Int) -> ArraySlice<UInt8> {
    bytes[(bytes.startIndex + offset)..<(bytes.startIndex + offset + length)]
  }

  private var startOfObjects: Int { 12 + 4 * (counts.dependencies + counts.sightings) }
  private var startOfResult: Int { startOfObjects + 32 * counts.objects }

  var dependencies: Numbers { Numbers(bytes: part(12, 4 * counts.dependencies)) }
  var sightings: Numbers { Numbers(bytes: part(12 + 4 * counts.dependencies, 4 * counts.sightings)) }

  /// Tells of each object that begins with a byte of which that is asked for.
  func forEachObject(
    where isWanted: (UInt8) throws -> Bool, _ body: (Digest) throws -> Void
  ) rethrows {
    try part(startOfObjects, 32 * counts.objects).withUnsafeBytes { bytes in
      for start in stride(from: 0, to: bytes.count, by: 32) where try isWanted(bytes[start]) {
        try body(Digest(bytes, at: start))
      }
    }
  }

  var key: Digest { part(startOfResult, 32).withUnsafeBytes { Digest($0, at: 0) } }

  func result() throws(ByteReader.Malformed) -> Result {
    try Result(bytes[(bytes.startIndex + startOfResult)...])
  }

  /// The same with other numbers of its sightings.
  func renumbered(_ numbers: [Int]) -> RememberedInstance {
    var writer = ByteWriter(capacity: bytes.count)
    writer.add(part(0, 12 + 4 * counts.dependencies))
    for number in sightings { writer.add(count: numbers[number]) }
    writer.add(bytes[(bytes.startIndex + startOfObjects)...])
    return RememberedInstance(writer.bytes[...], counts)
  }

  private init(_ bytes: ArraySlice<UInt8>, _ counts: (dependencies: Int, sightings: Int, objects: Int)) {
    self.bytes = bytes
    self.counts = counts
  }
}

extension RememberedInstance {
  /// What came of an instance, and the instance.
  struct Result: Sendable {
    let key: Digest
    let outputs: [Record.Output]
    /// As JSON.
    let instance: [UInt8]
  }
}

extension RememberedInstance.Result {
  fileprivate init(_ bytes: ArraySlice<UInt8>) throws(ByteReader.Malformed) {
    var reader = ByteReader(bytes)
    key = try reader.digest()
    var outputs: [Record.Output] = []
    for _ in 0..<(try reader.count(of: 45)) {
      let name = try reader.text()
      let flags = try reader.byte()
      let key = flags & 1 == 1 ? try reader.text() : nil
      let file = flags & 2 == 2 ? try reader.text() : nil
      outputs.append(
        Record.Output(
          name: name, key: key, file: file, isExecutable: flags & 4 == 4,
          artefact: Artefact(
            digest: try reader.digest(), kind: flags & 8 == 8 ? .tree : .blob, size: try reader.size())))
    }
    self.outputs = outputs
    instance = Array(try reader.take(try reader.count()))
  }

  fileprivate func add(to writer: inout ByteWriter) {
    writer.add(key)
    writer.add(count: outputs.count)
    for output in outputs {
      writer.add(text: output.name)
      writer.add(
        byte: (output.key == nil ? 0 : 1) | (output.file == nil ? 0 : 2) | (output.isExecutable ? 4 : 0)
          | (output.artefact.kind == .tree ? 8 : 0))
      if let key = output.key { writer.add(text: key) }
      if let file = output.file { writer.add(text: file) }
      writer.add(output.artefact.digest)
      writer.add(size: output.artefact.size)
    }
    writer.add(count: instance.count)
    writer.add(instance)
  }
}
