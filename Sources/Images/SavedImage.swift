package import Artefacts
import JSON
import System

/// An image as some program has saved it: an OCI layout, as skopeo, umoci, buildah and podman write it, what `docker save` writes, or a
/// file of Apptainer.
package struct SavedImage {
  package let image: ContainerImage
  /// The files of its layers, the lowest first.
  let layers: [Layer]
  /// Its file system in one file, in place of layers.
  let root: ImageFolder.File?

  struct Layer {
    let file: ImageFolder.File
    /// Of the file; nil if only the layer has one.
    let digest: Digest?
  }

  private static let longestManifest = 4 << 20
  /// Indexes in indexes.
  private static let mostDepth = 4

  /// Reads what the image says of itself; the layers are not read.
  ///
  /// - Parameter known: the ID that it had when it was read before. A file system that is one file is not read again to tell it: that is
  ///   compared when it is unpacked.
  /// - Throws: if it is no image, or several.
  package init(_ folder: ImageFolder, as known: Digest? = nil) throws {
    if let file = folder.apptainer {
      let found = try ApptainerFile(file)
      let id = try known ?? ApptainerFile.id(HashedBytes(found.root.bytes()).finish())
      image = ContainerImage(id: id, platform: found.platform)
      layers = []
      root = found.root
    } else if let index = try folder.file("index.json") {
      self = try SavedImage(
        folder, index: JSONFile.parsed(index.contents(limit: SavedImage.longestManifest), index.name))
    } else if let manifest = try folder.file("manifest.json") {
      self = try SavedImage(
        folder, docker: JSONFile.parsed(manifest.contents(limit: SavedImage.longestManifest), manifest.name))
    } else {
      throw ImageFault.malformed("it has neither index.json, as an OCI layout has, nor manifest.json")
    }
  }

  /// - Parameter json: what a manifest says of each layer: as much as the configuration names, which has not endlessly many.
  private static func layers(
    _ json: [JSON], of image: ContainerImage, _ layer: (JSON) throws -> Layer
  ) throws -> [Layer] {
    guard json.count == image.layers.count else {
      throw ImageFault.malformed(
        "its manifest names \(json.count) layers, and its configuration \(image.layers.count)")
    }
    return try json.map(layer)
  }

  // MARK: OCI

  private init(_ folder: ImageFolder, index: JSON) throws {
    var found: [Descriptor] = []
    var count = 0
    try SavedImage.manifests(index, folder, depth: 0, &count, &found)
    guard let descriptor = found.first, found.count == 1 else {
      throw SavedImage.ambiguous(found.map(\.label))
    }
    let manifest = try JSONFile.parsed(
      descriptor.contents(in: folder, limit: SavedImage.longestManifest), "the manifest")
    guard let configuration = manifest["config"], let layers = manifest["layers"]?.array else {
      throw ImageFault.malformed("its manifest names no configuration and no layers")
    }
    root = nil
    image = try ContainerImage(
      configuration: Descriptor(configuration).contents(
        in: folder, limit: ContainerImage.longestConfiguration))
    self.layers = try SavedImage.layers(layers, of: image) { json in
      let layer = try Descriptor(json)
      return Layer(file: try layer.file(in: folder), digest: layer.digest)
    }
  }

  /// The manifests of images for this machine that an index names, each once.
  private static func manifests(
    _ index: JSON, _ folder: ImageFolder, depth: Int, _ count: inout Int, _ found: inout [Descriptor]
  ) throws {
    guard depth < mostDepth, let entries = index["manifests"]?.array else {
      throw ImageFault.malformed("an index names no manifests")
    }
    for entry in entries {
      count += 1
      if count > 1000 { throw ImageFault.malformed("its indexes name more than 1000 manifests") }
      let descriptor = try Descriptor(entry)
      if let platform = descriptor.platform, platform != Platform.own { continue }
      if descriptor.isIndex {
        let bytes = try descriptor.contents(in: folder, limit: longestManifest)
        try manifests(JSONFile.parsed(bytes, "an index"), folder, depth: depth + 1, &count, &found)
      } else if !found.contains(where: { $0.digest == descriptor.digest }) {
        found.append(descriptor)
      }
    }
  }

  private static func ambiguous(_ labels: [String]) -> Failure {
    guard !labels.isEmpty else {
      return Failure(
        .notFound, "there is no image for this machine in the archive", facts: [("wanted", Platform.own)],
        hint: "save it for this machine, as with skopeo --override-arch copy")
    }
    return Failure(
      .ambiguous, "there are \(labels.count) images where one is needed",
      facts: [("images", labels.prefix(10).joined(separator: ", "))],
      hint:
        "copy the one that is meant to a file of its own, as with skopeo copy oci:FOLDER:TAG oci-archive:image.tar"
    )
  }

  // MARK: docker save

  private init(_ folder: ImageFolder, docker manifest: JSON) throws {
    guard let images = manifest.array, let first = images.first,
      let configuration = first["Config"]?.string, let layers = first["Layers"]?.array
    else { throw ImageFault.malformed("its manifest.json names no configuration and no layers") }
    guard images.count == 1 else {
      throw SavedImage.ambiguous(
        images.map { $0["RepoTags"]?.array?.first?.string ?? $0["Config"]?.string ?? "one without a name" })
    }
    func file(_ name: String) throws -> ImageFolder.File {
      guard let file = try folder.file(name) else { throw ImageFault.malformed("'\(name)' is missing") }
      return file
    }
    root = nil
    image = try ContainerImage(
      configuration: file(configuration).contents(limit: ContainerImage.longestConfiguration))
    self.layers = try SavedImage.layers(layers, of: image) { layer in
      guard let name = layer.string else { throw ImageFault.malformed("a layer has no name") }
      return Layer(file: try file(name), digest: nil)
    }
  }
}

/// What a manifest says of a blob.
private struct Descriptor {
  let digest: Digest
  let size: Int
  let isIndex: Bool
  /// Such as `linux/amd64`; nil if it does not say.
  let platform: String?
  /// What people call it.
  let label: String

  init(_ json: JSON) throws {
    guard let text = json["digest"]?.string, text.hasPrefix("sha256:"), let digest = Digest(text),
      let size = json["size"]?.integer, size >= 0
    else { throw ImageFault.malformed("a part of it has no SHA-256 and size") }
    self.digest = digest
    self.size = size
    let type = json["mediaType"]?.string ?? ""
    isIndex = type.hasSuffix(".image.index.v1+json") || type.hasSuffix(".manifest.list.v2+json")
    let machine = json["platform"].flatMap { platform -> String? in
      guard let system = platform["os"]?.string, let machine = platform["architecture"]?.string else {
        return nil
      }
      return "\(system)/\(machine)"
    }
    platform = machine
    label = json["annotations"]?["org.opencontainers.image.ref.name"]?.string ?? digest.short
  }

  func file(in folder: ImageFolder) throws -> ImageFolder.File {
    guard let file = try folder.file("blobs/sha256/\(digest.hex)") else {
      throw ImageFault.damaged("\(digest) is missing in it")
    }
    guard file.size == size else {
      throw ImageFault.damaged("\(digest) has \(file.size) bytes in it, and should have \(size)")
    }
    return file
  }

  func contents(in folder: ImageFolder, limit: Int) throws -> [UInt8] {
    let bytes = try file(in: folder).contents(limit: limit)
    guard Digest(of: bytes) == digest else {
      throw ImageFault.damaged("what it holds as \(digest) is something else")
    }
    return bytes
  }
}

private enum JSONFile {
  static func parsed(_ bytes: [UInt8], _ name: String) throws -> JSON {
    guard let json = try? JSON(parsing: bytes) else { throw ImageFault.malformed("\(name) is not JSON") }
    return json
  }
}

package enum Platform {
  /// Of this machine, as images call it.
  package static var own: String {
    #if arch(x86_64)
      "linux/amd64"
    #elseif arch(arm64)
      "linux/arm64"
    #else
      "linux/unknown"
    #endif
  }
}
