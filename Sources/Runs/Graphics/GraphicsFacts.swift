public import JSON
import System

/// Which graphics processors a machine has, and which driver: what NVIDIA's `nvidia-smi` says of them.
public struct GraphicsFacts: Sendable, Hashable {
  /// How many there are of each kind, by its name.
  public let kinds: [String: Int]
  public let driver: String
  /// The newest version of CUDA that the driver can run; nil if that is not said.
  public let cuda: String?

  /// No machine has more, nor a longer name for one.
  private static let (mostProcessors, longestWord) = (256, 100)

  /// - Parameters:
  ///   - table: what `nvidia-smi --query-gpu=name,driver_version --format=csv,noheader` prints, a line for each processor.
  ///   - overview: what `nvidia-smi` prints.
  /// - Returns: nil if the first of them is something else, such as an error.
  init?(table: String, overview: String) {
    var kinds: [String: Int] = [:]
    var drivers: Set<String> = []
    let lines = table.split(whereSeparator: \.isNewline)
    guard (1...GraphicsFacts.mostProcessors).contains(lines.count) else { return nil }
    for line in lines {
      guard let comma = line.lastIndex(of: ","), let kind = GraphicsFacts.word(line[..<comma]),
        let driver = GraphicsFacts.word(line[line.index(after: comma)...]), driver.first?.isNumber == true
      else { return nil }
      kinds[kind, default: 0] += 1
      drivers.insert(driver)
    }
    guard let driver = drivers.first, drivers.count == 1 else { return nil }
    self.kinds = kinds
    self.driver = driver
    cuda = GraphicsFacts.cuda(in: overview)
  }

  public var json: JSON {
    var members: [String: JSON] = [
      "kinds": .object(kinds.mapValues { .integer(Int64($0)) }), "driver": .string(driver),
    ]
    if let cuda { members["cuda"] = .string(cuda) }
    return .object(members)
  }

  init?(_ json: JSON) {
    guard let counts = json["kinds"]?.object, let driver = json["driver"]?.string else { return nil }
    let kinds = counts.compactMapValues { $0.integer.map { Int($0) } }
    guard kinds.count == counts.count, !kinds.isEmpty else { return nil }
    self.kinds = kinds
    self.driver = driver
    cuda = json["cuda"]?.string
  }

  /// For people, in a line.
  public var words: String {
    let all = kinds.sorted { $0.key < $1.key }.map { $0.value == 1 ? $0.key : "\($0.value) \($0.key)" }
    return all.joined(separator: " and ") + ", driver \(driver)" + (cuda.map { " (CUDA up to \($0))" } ?? "")
  }

  /// What is between two separators; nil if that is nothing, or no name.
  private static func word(_ text: Substring) -> String? {
    let word = String(text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    guard (1...longestWord).contains(word.utf8.count), word == word.visible(), !word.hasPrefix("[") else {
      return nil
    }
    return word
  }

  /// The version behind `CUDA Version:` or, as newer drivers call it, `CUDA UMD Version:`.
  private static func cuda(in overview: String) -> String? {
    for label in ["CUDA Version", "CUDA UMD Version"] {
      guard let place = overview.firstRange(of: label) else { continue }
      let version = overview[place.upperBound...].drop { $0 == " " || $0 == ":" }
        .prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
      if version.first?.isNumber == true, version.count < 20 { return String(version) }
    }
    return nil
  }
}
