public import JSON
import Safetensors

/// What differs between two safetensors files, tensor by tensor.
public struct TensorsDifference: Difference {
  public static let kind = "tensors"

  public enum Change: Sendable {
    case removed
    case added
    /// Another type of element or another shape: `F32 [2, 3]`.
    case form(before: String, now: String)
    case elements(Elements)
  }

  /// What differs between two tensors of one form.
  public struct Elements: Sendable {
    public let count: Int
    /// Elements that are other numbers. None are if only bits differ that are the same number, such as the signs of zeros.
    public let differing: Int
    public let nansBefore: Int
    public let nansNow: Int
    /// The largest distance of two numbers.
    public let maxAbsolute: Double
    /// The norm of the difference, relative to that of what was before; nil where that is zero or out of range.
    public let relativeL2: Double?

    /// Whether some are numbers on both sides, and others.
    fileprivate var hasDistance: Bool { maxAbsolute > 0 }

    /// How many more are no number than were none.
    fileprivate var newNaNs: Int { max(0, nansNow - nansBefore) }
  }

  public struct Tensor: Sendable {
    public let name: String
    public let change: Change
  }

  /// Those that differ, sorted by name.
  public let tensors: [Tensor]
  public let same: Int
  /// What differs in the free text beside the tensors.
  public let metadata: ValuesDifference?

  /// Whether nothing but the layout of the files can differ.
  var isEmpty: Bool { tensors.isEmpty && metadata == nil }

  private static let piece = 1 << 20

  /// Nil if one of the files is not in this format.
  init?(_ before: any ByteSource, _ now: any ByteSource) throws {
    guard let old = try TensorsDifference.header(before), let new = try TensorsDifference.header(now) else {
      return nil
    }
    let known = Dictionary(
      new.tensors.map { (ExactText($0.name), $0) }, uniquingKeysWith: { first, _ in first })
    var tensors: [Tensor] = []
    var same = 0
    // In the order of their bytes on one side.
    for tensor in old.tensors {
      guard let other = known[ExactText(tensor.name)] else {
        tensors.append(Tensor(name: tensor.name, change: .removed))
        continue
      }
      if tensor.dtype != other.dtype || tensor.shape != other.shape {
        let change = Change.form(before: TensorsDifference.form(tensor), now: TensorsDifference.form(other))
        tensors.append(Tensor(name: tensor.name, change: change))
        continue
      }
      let elements = try TensorsDifference.elements(
        tensor.dtype, tensor.size, (before, old.dataOffset + tensor.offset),
        (now, new.dataOffset + other.offset))
      if let elements {
        tensors.append(Tensor(name: tensor.name, change: .elements(elements)))
      } else {
        same += 1
      }
    }
    let names = Set(old.tensors.map { ExactText($0.name) })
    tensors += new.tensors.filter { !names.contains(ExactText($0.name)) }
      .map { Tensor(name: $0.name, change: .added) }
    self.tensors = tensors.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    self.same = same
    let difference = ValuesDifference(
      .object(old.metadata.mapValues { .string($0) }), .object(new.metadata.mapValues { .string($0) }))
    metadata = difference.count == 0 ? nil : difference
  }

  private static func header(_ file: any ByteSource) throws -> SafetensorsHeader? {
    let start = try file.prefix(9)
    guard start.last == UInt8(ascii: "{"), let size = try? SafetensorsHeader.size(start, fileSize: file.size)
    else { return nil }
    return try? SafetensorsHeader(try file.prefix(size), fileSize: file.size)
  }

  private static func form(_ tensor: TensorDescriptor) -> String {
    "\(tensor.dtype.rawValue) [\(tensor.shape.map(String.init).joined(separator: ", "))]"
  }

  /// Nil if the bytes are the same.
  private static func elements(
    _ dtype: DType, _ size: Int, _ before: (file: any ByteSource, offset: Int),
    _ now: (file: any ByteSource, offset: Int)
  ) throws -> Elements? {
    var counts = ElementCounts()
    var areSame = true
    try Buffers.withPair(of: min(size, piece)) { old, new in
      for start in stride(from: 0, to: size, by: piece) {
        let length = min(piece, size - start)
        let a = UnsafeMutableRawBufferPointer(rebasing: old[..<length])
        let b = UnsafeMutableRawBufferPointer(rebasing: new[..<length])
        try before.file.read(into: a, at: before.offset + start)
        try now.file.read(into: b, at: now.offset + start)
        areSame = areSame && Buffers.areEqual(a, b)
        counts.add(dtype, UnsafeRawBufferPointer(a), UnsafeRawBufferPointer(b))
      }
    }
    if areSame { return nil }
    let relative = (counts.squaredDifference / counts.squaredBefore).squareRoot()
    return Elements(
      count: size / dtype.size, differing: counts.differing, nansBefore: counts.nansBefore,
      nansNow: counts.nansNow, maxAbsolute: counts.largest,
      relativeL2: counts.squaredBefore > 0 && relative.isFinite ? relative : nil)
  }

  public var headline: String {
    if isEmpty {
      return "all \(Listing.count(same, "tensor")) are the same, in a file that is laid out otherwise"
    }
    var parts = ["\(tensors.count) of \(Listing.count(tensors.count + same, "tensor")) differ"]
    let numbers = tensors.compactMap { tensor -> (name: String, elements: Elements)? in
      if case .elements(let elements) = tensor.change { (tensor.name, elements) } else { nil }
    }
    let broken = numbers.max { $0.elements.newNaNs < $1.elements.newNaNs }
    if let broken, broken.elements.newNaNs > 0 {
      let count = numbers.reduce(0) { $0 + $1.elements.newNaNs }
      parts.append(
        "\(Listing.count(count, "element is", "elements are")) no number now, as in \(broken.name)")
    }
    let largest = numbers.max { $0.elements.maxAbsolute < $1.elements.maxAbsolute }
    if let largest, largest.elements.hasDistance {
      let others = numbers.contains {
        !$0.elements.hasDistance || $0.elements.nansBefore + $0.elements.nansNow > 0
      }
      parts.append(
        "\(others ? "numbers " : "")at most by \(NumberChange.text(largest.elements.maxAbsolute)), in \(largest.name)"
      )
    }
    if metadata != nil { parts.append("and so does the metadata") }
    return parts.joined(separator: ", ")
  }

  public func details(most: Int) -> [String] {
    let lines = Listing.lines(tensors, of: tensors.count, most: most) { ["\($0.name): \($0.change.text)"] }
    return lines + (metadata?.details(most: most).map { "metadata: " + $0 } ?? [])
  }

  public var json: [String: JSON] {
    [
      "same": .integer(Int64(same)), "metadata": metadata?.object ?? .null,
      "tensors": .array(
        tensors.map { .object($0.change.json.merging(["name": .string($0.name)]) { $1 }) }),
    ]
  }
}

extension TensorsDifference.Change {
  fileprivate var text: String {
    switch self {
    case .removed: return "removed"
    case .added: return "added"
    case .form(let before, let now): return "was \(before), is \(now)"
    case .elements(let elements):
      if elements.differing == 0 { return "the same numbers in other bits" }
      var parts = ["\(elements.differing) of \(Listing.count(elements.count, "element")) differ"]
      if elements.hasDistance { parts.append("max abs \(NumberChange.text(elements.maxAbsolute))") }
      if elements.hasDistance, let relative = elements.relativeL2 {
        parts.append("relative L2 \(NumberChange.text(relative))")
      }
      if elements.nansBefore + elements.nansNow > 0 {
        parts.append("\(elements.nansBefore) were no number, \(elements.nansNow) are none now")
      }
      return parts.joined(separator: ", ")
    }
  }

  fileprivate var json: [String: JSON] {
    switch self {
    case .removed: return ["change": "removed"]
    case .added: return ["change": "added"]
    case .form(let before, let now):
      return ["change": "form", "before": .string(before), "now": .string(now)]
    case .elements(let elements):
      return [
        "change": "elements", "elements": .integer(Int64(elements.count)),
        "differing": .integer(Int64(elements.differing)), "nans_before": .integer(Int64(elements.nansBefore)),
        "nans_now": .integer(Int64(elements.nansNow)), "max_abs": .finite(elements.maxAbsolute),
        "relative_l2": .finite(elements.relativeL2),
      ]
    }
  }
}
