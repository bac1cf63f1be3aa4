import Actions
public import Artefacts
public import JSON
import System

/// When and where an action was computed: a companion of its record, which itself says only what can be made again.
public struct Making: Sendable, Hashable {
  /// UTC, as `2026-11-21T14:03:05Z`.
  public let finished: String
  /// How long the action ran.
  public let seconds: Double
  /// Seconds of processors, and bytes: the most that one of its processes had in memory at once. Nil where that was not measured.
  public let processorSeconds: Double?
  public let peakMemory: Int?
  public let host: String
  /// The version of brake.
  public let version: String
  /// The path of the pipeline's file.
  public let pipeline: String
  /// The graphics processors of the machine and their driver, of a stage that asked for some; nil where they are not known.
  public let graphics: GraphicsFacts?

  /// Of the action with this key; nil if it is not known.
  public static func of(_ key: Digest, in store: Store) -> Making? { Makings(store: store).of(key) }

  public var json: JSON {
    var members: [String: JSON] = [
      "finished": .string(finished), "seconds": .number(seconds), "host": .string(host),
      "version": .string(version), "pipeline": .string(pipeline),
    ]
    members["cpu_seconds"] = processorSeconds.map { .number($0) }
    members["peak_memory"] = peakMemory.map { .integer(Int64($0)) }
    members["graphics"] = graphics?.json
    return .object(members)
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
    let effort = Effort(json)
    processorSeconds = effort.processorSeconds
    peakMemory = effort.peakMemory
    graphics = json["graphics"].flatMap(GraphicsFacts.init)
  }

  init(
    finished: String, seconds: Double, host: String, version: String, pipeline: String,
    effort: Effort? = nil, graphics: GraphicsFacts? = nil
  ) {
    self.graphics = graphics
    self.finished = finished
    self.seconds = effort?.seconds ?? seconds
    self.host = effort?.host ?? host
    self.version = version
    self.pipeline = pipeline
    processorSeconds = effort?.processorSeconds
    peakMemory = effort?.peakMemory
  }
}

/// The companions of a store's records: in `index/made/`, one for each key, or with the record in a segment.
struct Makings: Sendable {
  let store: Store
  /// The path of the pipeline whose actions are noted.
  let pipeline: String
  /// What proves that this user has noted something.
  private let secret: UserSecret?

  /// - Parameters:
  ///   - pipeline: the path of its file, as it was given.
  ///   - root: the folder to which that is relative.
  init(store: Store, pipeline: String = "", root: String = ".", secret: UserSecret? = .own) {
    self.store = store
    self.secret = secret
    if pipeline.isEmpty || pipeline.hasPrefix("/") {
      self.pipeline = pipeline
    } else {
      self.pipeline = ((try? store.files.realPath(root)) ?? root) + "/" + pipeline
    }
  }

  /// What is known of an action that has just been computed.
  struct Facts: Sendable {
    /// From where it was asked for to where it was there.
    let seconds: Double
    var effort: Effort?
    var graphics: GraphicsFacts?
  }

  private func now(_ facts: Facts) -> Making {
    Making(
      finished: SystemTime.utc(SystemTime.milliseconds() / 1000), seconds: facts.seconds, host: Machine.name,
      version: brakeVersion, pipeline: pipeline, effort: facts.effort, graphics: facts.graphics)
  }

  /// What stands with the record of an action that has just been computed.
  func bytes(for record: Record, _ facts: Facts) -> [UInt8] {
    json(now(facts), seals: seal(of: record).map { [$0.hex] } ?? []).canonicalBytes
  }

  private func json(_ making: Making, seals: [String]) -> JSON {
    var members = making.json.object ?? [:]
    if !seals.isEmpty { members["seals"] = .array(seals.map { .string($0) }) }
    return .object(members)
  }

  /// Notes that an action has just been computed, unless that was noted with its record.
  func note(_ record: Record, _ facts: Facts) {
    if isOwn(record) { return }
    if secret == nil, ((try? store.note(ofRecord: record.key)) ?? nil) != nil { return }
    write(now(facts), record)
  }

  /// Notes that an action was computed here once more and made what its record says. When it was computed first stays.
  func confirm(_ record: Record, seconds: Double) {
    if !isOwn(record) { write(of(record.key) ?? now(Facts(seconds: seconds)), record) }
  }

  private func write(_ making: Making, _ record: Record) {
    guard let seal = seal(of: record) else {
      return IndexNote.write(making.json, to: path(record.key), in: store)
    }
    // In a store that several people use, each has a seal.
    let others = Makings.seals(IndexNote.read(path(record.key), in: store)).filter { $0 != seal.hex }
    IndexNote.write(json(making, seals: [seal.hex] + others.prefix(15)), to: path(record.key), in: store)
  }

  /// Whether this user has computed it, here or wherever the store was then, or has confirmed it. A record with other bytes, or one
  /// that somebody else has put there with whatever beside it, is none.
  func isOwn(_ record: Record) -> Bool {
    guard let seal = seal(of: record)?.hex else { return false }
    if Makings.seals(IndexNote.read(path(record.key), in: store)).contains(seal) { return true }
    let bytes = (try? store.note(ofRecord: record.key)) ?? nil
    return Makings.seals(bytes.flatMap { try? JSON(parsing: $0) }).contains(seal)
  }

  private func seal(of record: Record) -> Digest? {
    secret?.seal(of: Array("brake made 1\n\(record.digest)\n".utf8))
  }

  private static func seals(_ note: JSON?) -> [String] { note?["seals"]?.array?.compactMap(\.string) ?? [] }

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
