/// The shape that stands for a value, so that runs are told apart where colours are not, as in print. Its number is gnuplot's.
enum Marker: Int, CaseIterable, Sendable {
  case disc = 7
  case square = 5
  case triangle = 9
  case diamond = 13
  case fallingTriangle = 11
  case pentagon = 15
  case ring = 6
  case openSquare = 4
  case openTriangle = 8
  case openDiamond = 12
  case openFallingTriangle = 10
  case openPentagon = 14

  /// Each colour of a run has a shape of its own.
  init(of colour: Colour) {
    let index =
      Theme.runs.firstIndex(of: colour)
      ?? (colour == Theme.factors.0 ? 2 : colour == Theme.factors.1 ? 1 : 0)
    self = Marker.allCases[index % Marker.allCases.count]
  }

  var isFilled: Bool { !rawValue.isMultiple(of: 2) }

  /// Its corners, in parts of the radius, down and to the right; empty for what is round.
  var corners: [(x: Double, y: Double)] {
    switch self {
    case .disc, .ring: []
    case .square, .openSquare: [(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]
    case .triangle, .openTriangle: [(0, -1.2), (1.1, 0.8), (-1.1, 0.8)]
    case .fallingTriangle, .openFallingTriangle: [(0, 1.2), (1.1, -0.8), (-1.1, -0.8)]
    case .diamond, .openDiamond: [(0, -1.3), (1.1, 0), (0, 1.3), (-1.1, 0)]
    case .pentagon, .openPentagon:
      [(0, -1.15), (1.09, -0.36), (0.68, 0.93), (-0.68, 0.93), (-1.09, -0.36)]
    }
  }
}
