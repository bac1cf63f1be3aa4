public import Actions
import Artefacts
import JSON
public import System

/// An action on its way to a machine that has the same folders, and what came of it, as files in the action's scratch folder:
///
///     ticket.json      what is to be done
///     job              the name of the job that does it, which no other has
///     claim            which of two jobs of that name does it, if Slurm was asked twice
///     progress.json    how far it is; written anew every now and then
///     answer.json      what came of it; written once, at its end
public struct ActionTicket: Sendable {
  /// What came of an action.
  public enum Answer: Sendable {
    /// - Parameter isResumed: whether it went on from what an earlier attempt had saved.
    case made([OutputFile], isResumed: Bool)
    case failed(Failure)
    /// It was told to end, as a job that makes place for others or whose time is over.
    /// - Parameter hasSaved: whether it has saved something that another attempt can go on from.
    case told(hasSaved: Bool)
    /// Its job was told to end before it had begun.
    case passedOver
  }

  /// The scratch folder.
  public let folder: String
  private let files: any FileSystem

  /// What stands beside what the action makes, with what was printed so far.
  public static let names: Set<String> = [
    "ticket.json", "job", "claim", "progress.json", "answer.json", "slurm.log", "log",
  ]

  /// More than any ticket or answer has.
  private static let limit = 256 << 20

  public init(in folder: String, files: any FileSystem) {
    self.folder = folder
    self.files = files
  }

  // MARK: What is to be done

  /// - Parameters:
  ///   - root: the workspace, absolute.
  ///   - store: absolute.
  ///   - version: of brake, which has to be the same there.
  func write(_ action: Action, root: String, store: String, threads: Int, version: String) throws {
    let json: JSON = [
      "action": action.json, "root": .string(root), "store": .string(store),
      "threads": .integer(Int64(threads)), "version": .string(version),
    ]
    try write(json, "ticket")
  }

  /// The version of the brake that has written it; nil if there is none, or it cannot be read.
  var version: String? { ((try? read("ticket")) ?? nil)?["version"]?.string }

  /// What a ticket says.
  public struct Order: Sendable {
    public let action: Action
    public let root: String
    public let store: String
    public let threads: Int
  }

  /// - Parameter version: of the brake that reads it.
  /// - Throws: if there is none, it is malformed, or another version of brake has written it.
  public func order(registry: OperationRegistry, version: String) throws -> Order {
    guard let json = try read("ticket") else {
      throw Failure(
        .notFound, "there is no action to be executed in \(folder)",
        hint: "the brake that has sent it has ended, or this machine does not see its store")
    }
    let reader = JSONReader(json)
    let sender = try reader.string("version")
    guard sender == version else {
      throw Failure(
        .refused, "brake \(sender) has sent this action, and here is brake \(version)",
        hint: "install the same brake on all nodes of the cluster")
    }
    guard let threads = json["threads"]?.integer, let action = json["action"] else {
      throw reader.malformed("threads")
    }
    return Order(
      action: try Action(action, registry: registry), root: try reader.string("root"),
      store: try reader.string("store"), threads: max(1, threads))
  }

  // MARK: Who does it

  /// Says which job does the action from now on. Any other that is still under way ends.
  public func assign(_ job: String) throws {
    if try files.entry(folder + "/claim") != nil { try files.remove(folder + "/claim") }
    try replace(folder + "/job", with: Array(job.utf8))
  }

  /// Lets no job go on with the action.
  func unassign() { try? files.remove(folder + "/job") }

  /// Says that a job does the action.
  /// - Parameter number: of the job.
  /// - Returns: false if another one has said so before.
  public func claim(_ number: String) throws -> Bool {
    let (path, own) = (folder + "/claim", folder + "/claim-" + ProcessFolder.randomName())
    try files.write(Array(number.utf8), to: own)
    if try files.renameIfAbsent(own, to: path) { return true }
    try? files.remove(own)
    return try files.contents(of: path, limit: 256) == Array(number.utf8)
  }

  /// The name of the job that does the action; nil if there is none.
  func job() throws -> String? {
    try files.contents(of: folder + "/job", limit: 4096).flatMap { String(validating: $0, as: UTF8.self) }
  }

  /// Whether somebody waits for an answer of the job with this name. A disk that does not answer says nothing.
  public func waits(for name: String) -> Bool {
    do { return try job() == name } catch { return true }
  }

  // MARK: How far it is

  public func report(_ progress: OperationContext.Progress) {
    let fraction = progress.fraction.map { JSON.number($0) } ?? .null
    try? write(["fraction": fraction, "text": .string(progress.text)], "progress")
  }

  /// Nil where nothing was reported.
  func progress() -> OperationContext.Progress? {
    guard let json = (try? read("progress")) ?? nil, let text = json["text"]?.string else { return nil }
    return OperationContext.Progress(fraction: json["fraction"]?.double, text: text)
  }

  // MARK: What came of it

  /// - Parameter job: the name of the job whose answer it is.
  public func write(_ answer: Answer, _ notes: ActionNotes, by job: String) throws {
    // It is another one's by now, which would take this answer for its own.
    guard waits(for: job) else { return }
    var members: [String: JSON] = [
      "job": .string(job),
      "notes": .array(notes.all.map { .string($0) }),
      "doubt": notes.doubt.map { .string($0.rawValue) } ?? .null,
    ]
    members["graphics"] = notes.graphics
    members["effort"] = notes.effort.map { .object($0.members) }
    switch answer {
    case .made(let outputs, let isResumed):
      members["outputs"] = .array(outputs.map(\.json))
      members["resumed"] = .bool(isResumed)
    case .failed(let failure): members["failure"] = failure.json
    case .told(let hasSaved): members["told"] = ["saved": .bool(hasSaved)]
    case .passedOver: members["passed_over"] = true
    }
    try write(.object(members), "answer")
  }

  /// Whether a job has made the action's outputs already, and is there once more.
  public func hasMade(_ job: String) -> Bool {
    if case .made? = try? answer(ActionNotes()) { return waits(for: job) }
    return false
  }

  /// Nil as long as there is none of the job that does the action.
  /// - Parameter notes: gets those of the action.
  func answer(_ notes: ActionNotes) throws -> Answer? {
    guard let json = try read("answer"), try json["job"]?.string == job() else { return nil }
    for note in json["notes"]?.array ?? [] { note.string.map(notes.add) }
    if let doubt = json["doubt"]?.string.flatMap(Record.Doubt.init) { notes.add(doubt) }
    if let graphics = json["graphics"] { notes.add(graphics: graphics) }
    if let effort = json["effort"] { notes.add(Effort(effort)) }
    if let failure = json["failure"] { return .failed(try Failure(failure)) }
    if json["passed_over"] != nil { return .passedOver }
    if let told = json["told"] { return .told(hasSaved: told["saved"]?.bool == true) }
    let outputs = try JSONReader(json).array("outputs").map { try OutputFile($0) }
    for output in outputs where !output.path.hasPrefix(folder + "/") || output.path.contains("/../") {
      throw Failure(.refused, "the job has made \(output.path), which is not in its folder \(folder)")
    }
    return .made(outputs, isResumed: json["resumed"]?.bool == true)
  }

  /// Forgets what an earlier attempt has left.
  public func clear() throws {
    for name in ["answer", "progress"] where try files.entry(path(name)) != nil {
      try files.remove(path(name))
    }
  }

  // MARK: Files

  private func path(_ name: String) -> String { "\(folder)/\(name).json" }

  private func write(_ json: JSON, _ name: String) throws {
    try replace(path(name), with: json.canonicalBytes)
  }

  /// Under a name first that nobody else has: what a job leaves that is killed in the middle is not in the way of the next one.
  private func replace(_ path: String, with bytes: [UInt8]) throws {
    try files.replace(path, with: bytes, by: "\(path).\(ProcessFolder.randomName())")
  }

  private func read(_ name: String) throws -> JSON? {
    try files.contents(of: path(name), limit: ActionTicket.limit).map { try JSON(parsing: $0) }
  }
}

extension OutputFile {
  fileprivate var json: JSON { [.string(name), key.map { .string($0) } ?? .null, .string(path)] }

  fileprivate init(_ json: JSON) throws {
    guard let parts = json.array, parts.count == 3, let name = parts[0].string, let path = parts[2].string
    else { throw PipelineError("an output is malformed") }
    self.init(name: name, key: parts[1].string, path: path)
  }
}

extension Failure {
  fileprivate var json: JSON {
    [
      "code": .string(code.rawValue), "headline": .string(headline),
      "facts": .array(facts.map { [.string($0.label), .string($0.value)] }),
      "hint": hint.map { .string($0) } ?? .null,
    ]
  }

  fileprivate init(_ json: JSON) throws {
    let reader = JSONReader(json)
    let facts = try reader.array("facts").map { fact -> Fact in
      guard let parts = fact.array, parts.count == 2, let label = parts[0].string, let value = parts[1].string
      else { throw reader.malformed("facts") }
      return (label, value)
    }
    self.init(
      Code(try reader.string("code")), try reader.string("headline"), facts: facts, hint: json["hint"]?.string
    )
  }
}
