/// How a program ended.
public enum ProcessEnding: Sendable, Equatable {
  case exited(Int32)
  case killed(signal: Int32)
  /// It was ended since it took longer than it might.
  case overdue
}
