import Synchronization

/// Whether somebody has announced that this process is to end soon, such as a scheduler that wants the machine for others.
public enum Preemption {
  private static let number = Atomic<Int32>(0)

  /// The signal that said so, to be passed on to what runs; nil if there was none.
  static var signal: Int32? {
    let number = number.load(ordering: .sequentiallyConsistent)
    return number == 0 ? nil : number
  }

  private static let granted = Atomic<Int64>(0)

  /// How long what runs has at least to save its work, as whoever announces the end grants it.
  public static var grace: Duration {
    get { .seconds(granted.load(ordering: .sequentiallyConsistent)) }
    set { granted.store(newValue.components.seconds, ordering: .sequentiallyConsistent) }
  }

  public static func note(_ signal: Int32) { number.store(signal, ordering: .sequentiallyConsistent) }
}
