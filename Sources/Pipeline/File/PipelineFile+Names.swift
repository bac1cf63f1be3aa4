extension PipelineFile {
  /// The names of the stages, those of included files first.
  public var stageNames: [String] { namedStages.map(\.name) }
}
