public import Actions
public import JSON
import Synchronization

/// A pipeline file that is read when it is needed: a run of which everything is remembered does without.
public final class PipelineSource: Sendable {
  /// As the user named it.
  public let path: String
  private let text: String
  private let read: @Sendable (String) throws -> String
  private let known: Mutex<Result<PipelineFile, PipelineError>?>
  private let remembered = Mutex<[String: JSON]?>(nil)

  /// - Parameter read: the text of an included file.
  public init(text: String, path: String, read: @escaping @Sendable (String) throws -> String) {
    self.path = path
    self.text = text
    self.read = read
    known = Mutex(nil)
  }

  public init(_ file: PipelineFile) {
    path = file.path
    text = ""
    read = { _ in "" }
    known = Mutex(.success(file))
  }

  /// The parameters as they are applied, as far as that is known without reading the file.
  package var parameters: [String: JSON]? { remembered.withLock { $0 } }

  /// Takes the parameters of a remembered run of the same file, where there is one.
  public func note(parameters: [String: JSON]?) {
    if let parameters { remembered.withLock { $0 = parameters } }
  }

  /// - Throws: the first thing that is wrong with it.
  public func file() throws(PipelineError) -> PipelineFile {
    let result = known.withLock { known in
      if let known { return known }
      let result = Result { () throws(PipelineError) in try PipelineFile(text: text, path: path, read: read) }
      known = result
      return result
    }
    return try result.get()
  }
}
