extension PipelineFile {
  /// The names of the stages, in the file's order.
  public var stageNames: [String] { stages.map(\.name) }
}
