public import Pipeline

/// Figures, tables and pages of results.
public enum Report {
  /// `report.figure`, `report.zero-sum`, `report.tables` and `report.html`.
  public static let operations: [any Pipeline.Operation] = [
    FigureOperation(), ZeroSumFigureOperation(), TablesOperation(), PageOperation(),
  ]
}
