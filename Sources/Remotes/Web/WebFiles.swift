import Artefacts
import Synchronization
import System

/// A web server that keeps the files of a store: any server for reading, one with WebDAV for writing; or a
/// bucket of an S3 service.
public final class WebFiles: RemoteFiles {
  public var name: String { client.name }
  private let base: String
  let client: WebClient
  private let madeFolders = Mutex<Set<String>>([])

  /// Requests that wait for the server at once.
  private static let lanes = 16

  /// - Parameters:
  ///   - base: the address below which the store's files have their names, without a slash at its end.
  ///   - name: what errors call it.
  ///   - silence: seconds after which it is given up for good if it says next to nothing; nil for who needs it.
  init(_ base: String, name: String, bucket: S3Bucket? = nil, silence: Int? = nil) {
    self.base = base
    client = WebClient(name: name, bucket: bucket, silence: silence)
  }

  public func present(among paths: [String]) async throws -> Set<String> {
    let present = Mutex<Set<String>>([])
    try await Lanes.run(WebFiles.lanes, paths) { path in
      if try self.isThere(path) { present.withLock { _ = $0.insert(path) } }
    }
    return present.withLock { $0 }
  }

  private func isThere(_ path: String) throws -> Bool {
    let answer = try client.ask(WebRequest(method: "HEAD", url: url(path)))
    if answer.status == 404 || answer.status == 410 { return false }
    guard answer.isSuccess else { throw client.refusal(answer, path) }
    return true
  }

  public func read(_ landings: [Landing]) async throws {
    try await Lanes.run(WebFiles.lanes, landings) { landing in
      do { try self.client.read(landing, from: self.url(landing.path)) } catch let error as CancellationError
      { throw error } catch {
        landing.fail(error)
      }
    }
  }

  public func write(_ shipments: [Shipment]) async throws {
    try await Lanes.run(WebFiles.lanes / 2, shipments) { try self.write($0) }
  }

  private func write(_ shipment: Shipment) throws {
    switch shipment.content {
    case .bytes(let bytes):
      try put(shipment, size: bytes.count) { buffer, offset in
        let count = min(buffer.count, bytes.count - offset)
        bytes.withUnsafeBytes {
          buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<offset + count]))
        }
        return count
      }
    case .object(let digest, of: let store):
      _ = try store.verifyAlone(digest)
      try store.withObjectFile(digest) { path in
        try put(shipment, file: path, files: store.files)
      }
    case .file(let path): try put(shipment, file: path, files: LocalFileSystem())
    }
  }

  private func put(_ shipment: Shipment, file path: String, files: any FileSystem) throws {
    let file = try InputFile(path, files: files)
    try put(shipment, size: file.size) { try file.read(into: $0, at: $1) }
  }

  private func put(
    _ shipment: Shipment, size: Int, _ read: (UnsafeMutableRawBufferPointer, Int) throws -> Int
  ) throws {
    if let bucket = client.bucket, size > bucket.part {
      let upload = S3Upload(client: client, bucket: bucket, url: url(shipment.path), path: shipment.path)
      return try upload.send(size: size, isReplacing: shipment.isReplacing, sent: shipment.sent, read)
    }
    var request = WebRequest(method: "PUT", url: url(shipment.path), body: size)
    // Some servers do not know this, and write the same object once more.
    if !shipment.isReplacing { request.headers.append("If-None-Match: *") }
    var answer = WebAnswer()
    for _ in 0..<3 {
      var sent = 0
      answer = try withoutActuallyEscaping(read) { read in
        try client.ask(
          { request },
          body: { buffer in
            let count = try read(buffer, sent)
            sent += count
            shipment.sent(count)
            return count
          },
          receive: { _, _ in },
          again: {
            shipment.sent(-sent)
            sent = 0
          })
      }
      if answer.isSuccess { return }
      if answer.status == 412, !shipment.isReplacing { return }
      // Amazon says 409 to two that write the same at once. WebDAV makes no folders of its own accord; another lane may have
      // made them since, so it is worth asking again in any case.
      if client.bucket == nil, [403, 404, 409].contains(answer.status) {
        try makeFolders(above: shipment.path)
      } else if client.bucket != nil, answer.status == 501, !request.headers.isEmpty {
        // Not every service knows conditions.
        request.headers = []
      } else if answer.status != 409 {
        break
      }
      shipment.sent(-sent)
    }
    throw client.refusal(answer, shipment.path)
  }

  /// Makes the folders above a file, as far as nobody has done so before.
  func makeFolders(above path: String) throws {
    let start = base.hasPrefix("https:") ? 8 : 7
    let host = base.prefix(start) + base.dropFirst(start).prefix { $0 != "/" }
    var folder = String(host)
    for part in base.dropFirst(host.count).split(separator: "/") + path.split(separator: "/").dropLast() {
      folder += "/\(part)"
      if madeFolders.withLock({ $0.contains(folder) }) { continue }
      let answer = try client.ask(WebRequest(method: "MKCOL", url: folder + "/"))
      // 405: there is one. That one may not make one says nothing of those below it, which may be there.
      if [401, 507].contains(answer.status) || answer.status >= 500 { throw client.refusal(answer, folder) }
      let made = folder
      madeFolders.withLock { _ = $0.insert(made) }
    }
  }

  func url(_ path: String) -> String { base + "/" + WebAddress.escaped(path) }
}
