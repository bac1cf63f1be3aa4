import Artefacts
import Bundles
import Differences
import System

extension Reproduction {
  /// A line for each stage, what differs below it, and how much is identical in all.
  func text(most: Int) -> String {
    let stages = stages.map { $0.text(most: most) }.joined()
    var lines = ["\(identical) of \(all) artefacts are identical"]
    let different = count { if case .different = $0 { true } else { false } }
    let modes = count { if case .mode = $0 { true } else { false } }
    let missing = count { if case .missing = $0 { true } else { false } }
    let new = count { if case .new = $0 { true } else { false } }
    for (number, words) in [
      (different, "different"), (modes, "with another mode"), (missing, "not made"),
      (new, "not in the bundle"),
    ] where number > 0 {
      lines.append("\(number) \(words)")
    }
    let sources =
      changedSources.isEmpty
      ? ""
      : "\(changedSources.count) of the sources \(changedSources.count == 1 ? "is" : "are") not what the bundle was made from\n"
    return stages + sources + lines.joined(separator: ", ") + "\n"
  }
}

extension Reproduction.Stage {
  fileprivate func text(most: Int) -> String {
    let others = outputs.filter { if case .identical = $0.verdict { false } else { true } }
    let same = outputs.count - others.count
    let verdict =
      !isMade
      ? "not made"
      : others.isEmpty
        ? "identical (\(same) \(same == 1 ? "artefact" : "artefacts"))"
        : "\(same) of \(outputs.count) artefacts identical"
    var text = "\(name): \(verdict)\n".visible(lineBreaks: true)
    for change in changes.prefix(most) {
      let values = [change.before, change.now].map { ($0 ?? "nothing").shortened }
      text += "  made with another \(change.what): \(values[0]) -> \(values[1])".visible() + "\n"
    }
    if changes.count > most { text += "  and \(changes.count - most) more\n" }
    guard isMade else { return text }
    for output in others.prefix(most) { text += output.text(most: most) }
    if others.count > most { text += "  and \(others.count - most) more (--json has them)\n" }
    return text
  }
}

extension Reproduction.Output {
  fileprivate func text(most: Int) -> String {
    let label = "  \(label): ".visible()
    switch verdict {
    case .identical: return label + "identical\n"
    case .different(.success(let difference)):
      return label + difference.report(most: most).split(separator: "\n").joined(separator: "\n  ") + "\n"
    case .different(.failure(let failure)):
      return label + "other bytes; by how much cannot be said: \(failure.headline)".visible() + "\n"
    case .mode(let isExecutable):
      return label + (isExecutable ? "can be executed now\n" : "can no longer be executed\n")
    case .missing: return label + "recorded, and not made again\n"
    case .new: return label + "made now, and not in the bundle\n"
    }
  }
}

extension String {
  /// A digest by its first digits, and no more of a long text than a line holds.
  fileprivate var shortened: String { Digest(self)?.short ?? String(self.prefix(100)) }
}
