package import Actions
package import JSON

/// YAML that is no pipeline.
package enum YAMLDocument {
  /// What a file says, with all scalars as they are written. It is read as strictly as a pipeline is, and within the same limits.
  ///
  /// - Parameter file: what messages call the text.
  package static func verbatim(_ text: String, file: String) throws(PipelineError) -> JSON {
    try PipelineNode.read(text, file: file).verbatim
  }
}
