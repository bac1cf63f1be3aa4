public import Actions

/// Figures, tables and pages of results.
public enum Report {
  /// `report.figure`, `report.zero-sum`, `report.tables` and `report.html`.
  public static let operations: [any Actions.Operation] = [
    FigureOperation(), ZeroSumFigureOperation(), TablesOperation(), PageOperation(),
  ]
}
