import CKernels
import Synchronization

/// The instruction sets for which the kernels are compiled. The one in use is the process's, so tests that choose one
/// take turns.
public enum Variants {
  private static let turn = Mutex<Void>(())

  /// Calls a function with the kernels of each variant that this processor can run, then returns to the best.
  public static func forEach(_ body: (_ variant: Int32) throws -> Void) rethrows {
    try turn.withLock { _ in
      let best = brake_variant_current()
      defer { brake_variant_select(best) }
      for variant in 0...best where brake_variant_select(variant) { try body(variant) }
    }
  }
}
