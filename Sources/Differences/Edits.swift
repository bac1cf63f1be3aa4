/// The fewest steps from one list of texts to another.
public struct Edits: Sendable {
  public enum Kind: Sendable { case same, gone, new }

  public struct Step: Sendable {
    public let kind: Kind
    public let text: String
  }

  public private(set) var steps: [Step] = []

  /// Up to this many pairs are compared with each other.
  private static let pairs = 4_000_000
  /// Of longer lists, up to this many differences are found; with more, all in the middle is taken as replaced.
  private static let distance = 3000

  public init(_ old: [String], _ new: [String]) {
    // Numbers are compared faster than texts. Those of texts are the same if their bytes are, and not if they only look alike.
    var known: [[UInt8]: Int32] = [:]
    func number(_ text: String) -> Int32 {
      let bytes = Array(text.utf8)
      if let number = known[bytes] { return number }
      known[bytes] = Int32(known.count)
      return Int32(known.count - 1)
    }
    let (before, now) = (old.map(number), new.map(number))
    let shorter = min(old.count, new.count)
    var head = 0
    while head < shorter, before[head] == now[head] { head += 1 }
    var tail = 0
    while tail < shorter - head, before[old.count - 1 - tail] == now[new.count - 1 - tail] { tail += 1 }
    steps += old[..<head].map { Step(kind: .same, text: $0) }
    var taken = (old: 0, new: 0)
    for kind in Edits.path(Array(before[head..<old.count - tail]), Array(now[head..<new.count - tail])) {
      switch kind {
      case .same:
        steps.append(Step(kind: .same, text: old[head + taken.old]))
        taken = (taken.old + 1, taken.new + 1)
      case .gone:
        steps.append(Step(kind: .gone, text: old[head + taken.old]))
        taken.old += 1
      case .new:
        steps.append(Step(kind: .new, text: new[head + taken.new]))
        taken.new += 1
      }
    }
    steps += old[(old.count - tail)...].map { Step(kind: .same, text: $0) }
  }

  private static func path(_ old: [Int32], _ new: [Int32]) -> [Kind] {
    if old.count * new.count <= pairs { return common(old, new) }
    return shortest(old, new)
      ?? [Kind](repeating: .gone, count: old.count) + [Kind](repeating: .new, count: new.count)
  }

  /// Through a table of the longest common subsequences.
  private static func common(_ old: [Int32], _ new: [Int32]) -> [Kind] {
    // common[i][j]: the most elements that old[i...] and new[j...] have in common, in order.
    let width = new.count + 1
    var common = [Int32](repeating: 0, count: (old.count + 1) * width)
    for i in old.indices.reversed() {
      for j in new.indices.reversed() {
        common[i * width + j] =
          old[i] == new[j]
          ? common[(i + 1) * width + j + 1] + 1 : max(common[(i + 1) * width + j], common[i * width + j + 1])
      }
    }
    var path: [Kind] = []
    var (i, j) = (0, 0)
    while i < old.count || j < new.count {
      if i < old.count, j < new.count, old[i] == new[j] {
        path.append(.same)
        i += 1
        j += 1
      } else if i < old.count, j == new.count || common[(i + 1) * width + j] >= common[i * width + j + 1] {
        path.append(.gone)
        i += 1
      } else {
        path.append(.new)
        j += 1
      }
    }
    return path
  }

  /// Myers' greedy algorithm: for one distance after the other, how far each diagonal can be followed. Nil if the lists
  /// are further apart than `distance`. https://doi.org/10.1007/BF01840446
  private static func shortest(_ old: [Int32], _ new: [Int32]) -> [Kind]? {
    // reach[k + offset]: the furthest place in `old` on diagonal k, on which `old` is k places ahead of `new`.
    let offset = distance + 1
    var reach = [Int32](repeating: 0, count: 2 * offset + 1)
    // Of each distance, what had been reached before it.
    var history: [[Int32]] = []
    for depth in 0...distance {
      history.append(Array(reach[offset - depth...offset + depth]))
      for k in stride(from: -depth, through: depth, by: 2) {
        let isNew = k == -depth || k != depth && reach[offset + k - 1] < reach[offset + k + 1]
        var x = Int(isNew ? reach[offset + k + 1] : reach[offset + k - 1] + 1)
        var y = x - k
        while x < old.count, y < new.count, old[x] == new[y] {
          x += 1
          y += 1
        }
        reach[offset + k] = Int32(x)
        if x >= old.count && y >= new.count { return back(history, old.count, new.count) }
      }
    }
    return nil
  }

  /// The way back from the ends of both lists, turned around.
  private static func back(_ history: [[Int32]], _ oldCount: Int, _ newCount: Int) -> [Kind] {
    var path: [Kind] = []
    var (x, y) = (oldCount, newCount)
    for (depth, reach) in history.enumerated().reversed() {
      if depth == 0 { break }
      let k = x - y
      let isNew = k == -depth || k != depth && reach[k - 1 + depth] < reach[k + 1 + depth]
      let before = k + (isNew ? 1 : -1)
      let start = Int(reach[before + depth])
      // What both have in common comes behind the step, and is met first on the way back.
      while x > start, y > start - before {
        path.append(.same)
        x -= 1
        y -= 1
      }
      path.append(isNew ? .new : .gone)
      (x, y) = (start, start - before)
    }
    path += [Kind](repeating: .same, count: x)
    return path.reversed()
  }
}
