import ArgumentParser
import Compute
import Glibc

/// How the size of noise changes along a run.
enum NoiseCourse: String, CaseIterable, ExpressibleByArgument {
  case constant
  /// From twice the size at the first step to half of it at the last, evenly in log t; and the other way round.
  case falling, growing

  func factor(at step: Double, of last: Double) -> Double {
    let place = log(step) / log(last)
    return switch self {
    case .constant: 1
    case .falling: exp2(1 - 2 * place)
    case .growing: exp2(2 * place - 1)
    }
  }
}

/// An AR(1) of log losses.
struct Noise {
  let deviation: Double
  let persistence: Double
  var course = NoiseCourse.constant
  let seed: Int

  func curve(_ logLoss: (Double, Double) -> Double, steps: Int) -> Curve {
    let random = Philox(seed: UInt64(seed))
    let fresh = (1 - persistence * persistence).squareRoot()
    let last = Double(steps)
    var level = random.normals(stream: 0, index: 0).0
    var losses: [Double] = []
    losses.reserveCapacity(steps)
    for step in 1...steps {
      level = persistence * level + fresh * random.normals(stream: 0, index: UInt64(step)).0
      let size = deviation * course.factor(at: Double(step), of: last)
      losses.append(exp(logLoss(Double(step), last) + size * level))
    }
    return Curve(run: "curve", steps: Array(1...steps), losses: losses)
  }
}
