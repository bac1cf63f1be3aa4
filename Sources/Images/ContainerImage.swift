package import Artefacts
import JSON

/// What an image says of itself.
///
/// One of layers says it in its configuration, whose digest is what docker and podman call its ID. It names the digest of each layer as it
/// was before it was compressed: who has checked these has checked all that is in the image. One of Apptainer has a file system and no
/// layers, and its ID is made of the digest of that.
package struct ContainerImage: Sendable {
  package let id: Digest
  /// Such as `linux/amd64`.
  package let platform: String
  /// Its environment variables, in its order.
  package let environment: [(name: String, value: String)]
  /// The digests of its layers, uncompressed, the lowest first.
  package let layers: [Digest]
  /// Whether it is one of Apptainer, in which scripts make the environment (`/.singularity.d/env`).
  package let isApptainer: Bool

  /// No program makes as many.
  static let mostLayers = 1000
  static let longestConfiguration = 16 << 20

  /// One of Apptainer.
  init(id: Digest, platform: String) {
    self.id = id
    self.platform = platform
    environment = []
    layers = []
    isApptainer = true
  }

  init(configuration bytes: [UInt8]) throws {
    id = Digest(of: bytes)
    isApptainer = false
    guard let json = try? JSON(parsing: bytes), let system = json["os"]?.string,
      let machine = json["architecture"]?.string, json["rootfs"]?["type"]?.string == "layers",
      let layers = json["rootfs"]?["diff_ids"]?.array
    else { throw ImageFault.malformed("its configuration is not that of a container image") }
    guard layers.count <= ContainerImage.mostLayers else {
      throw ImageFault.malformed("it has \(layers.count) layers, more than \(ContainerImage.mostLayers)")
    }
    self.layers = try layers.map { layer in
      guard let text = layer.string, text.hasPrefix("sha256:"), let digest = Digest(text) else {
        throw ImageFault.malformed("a layer has no SHA-256")
      }
      return digest
    }
    platform = "\(system)/\(machine)"
    environment = (json["config"]?["Env"]?.array ?? []).compactMap { entry in
      guard let text = entry.string, let sign = text.utf8.firstIndex(of: UInt8(ascii: "=")),
        sign != text.startIndex,
        !text.utf8.contains(0)
      else { return nil }
      return (
        String(decoding: text.utf8[..<sign], as: UTF8.self),
        String(decoding: text.utf8[text.utf8.index(after: sign)...], as: UTF8.self)
      )
    }
    guard environment.reduce(0, { $0 + $1.name.utf8.count + $1.value.utf8.count }) <= 64 << 10 else {
      throw ImageFault.malformed("its environment variables have more than 64 KiB")
    }
  }
}
