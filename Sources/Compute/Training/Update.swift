internal import CKernels

/// One update of all weights by an optimiser's rule.
struct Update {
  let weights, gradients: Parameters
  /// In the order of the rule's `stateNames`.
  let states: [Parameters]
  /// Counted from 1.
  let step: Int
  let learningRate, weightDecay, gradientScale: Double
  let threads: Threads

  /// Ranges of the flat array that are decayed alike: as long as possible.
  private var ranges: [(range: Range<Int>, decay: Double)] {
    var ranges: [(range: Range<Int>, decay: Double)] = []
    for parameter in weights.layout.parameters {
      let decay = parameter.role.isDecayed ? weightDecay : 0
      if let last = ranges.last, last.decay == decay {
        ranges[ranges.count - 1].range = last.range.lowerBound..<parameter.range.upperBound
      } else {
        ranges.append((parameter.range, decay))
      }
    }
    return ranges
  }

  private func elements(
    _ range: Range<Int>, cost: Int = 20, _ body: (_ first: Int, _ count: Int) -> Void
  ) {
    threads.ranges(range.count, grain: Int(BRAKE_REDUCTION_CHUNK), work: cost * range.count) {
      body(range.lowerBound + $0.lowerBound, $0.count)
    }
  }

  func adamW(_ settings: AdamW) {
    for (range, decay) in ranges { adamW(settings, range, decay, learningRate) }
  }

  private func adamW(_ settings: AdamW, _ range: Range<Int>, _ decay: Double, _ rate: Double) {
    var s = settings.kernel(self, decay, rate)
    let (w, g, m, v) = (weights.start, gradients.start, states[0].start, states[1].start)
    withUnsafePointer(to: &s) { s in
      elements(range) { i, n in brake_adamw(w + i, m + i, v + i, g + i, n, s) }
    }
  }

  /// Parameter by parameter: each has its own share of agreeing elements.
  func cautiousAdamW(_ settings: AdamW) {
    let (w, g, m, v) = (weights.start, gradients.start, states[0].start, states[1].start)
    let chunk = Int(BRAKE_REDUCTION_CHUNK)
    for parameter in weights.layout.parameters {
      var s = settings.kernel(self, parameter.role.isDecayed ? weightDecay : 0, learningRate)
      let first = parameter.offset
      var aligned = [Int](repeating: 0, count: (parameter.count + chunk - 1) / chunk)
      withUnsafePointer(to: &s) { s in
        aligned.withUnsafeMutableBufferPointer { aligned in
          let aligned = aligned.baseAddress!
          threads.run((parameter.count + chunk - 1) / chunk, work: 10 * parameter.count) { from, to in
            for piece in from..<to {
              let i = first + piece * chunk
              aligned[piece] = brake_cautious_moments(
                m + i, v + i, g + i, min(chunk, parameter.range.upperBound - i), s)
            }
          }
        }
        let count = Double(parameter.count)
        let boost = count / max(Double(aligned.reduce(0, +)), 0.001 * count)
        elements(parameter.range) { i, n in brake_cautious_apply(w + i, m + i, v + i, g + i, n, s, boost) }
      }
    }
  }

  func adEMAMix(_ settings: AdEMAMix) {
    let (w, g, m, slow, v) = (
      weights.start, gradients.start, states[0].start, states[1].start, states[2].start
    )
    for (range, decay) in ranges {
      var s = brake_ademamix_step(
        learning_rate: learningRate, beta1: settings.beta1, beta2: settings.beta2,
        beta3: settings.beta3(at: step), alpha: settings.alpha(at: step), epsilon: settings.epsilon,
        weight_decay: decay, gradient_scale: gradientScale, step: step)
      withUnsafePointer(to: &s) { s in
        elements(range) { i, n in brake_ademamix(w + i, m + i, slow + i, v + i, g + i, n, s) }
      }
    }
  }

  func sgd(_ settings: SGD) {
    let (w, g, buffer) = (weights.start, gradients.start, states[0].start)
    for (range, decay) in ranges {
      var s = brake_sgd_step(
        learning_rate: learningRate, momentum: settings.momentum, weight_decay: decay,
        gradient_scale: gradientScale, nesterov: settings.isNesterov)
      withUnsafePointer(to: &s) { s in
        elements(range) { i, n in brake_sgd(w + i, buffer + i, g + i, n, s) }
      }
    }
  }

  func muon(_ settings: Muon) {
    let buffer = states[2].start
    for parameter in weights.layout.parameters {
      let decay = parameter.role.isDecayed ? weightDecay : 0
      guard let fanIn = parameter.role.fanIn else {
        adamW(settings.others, parameter.range, decay, learningRate * settings.othersRate)
        continue
      }
      let (rows, columns) = (parameter.shape[0], parameter.shape[1])
      let update = FloatBuffer(parameter.count)
      elements(parameter.range, cost: 6) { i, n in
        brake_muon_momentum(
          update.start + i - parameter.offset, buffer + i, gradients.start + i, n, settings.momentum,
          gradientScale,
          settings.isNesterov)
      }
      Orthogonalisation(rows: rows, columns: columns, threads: threads).apply(
        update, iterations: settings.iterations)
      let factor = max(1, Double(parameter.count / fanIn) / Double(fanIn)).squareRoot()
      elements(parameter.range, cost: 4) { i, n in
        brake_muon_apply(
          weights.start + i, update.start + i - parameter.offset, n, learningRate, decay, factor)
      }
    }
  }
}

extension AdamW {
  fileprivate func kernel(_ update: Update, _ decay: Double, _ rate: Double) -> brake_adamw_step {
    brake_adamw_step(
      learning_rate: rate, beta1: beta1, beta2: beta2, epsilon: epsilon, weight_decay: decay,
      gradient_scale: update.gradientScale, step: update.step)
  }
}
