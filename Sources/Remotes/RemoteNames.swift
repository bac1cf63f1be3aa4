public import Artefacts
import System

/// The names that a store's users gave other places: `remotes/NAME` in the store, which holds the address and a line break.
public struct RemoteNames {
  private let store: Store

  public init(of store: Store) { self.store = store }

  /// Sorted by name.
  public func all() throws -> [(name: String, address: RemoteAddress)] {
    // One that cannot be read keeps nobody from using the others.
    try names().compactMap { name in ((try? address(name)) ?? nil).map { (name, $0) } }
  }

  /// Sorted.
  private func names() throws -> [String] {
    guard try store.files.status(folder)?.isFolder == true else { return [] }
    return try store.files.names(in: folder).filter(RemoteNames.isName).sorted()
  }

  public func address(_ name: String) throws -> RemoteAddress? {
    guard RemoteNames.isName(name) else { return nil }
    guard try store.files.status(path(name), followingLinks: false)?.isFile == true,
      let bytes = try store.files.contents(of: path(name), limit: 4096)
    else { return nil }
    let text = String(decoding: bytes, as: UTF8.self).split(separator: "\n").first.map(String.init)
    do { return try RemoteAddress(text ?? "") } catch {
      throw Failure(
        .malformed, "\(path(name)) holds no address: \(error.headline)",
        hint: "set it again: brake remote add \(name) ADDRESS")
    }
  }

  public func set(_ name: String, to address: RemoteAddress) throws {
    guard RemoteNames.isName(name) else {
      throw Failure(
        .refused, "'\(name)' cannot be the name of another place", hint: "use letters, digits, - and _")
    }
    let temporary = try store.newFilePath()
    try store.makeFolders(folder)
    try store.files.replace(path(name), with: Array("\(address)\n".utf8), by: temporary)
  }

  public func remove(_ name: String) throws {
    guard RemoteNames.isName(name), try store.files.status(path(name)) != nil else { throw unknown(name) }
    try store.files.remove(path(name))
  }

  /// What a user means: an address, a name, or, where nothing is said, the only place that has a name, or the one called
  /// `origin`.
  public func resolve(_ text: String?) throws -> RemoteAddress {
    guard let text else {
      // All names count, also those of which the address cannot be read: nothing goes where nobody meant it to go.
      let all = try names()
      if let only = all.count == 1 ? all.first : all.first(where: { $0 == "origin" }) {
        if let address = try address(only) { return address }
        throw unknown(only)
      }
      throw Failure(
        .notFound,
        all.isEmpty
          ? "no other place is known" : "there are \(all.count) other places, and none is called origin",
        hint: all.isEmpty
          ? "give an address, or name one for good: brake remote add origin ssh://host/path"
          : "name one of them: \(all.joined(separator: ", "))")
    }
    if RemoteNames.isName(text) {
      if let address = try address(text) { return address }
      throw unknown(text)
    }
    return try RemoteAddress(text)
  }

  private func unknown(_ name: String) -> Failure {
    Failure(
      .notFound, "no other place is called '\(name)'", hint: "'brake remote list' shows those that are known")
  }

  private static func isName(_ text: String) -> Bool {
    1...64 ~= text.utf8.count
      && text.utf8.allSatisfy { 48...57 ~= $0 || 65...90 ~= $0 || 97...122 ~= $0 || $0 == 45 || $0 == 95 }
      && !text.hasPrefix("-")
  }

  private var folder: String { store.root + "/remotes" }
  private func path(_ name: String) -> String { "\(folder)/\(name)" }
}
