internal import System

extension Store {
  /// Gives a digest a name, durably. A reference of that name is replaced.
  public func setReference(_ name: String, to digest: Digest) throws {
    let path = try referencePath(name)
    try checkReference(name)
    rely(on: digest)
    _ = hasBack(Artefact(digest: digest, kind: .blob, size: 0))
    let temporary = try temporaryPath()
    try settleFolders(in: "refs")
    let folder = parentFolder(of: path)
    try makeFolders(folder)
    // Another brake may have made them, also in place of ones that were durable: those that are empty are removed.
    var above = folder
    while above.utf8.count > root.utf8.count + 5 {
      above = parentFolder(of: above)
      try files.synchronise(above)
    }
    try files.replace(path, with: Array("\(digest)\n".utf8), by: temporary)
  }

  /// What a name stands for; nil if there is no reference of that name.
  public func reference(_ name: String) throws -> Digest? {
    let path = try referencePath(name)
    try checkReference(name)
    guard try files.status(path)?.isFolder != true, let bytes = try files.contents(of: path, limit: 256)
    else {
      return nil
    }
    guard bytes.last == UInt8(ascii: "\n"),
      let digest = Digest(String(decoding: bytes.dropLast(), as: UTF8.self))
    else {
      throw Failure(
        .damaged, "the reference '\(name)' holds no digest (\(path))", hint: "set or remove it")
    }
    return digest
  }

  /// The names of all references, sorted. Links and whatever else cannot be a reference are passed over.
  public func references() throws -> [String] { try referenceNames(in: "refs", under: "") }

  public func removeReference(_ name: String) throws {
    let path = try referencePath(name)
    try checkReference(name)
    guard try files.status(path)?.isFile == true else {
      throw Failure(.notFound, "there is no reference '\(name)' in \(root)")
    }
    try files.remove(path)
    var folder = parentFolder(of: path)
    try files.synchronise(folder)
    // Folders that hold nothing any more would be in the way of a reference of their name.
    while folder.utf8.count > root.utf8.count + 5, (try? files.remove(folder)) != nil {
      folder = parentFolder(of: folder)
    }
  }

  private func referenceNames(in folder: String, under prefix: String) throws -> [String] {
    guard try files.status("\(root)/\(folder)", followingLinks: false)?.isFolder == true else { return [] }
    return try files.names(in: "\(root)/\(folder)").flatMap { name -> [String] in
      guard Store.canBeReference(prefix + name),
        let status = try files.status("\(root)/\(folder)/\(name)", followingLinks: false)
      else { return [] }
      if status.isFolder { return try referenceNames(in: "\(folder)/\(name)", under: prefix + name + "/") }
      return status.isFile ? [prefix + name] : []
    }
  }

  /// Throws if a part of the path to a reference is a link: what it leads to is none of the store's.
  private func checkReference(_ name: String) throws(Failure) {
    var path = root + "/refs"
    for component in name.split(separator: "/") {
      path += "/" + component
      guard try files.status(path, followingLinks: false)?.isLink == true else { continue }
      throw Failure(
        .refused, "\(path) is a link, and links in a store are not followed", hint: "remove it")
    }
  }

  private static func canBeReference(_ name: String) -> Bool {
    let components = name.split(separator: "/", omittingEmptySubsequences: false)
    return components.count <= 16
      && components.allSatisfy { component in
        !component.isEmpty && component.utf8.count <= 255 && !component.hasPrefix(".")
          && component.unicodeScalars.allSatisfy { $0.isVisible && !$0.properties.isWhitespace }
      }
  }

  private func referencePath(_ name: String) throws(Failure) -> String {
    guard Store.canBeReference(name) else {
      throw Failure(
        .refused, "\(name.debugDescription) cannot be the name of a reference",
        hint: "use words without spaces, separated by slashes, none of which starts with a dot")
    }
    return "\(root)/refs/\(name)"
  }
}
