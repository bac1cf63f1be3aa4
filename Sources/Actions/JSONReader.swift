package import JSON
import System

/// Members of an object that must be there.
package struct JSONReader {
  private let json: JSON

  package init(_ json: JSON) { self.json = json }

  package func malformed(_ name: String) -> PipelineError {
    PipelineError("'\(name)' is missing or malformed")
  }

  package func string(_ name: String) throws -> String {
    guard let value = json[name]?.string else { throw malformed(name) }
    return value
  }

  package func array(_ name: String) throws -> [JSON] {
    guard let value = json[name]?.array else { throw malformed(name) }
    return value
  }

  package func position() throws -> Position {
    guard let parts = json["position"]?.array, parts.count == 3, let file = parts[0].string,
      let line = parts[1].integer, let column = parts[2].integer
    else { throw malformed("position") }
    return Position(file: file, line: line, column: column)
  }
}

extension Position {
  package var json: JSON { [.string(file), .integer(Int64(line)), .integer(Int64(column))] }
}
