/// Objects and records, and the bytes of their files.
public struct SweptAmount: Sendable, Hashable {
  public var objects = 0
  public var records = 0
  public var bytes = 0

  public init() {}

  public var isNothing: Bool { objects == 0 && records == 0 && bytes == 0 }

  public static func += (sum: inout SweptAmount, other: SweptAmount) {
    sum.objects += other.objects
    sum.records += other.records
    sum.bytes += other.bytes
  }

  /// Of a segment only the bytes count.
  public mutating func add(_ entry: Aside.Entry) {
    switch entry.kind {
    case .object: objects += 1
    case .record: records += 1
    case .segment: break
    }
    bytes += entry.size
  }
}

extension SweptAmount {
  public static func -= (sum: inout SweptAmount, other: SweptAmount) {
    sum.objects -= min(sum.objects, other.objects)
    sum.records -= min(sum.records, other.records)
    sum.bytes -= min(sum.bytes, other.bytes)
  }
}
