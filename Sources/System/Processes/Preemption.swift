import Synchronization

/// Whether somebody has announced that this process is to end soon, such as a scheduler that wants the machine for others.
public enum Preemption {
  private static let number = Atomic<Int32>(0)

  /// The signal that said so, to be passed on to what runs; nil if there was none.
  static var signal: Int32? {
    let number = number.load(ordering: .sequentiallyConsistent)
    return number == 0 ? nil : number
  }

  public static func note(_ signal: Int32) { number.store(signal, ordering: .sequentiallyConsistent) }
}
