/// A training of random gradients by AdamW, in float32 as trainings do it, whose weights and states can be written after each update.
public struct RandomTraining {
  public struct Settings: Sendable {
    public var rate: Double
    public var decay: Double
    public var epsilon: Double
    public var betas: (Double, Double)

    public init(
      rate: Double = 5e-4, decay: Double = 0.1, epsilon: Double = 1e-5, betas: (Double, Double) = (0.9, 0.95)
    ) {
      self.rate = rate
      self.decay = decay
      self.epsilon = epsilon
      self.betas = betas
    }
  }

  public typealias Tensor = (name: String, values: ArraySlice<Float>)

  public let settings: Settings
  public let sizes: [Int]
  public var weights: [Float]
  public var first: [Float]
  public var second: [Float]
  private var step = 0
  private var random: UInt64 = 23

  /// - Parameter sizes: those of tensors, of which every other one is decayed.
  public init(_ sizes: [Int], _ settings: Settings = Settings()) {
    self.settings = settings
    self.sizes = sizes
    let count = sizes.reduce(0, +)
    first = [Float](repeating: 0, count: count)
    second = first
    weights = first
    for index in weights.indices { weights[index] = uniform() / 8 }
    update()
  }

  /// From -1 to 1.
  private mutating func uniform() -> Float {
    random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Float(random >> 40) / Float(1 << 23) - 1
  }

  public mutating func update() {
    step += 1
    func unbiased(_ beta: Double) -> Float {
      Float(1 / (1 - (0..<step).reduce(1.0) { power, _ in power * beta }))
    }
    let (one, two) = (unbiased(settings.betas.0), unbiased(settings.betas.1))
    var index = 0
    for (number, size) in sizes.enumerated() {
      let decay = Float(number % 2 == 0 ? 0 : settings.rate * settings.decay)
      for _ in 0..<size {
        let gradient = uniform() * Float(1e-3) / Float(1 + index % 97)
        first[index] = Float(settings.betas.0) * first[index] + Float(1 - settings.betas.0) * gradient
        second[index] =
          Float(settings.betas.1) * second[index] + Float(1 - settings.betas.1) * (gradient * gradient)
        let change = first[index] * one / ((second[index] * two).squareRoot() + Float(settings.epsilon))
        weights[index] -= decay * weights[index]
        weights[index] -= Float(settings.rate) * change
        index += 1
      }
    }
  }

  /// The weights as `lm.train` writes them.
  public var checkpoint: [UInt8] { RandomTraining.file(tensors("", weights)) }

  /// The moments as `lm.train` writes them.
  public var states: [UInt8] {
    RandomTraining.file(tensors("exp_avg.", first) + tensors("exp_avg_sq.", second))
  }

  /// Tensors of all weights, or of a moment.
  public func tensors(_ prefix: String, _ values: [Float], _ suffix: String = "") -> [Tensor] {
    var start = 0
    return sizes.enumerated().map { number, size in
      defer { start += size }
      return ("\(prefix)layer.\(number).weight\(suffix)", values[start..<start + size])
    }
  }

  /// A safetensors file of tensors in float32.
  public static func file(_ tensors: [Tensor]) -> [UInt8] {
    var end = 0
    let entries = tensors.map { name, values in
      let start = end
      end += 4 * values.count
      return #""\#(name)":{"dtype":"F32","shape":[\#(values.count)],"data_offsets":[\#(start),\#(end)]}"#
    }
    var header = Array("{\(entries.joined(separator: ","))}".utf8)
    header += [UInt8](repeating: 0x20, count: -header.count & 7)
    let body = tensors.flatMap { tensor in tensor.values.withUnsafeBytes { Array($0) } }
    return withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) } + header + body
  }
}
