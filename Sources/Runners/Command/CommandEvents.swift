import Actions
import JSON
import System

/// The file to which a command tells what happens, `$BRAKE_EVENTS`: a line of JSON for each event.
///
/// It is the command's to write, so nothing in it is believed to be more than what somebody has said: what is no event is
/// passed over, and so much of it is read and no more.
struct CommandEvents: ~Copyable {
  enum Event {
    case log(Log)
    /// A file is complete, by its path in the folder of the command: `{"event":"saved","path":"checkpoints/64.pt"}`.
    case saved(String)
  }

  /// What a command said of a step: `{"event":"log","metrics":{"loss":2.5},"step":100}`.
  struct Log {
    let step: Int
    let metrics: [String: JSON]
    /// Metric -> `nan`, `inf` or `-inf`.
    let notFinite: [String: JSON]
  }

  /// The file's name in the scratch folder, beside the folder of the command.
  static let name = Scratch.eventsName

  /// Of one line; longer ones are passed over.
  private static let longestLine = 1 << 16
  /// At once.
  private static let mostRead = 1 << 20
  /// In all.
  private static let most = 1 << 30

  private let file: InputFile
  private var offset = 0
  /// The beginning of a line whose end has not been written.
  private var rest: [UInt8] = []
  private var isTooLong = false
  /// Whether something was read the last time, so that more may stand behind it.
  private(set) var mayGoOn = false

  /// Makes the file. What is followed is this one, even if the command puts another in its place.
  init(in scratch: String, files: any FileSystem) throws {
    let path = scratch + "/" + CommandEvents.name
    try files.write([], to: path)
    file = try InputFile(path, followingLinks: false, files: files)
  }

  /// What was added since it was last read, or as much of that as is read at once.
  mutating func new() -> [Event] {
    let count = min(CommandEvents.mostRead, CommandEvents.most - offset)
    mayGoOn = false
    guard count > 0, let bytes = try? file.bytes(at: offset, count: count), !bytes.isEmpty else { return [] }
    offset += bytes.count
    mayGoOn = true
    var events: [Event] = []
    var start = 0
    while let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
      let line = rest + bytes[start..<end]
      if !isTooLong, line.count <= CommandEvents.longestLine, let event = CommandEvents.event(line) {
        events.append(event)
      }
      rest = []
      isTooLong = false
      start = end + 1
    }
    if isTooLong || rest.count + bytes.count - start > CommandEvents.longestLine {
      isTooLong = true
      rest = []
    } else {
      rest += bytes[start...]
    }
    return events
  }

  /// Nil for what is no event, or one that nobody knows here.
  private static func event(_ line: [UInt8]) -> Event? {
    guard let json = try? JSON(parsing: line) else { return nil }
    switch json["event"]?.string {
    case "log":
      guard let step = json["step"]?.integer, step >= 0, let metrics = json["metrics"]?.object else {
        return nil
      }
      return .log(Log(step: step, metrics: metrics, notFinite: json["not_finite"]?.object ?? [:]))
    case "saved": return json["path"]?.string.map { .saved($0) }
    default: return nil
    }
  }
}
