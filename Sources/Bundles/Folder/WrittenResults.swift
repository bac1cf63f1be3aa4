import Actions
import Artefacts
import Pipeline
import Runs
import System

/// An output of a stage that is also written out as a file or folder.
struct WrittenResult: Sendable {
  /// Relative to the bundle.
  let path: String
  /// `train[47k,1].checkpoints[64]`
  let name: String
  let artefact: Artefact
  let isExecutable: Bool
}

extension Analysis {
  /// Bytes of a result that is written out unless all are.
  private static let largest = 16 << 20

  /// What is published, and then what stages make that no other reads.
  var results: [WrittenResult] {
    let published = stages.flatMap { stage in
      stage.published.map { result("files/" + $0.path, stage, $0.output) }
    }
    let names = Set(published.map(\.name))
    return published
      + stages.filter { ends.contains($0.instance.name) }.flatMap { stage in
        stage.record.outputs.filter { !names.contains(stage.name(of: $0)) }.map {
          result(stagePath(stage.instance, $0), stage, $0)
        }
      }
  }

  /// What is written out, no two at one place.
  func written(_ choice: BundleOptions.Files) -> [WrittenResult] {
    let wanted =
      switch choice {
      case .none: [] as [WrittenResult]
      case .results: results.filter { $0.artefact.size <= Analysis.largest }
      case .all: results + others
      }
    var paths: Set<String> = []
    return wanted.filter { paths.insert($0.path).inserted }
  }

  private var others: [WrittenResult] {
    let known = Set(results.map(\.name))
    return stages.flatMap { stage in
      stage.record.outputs.filter { !known.contains(stage.name(of: $0)) }.map {
        result(stagePath(stage.instance, $0), stage, $0)
      }
    }
  }

  private func result(_ path: String, _ stage: RecordedStage, _ output: Record.Output) -> WrittenResult {
    WrittenResult(
      path: path, name: stage.name(of: output), artefact: output.artefact, isExecutable: output.isExecutable)
  }

  /// Where an output stands that is not published: in a folder for each instance, beside all that is.
  private func stagePath(_ instance: StageInstance, _ output: Record.Output) -> String {
    let declaration = instance.outputs.first { $0.name == output.name }
    let keys = instance.keys + (instance.link.map { ["@" + $0] } ?? [])
    let folder =
      ([stagesFolder, instance.stage] + (keys.isEmpty ? [] : [keys.joined(separator: ",")])).joined(
        separator: "/")
    guard output.key != nil else {
      let name = declaration?.file.lastPart ?? output.name
      // Files of different folders may be called the same.
      let isAlone = instance.outputs.count { !$0.keyed && $0.file.lastPart == name } < 2
      return isAlone ? "\(folder)/\(name)" : "\(folder)/\(output.name)/\(name)"
    }
    return "\(folder)/\(output.name)/\(declaration?.fileName(of: output) ?? output.key!)"
  }

  private var stagesFolder: String {
    let isTaken = stages.contains {
      $0.published.contains { $0.path.hasPrefix("stages/") || $0.path == "stages" }
    }
    return isTaken ? "files/unpublished" : "files/stages"
  }
}

extension String {
  /// `b.json` of `a/b.json`.
  fileprivate var lastPart: String { split(separator: "/").last.map(String.init) ?? self }
}
