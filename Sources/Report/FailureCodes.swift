public import System

extension Failure.Code {
  /// A program that has to be installed.
  public static let missingTool = Self("missingTool")
  /// gnuplot failed, or did not end in time.
  public static let drawing = Self("drawing")
  /// A number that cannot be drawn: not finite, or not positive where an axis is logarithmic.
  public static let undrawable = Self("undrawable")
}
