import Artefacts
import Synchronization
import System

/// What is known of a place from earlier talks, in the store's `index/`: the files of its catalogue, and the seals of the segments that
/// they name. Neither ever changes, so that none of it need be asked for again. That it is still there is another matter: whoever
/// relies on that asks.
///
/// The file is a sequence of entries, each a line `KIND KEY SIZE LENGTH CHECK` and as many bytes as LENGTH says. KIND is `file`, with
/// the number of a file of the catalogue as KEY, or `seal`, with a segment's name and its bytes as SIZE. CHECK are the first 16 digits of
/// the SHA-256 of the line before it and of these bytes. What is not like this, or would become too long, begins anew.
final class DistantIndex: Sendable {
  /// Bytes of the file, at most.
  static let limit = 128 << 20
  /// Places that are remembered: the one that was written to longest ago goes first.
  private static let places = 16
  private static let opening = "distant-"

  private let files: any FileSystem
  private let folder: String
  private let path: String
  /// Makes its folder, if there is a store.
  private let make: @Sendable () throws -> Bool
  private let state = Mutex(State())

  private struct State {
    var isRead = false
    var isSound = true
    /// Bytes of the file.
    var size = 0
    var catalogue: [Int: [UInt8]] = [:]
    var seals: [String: (seal: [UInt8], size: Int)] = [:]
    /// What is to be written.
    var new: [UInt8] = []
  }

  init(of place: String, in store: Store) {
    files = store.files
    folder = store.root + "/index"
    path = "\(folder)/\(DistantIndex.opening)\(Digest(of: Array(place.utf8)).hex.prefix(16))"
    make = { [folder] in
      guard try store.files.status(store.root + "/format") != nil else { return false }
      try store.makeFolders(folder)
      return true
    }
  }

  /// The files of the catalogue, from the first one on.
  func catalogue() -> [[UInt8]] {
    withContents { state in
      var files: [[UInt8]] = []
      while let next = state.catalogue[files.count] { files.append(next) }
      state.catalogue = [:]
      return files
    }
  }

  /// The seal of a segment, which nobody asks for twice, and the segment's bytes.
  func takeSeal(of segment: String) -> (seal: [UInt8], size: Int)? {
    withContents { $0.seals.removeValue(forKey: segment) }
  }

  /// Begins anew: the place is another one than it was.
  func forget() {
    withContents { state in
      state.isSound = false
      (state.catalogue, state.seals) = ([:], [:])
    }
  }

  func note(catalogue bytes: [UInt8], number: Int) {
    withContents { $0.new += DistantIndex.entry("file", String(number), bytes.count, bytes) }
  }

  func note(seal: [UInt8], of segment: String, size: Int) {
    withContents { $0.new += DistantIndex.entry("seal", segment, size, seal) }
  }

  /// Keeps what was noted. That it cannot is no matter.
  func keep() {
    state.withLock { state in
      if state.new.isEmpty { return }
      // What came first may make it a store.
      guard (try? make()) == true || state.new.count > DistantIndex.limit else { return }
      defer { state.new = [] }
      if state.new.count > DistantIndex.limit { return }
      if !state.isSound || state.size + state.new.count > DistantIndex.limit {
        try? files.remove(path)
        (state.isSound, state.size) = (true, 0)
      }
      if state.size == 0 { forgetOthers() }
      do { try files.write(state.new, to: path, .appending) } catch { state.isSound = false }
      state.size += state.new.count
    }
  }

  private func forgetOthers() {
    let names = ((try? files.names(in: folder)) ?? []).filter { $0.hasPrefix(DistantIndex.opening) }
    let aged = names.compactMap { name -> (path: String, modified: Int64)? in
      let path = "\(folder)/\(name)"
      return (try? files.entry(path)).map { (path, $0.modified) }
    }.sorted { $0.modified > $1.modified }
    for old in aged.dropFirst(DistantIndex.places - 1) { try? files.remove(old.path) }
  }

  private func withContents<Result>(_ body: (inout State) -> Result) -> Result {
    state.withLock { state in
      if !state.isRead { read(&state) }
      return body(&state)
    }
  }

  private func read(_ state: inout State) {
    state.isRead = true
    let bytes: [UInt8]
    do { bytes = try files.contents(of: path, limit: DistantIndex.limit) ?? [] } catch {
      state.isSound = false
      return
    }
    state.size = bytes.count
    var position = 0
    while position < bytes.count {
      guard let end = bytes[position...].prefix(128).firstIndex(of: UInt8(ascii: "\n")) else { break }
      let words = bytes[position..<end].split(separator: UInt8(ascii: " ")).map {
        String(decoding: $0, as: UTF8.self)
      }
      guard words.count == 5, let size = Int(words[2]), let length = Int(words[3]),
        0...bytes.count - end - 1 ~= length
      else { break }
      let content = Array(bytes[end + 1..<end + 1 + length])
      let entry = DistantIndex.entry(words[0], words[1], size, content)
      guard entry[...] == bytes[position...end + length] else { break }
      if words[0] == "seal" { state.seals[words[1]] = (content, size) }
      if words[0] == "file", let number = Int(words[1]) { state.catalogue[number] = content }
      position = end + 1 + length
    }
    state.isSound = position == bytes.count
  }

  private static func entry(_ kind: String, _ key: String, _ size: Int, _ content: [UInt8]) -> [UInt8] {
    let line = Array("\(kind) \(key) \(size) \(content.count) ".utf8)
    return line + Array(Digest(of: line + content).hex.prefix(16).utf8) + [UInt8(ascii: "\n")] + content
  }
}
