import Compute
import Glibc

/// An AR(1) of log losses.
struct Noise {
  let deviation: Double
  let persistence: Double
  let seed: Int

  func curve(_ logLoss: (Double, Double) -> Double, steps: Int) -> Curve {
    let random = Philox(seed: UInt64(seed))
    let fresh = (1 - persistence * persistence).squareRoot()
    var level = random.normals(stream: 0, index: 0).0
    var losses: [Double] = []
    losses.reserveCapacity(steps)
    for step in 1...steps {
      level = persistence * level + fresh * random.normals(stream: 0, index: UInt64(step)).0
      losses.append(exp(logLoss(Double(step), Double(steps)) + deviation * level))
    }
    return Curve(run: "curve", steps: Array(1...steps), losses: losses)
  }
}
