import Artefacts
public import JSON
import System

/// When and where an action was computed: a companion of its record, which itself says only what can be made again.
public struct Making: Sendable, Hashable {
  /// UTC, as `2026-11-21T14:03:05Z`.
  public let finished: String
  public let seconds: Double
  public let host: String
  /// The version of brake.
  public let version: String
  /// The path of the pipeline's file.
  public let pipeline: String

  public var json: JSON {
    [
      "finished": .string(finished), "seconds": .number(seconds), "host": .string(host),
      "version": .string(version), "pipeline": .string(pipeline),
    ]
  }

  init?(_ json: JSON) {
    guard let finished = json["finished"]?.string, let seconds = json["seconds"]?.double,
      let host = json["host"]?.string, let version = json["version"]?.string,
      let pipeline = json["pipeline"]?.string
    else { return nil }
    self.finished = finished
    self.seconds = seconds
    self.host = host
    self.version = version
    self.pipeline = pipeline
  }

  init(finished: String, seconds: Double, host: String, version: String, pipeline: String) {
    self.finished = finished
    self.seconds = seconds
    self.host = host
    self.version = version
    self.pipeline = pipeline
  }
}

/// The companions of a store's records: in `index/made/`, one for each key, or with the record in a segment.
struct Makings: Sendable {
  let store: Store
  /// The path of the pipeline whose actions are noted.
  let pipeline: String

  /// - Parameters:
  ///   - pipeline: the path of its file, as it was given.
  ///   - root: the folder to which that is relative.
  init(store: Store, pipeline: String = "", root: String = ".") {
    self.store = store
    if pipeline.isEmpty || pipeline.hasPrefix("/") {
      self.pipeline = pipeline
    } else {
      self.pipeline = ((try? store.files.realPath(root)) ?? root) + "/" + pipeline
    }
  }

  /// Of an action that has just been computed.
  func now(seconds: Double) -> Making {
    Making(
      finished: SystemTime.utc(SystemTime.milliseconds() / 1000), seconds: seconds, host: Machine.name,
      version: brakeVersion, pipeline: pipeline)
  }

  /// Notes that an action has just been computed, unless that was noted with its record.
  func note(_ key: Digest, seconds: Double) {
    if ((try? store.note(ofRecord: key)) ?? nil) != nil { return }
    IndexNote.write(now(seconds: seconds).json, to: path(key), in: store)
  }

  /// Nil if it is not known.
  func of(_ key: Digest) -> Making? {
    if let note = IndexNote.read(path(key), in: store).flatMap(Making.init) { return note }
    let bytes = (try? store.note(ofRecord: key)) ?? nil
    return bytes.flatMap { try? JSON(parsing: $0) }.flatMap(Making.init)
  }

  private func path(_ key: Digest) -> String {
    "\(store.root)/index/made/\(key.hex.prefix(2))/\(key.hex.dropFirst(2))"
  }
}
