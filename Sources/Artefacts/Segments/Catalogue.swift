internal import System

/// The catalogue of a store's segments: files `catalogue/0`, `catalogue/1` and so on without a gap, each of which names sealed
/// segments that were not named before. So who cannot list `segments/`, as over the web, knows what is there.
///
/// None of these files is ever replaced or removed. A segment that is named and not there is passed over: what was needed of it
/// stands in a later one.
package enum Catalogue {
  package static let folder = "catalogue"
  /// Bytes of a file, at most.
  package static let fileSize = 64 << 10
  /// Files, and segments that they name, that are looked at.
  package static let fileLimit = 1 << 16
  package static let entryLimit = 1 << 18
  /// Segments that are named in one file, so that it has no more bytes than one may.
  private static let perFile = 1024

  package struct Entry: Hashable, Sendable {
    package let name: String
    /// Bytes of the segment.
    package let size: Int

    package init(name: String, size: Int) {
      self.name = name
      self.size = size
    }
  }

  /// The path of a file in a store.
  package static func path(_ number: Int) -> String { "\(folder)/\(number)" }

  package static func bytes(_ entries: some Sequence<Entry>) -> [UInt8] {
    Array(entries.map { "\($0.name) \($0.size)\n" }.joined().utf8)
  }

  /// What a file names. Lines that are malformed are passed over; a file without any other is none of a catalogue.
  package static func entries(_ bytes: [UInt8]) -> [Entry] {
    bytes.split(separator: UInt8(ascii: "\n")).compactMap { line in
      let words = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
      guard words.count == 2, words[0].count == 32, 1...10 ~= words[1].count,
        words[1].allSatisfy({ 48...57 ~= $0 })
      else { return nil }
      let name = String(decoding: words[0], as: UTF8.self)
      guard ProcessFolder.isRandomName(name[...]), let size = Int(String(decoding: words[1], as: UTF8.self)),
        size <= SegmentFormat.segmentLimit
      else { return nil }
      return Entry(name: name, size: size)
    }
  }

  static func files(_ entries: [Entry]) -> [[UInt8]] {
    stride(from: 0, to: entries.count, by: perFile).map {
      bytes(entries[$0..<min($0 + perFile, entries.count)])
    }
  }
}

extension Store {
  /// Names the segments in the catalogue that this process has sealed, and others that nobody has named: who sealed them may have been
  /// killed, or had no room.
  func catalogueOwnSegments() throws {
    guard segments.takeSealed() else { return }
    do { try catalogueSegments() } catch {
      segments.noteSealed()
      throw error
    }
  }

  /// Names what a segment was written anew to before that goes, so that who cannot list the folder finds one or the other.
  func catalogueSuccessor() throws {
    do { try withRoom { try catalogueSegments() } } catch let error as Failure
      where error.code == .catalogueFull
    {
      // Whatever happens nobody hears of it there, and what nothing needs is to go all the same.
    }
  }

  /// Names all sealed segments in the catalogue that it does not name.
  /// - Throws: `.catalogueFull` if there are more than anybody would look at.
  func catalogueSegments() throws {
    let sealed = try segments.all().filter { $0.isSealed && !$0.isGone }
    if sealed.isEmpty { return }
    let numbers = try catalogueNumbers()
    let known = try segments.named.names(in: numbers, entries: catalogueEntries)
    let new = sealed.filter { !known.contains($0.name) }
    if new.isEmpty { return }
    guard known.count + new.count <= Catalogue.entryLimit else { throw catalogueFull }
    try addToCatalogue(try new.compactMap(catalogueEntry), taken: numbers)
  }

  private func catalogueNumbers() throws -> Set<Int> {
    Set(
      try namesOfFiles(in: Catalogue.folder).compactMap { name in
        Int(name).flatMap { $0 < Catalogue.fileLimit && String($0) == name ? $0 : nil }
      })
  }

  /// What a file names. One that no reader takes for a part of the catalogue names nothing.
  private func catalogueEntries(_ number: Int) throws -> [Catalogue.Entry] {
    let path = "\(root)/\(Catalogue.path(number))"
    guard let status = try files.entry(path), status.isFile, status.size <= Catalogue.fileSize else {
      return []
    }
    return Catalogue.entries(try files.contents(of: path, limit: Catalogue.fileSize) ?? [])
  }

  /// How a segment is named, once it is durable: its seal may not be, and if a power cut took that away it would be named and of no
  /// use. Nil if it has gone.
  private func catalogueEntry(_ file: SegmentFile) throws(Failure) -> Catalogue.Entry? {
    guard let status = file.status else { return nil }
    do throws(Failure) { try files.synchronise(file.path) } catch {
      if error.code == .notFound { return nil }
      throw error
    }
    return Catalogue.Entry(name: file.name, size: Int(status.size))
  }

  /// Each file gets the first number that is free, whoever else looks for one.
  private func addToCatalogue(_ entries: [Catalogue.Entry], taken: Set<Int>) throws {
    if entries.isEmpty { return }
    let folder = "\(root)/\(Catalogue.folder)"
    for changed in try makeFolders(folder) { try files.synchronise(changed) }
    try files.checkOwnFolder(folder)
    var number = 0
    for bytes in Catalogue.files(entries) {
      let temporary = try temporaryPath()
      try files.writeFile(temporary, mode: 0o444) { try bytes.withUnsafeBytes($0) }
      do {
        try files.synchronise(temporary)
        repeat {
          while taken.contains(number) { number += 1 }
          guard number < Catalogue.fileLimit else { throw catalogueFull }
          number += 1
        } while try !files.renameIfAbsent(temporary, to: "\(root)/\(Catalogue.path(number - 1))")
      } catch {
        try? files.remove(temporary)
        throw error
      }
    }
    try files.synchronise(folder)
  }

  private var catalogueFull: Failure {
    Failure(
      .catalogueFull,
      "the catalogue of segments in \(root)/\(Catalogue.folder) names as many as anybody looks at",
      hint: "remove the folder, and let 'brake gc' name those that are still there")
  }
}

extension Failure.Code {
  /// Nothing more can be named in the catalogue.
  static let catalogueFull = Self("catalogueFull")
}
