/// What of a store is needed.
public struct NeededContents: Sendable {
  public var objects: Set<Digest>
  public var records: Set<Digest>

  public init(objects: Set<Digest> = [], records: Set<Digest> = []) {
    self.objects = objects
    self.records = records
  }
}
