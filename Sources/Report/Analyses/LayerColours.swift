internal import Compute

/// How layers look in figures that tell them apart: in colours that no run has. Of deep models, some of the layers are drawn.
struct LayerColours: Sendable {
  /// From 0: those that are drawn.
  let layers: [Int]
  private let first: Int

  /// More in one panel are not told apart.
  static let most = 6

  /// - Parameters:
  ///   - count: layers of the model.
  ///   - runs: whose colours are taken.
  init(_ count: Int, runs: [ReportedRun]) {
    let shown = min(count, Self.most)
    layers = (0..<shown).map { shown > 1 ? $0 * (count - 1) / (shown - 1) : 0 }
    first = Set(runs.map(\.colour)).count
  }

  func colour(of layer: Int) -> Colour { Theme.run(first + (layers.firstIndex(of: layer) ?? 0)) }

  var output: Colour { Theme.run(first + Self.most + 1) }

  /// Of captions.
  static func note(layers count: Int) -> String {
    count > most ? " Of \(count) layers, \(most) are drawn, from the first to the last." : ""
  }
}
