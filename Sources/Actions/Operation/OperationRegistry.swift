/// The operations that pipelines can name.
public struct OperationRegistry: Sendable {
  /// Sorted by name.
  public let operations: [any Operation]
  private let named: [String: any Operation]

  public init(_ operations: [any Operation]) {
    self.operations = operations.sorted { $0.name < $1.name }
    named = Dictionary(operations.map { ($0.name, $0) }, uniquingKeysWith: { _, last in last })
  }

  public subscript(_ name: String) -> (any Operation)? { named[name] }
}
