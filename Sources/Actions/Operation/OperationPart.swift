package import JSON

/// Which part of a chain an operation is: one of its links, or its end.
private enum OperationPart: String {
  case link, end
}

extension OperationRegistry {
  /// What `operation(in:)` reads.
  package static func members(_ operation: any Operation, _ parameters: ParameterValues) -> [String: JSON] {
    let (named, part): (any Operation, OperationPart?) =
      switch operation {
      case let link as LinkOperation: (link.chain, .link)
      case let end as EndOperation: (end.chain, .end)
      default: (operation, nil)
      }
    var members: [String: JSON] = [
      "operation": .string(named.name), "revision": .integer(Int64(named.revision)),
      "parameters": .object(parameters.values),
    ]
    if let part { members["part"] = .string(part.rawValue) }
    return members
  }

  /// The operation that an object names, and its parameters.
  ///
  /// - Throws: if there is none of that revision here.
  package func operation(in json: JSON) throws -> (any Operation, ParameterValues) {
    let reader = JSONReader(json)
    let name = try reader.string("operation")
    guard let named = self[name], named.revision == json["revision"]?.integer,
      let operation = OperationRegistry.part(json["part"]?.string, of: named)
    else { throw PipelineError("there is no operation '\(name)' of that revision here") }
    guard let parameters = json["parameters"]?.object else { throw reader.malformed("parameters") }
    return (operation, try ParameterValues(parameters, declarations: operation.parameters))
  }

  private static func part(_ part: String?, of operation: any Operation) -> (any Operation)? {
    guard let part else { return operation }
    guard let chain = operation as? any ChainOperation else { return nil }
    switch OperationPart(rawValue: part) {
    case .link: return LinkOperation(chain: chain)
    case .end: return EndOperation(chain: chain)
    case nil: return nil
    }
  }
}
