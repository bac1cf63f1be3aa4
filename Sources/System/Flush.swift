internal import Synchronization

/// Makes durable what is written to a file system after this was made.
///
/// A write that fails is mostly found out long after the call, and the system tells it once to whoever had something
/// open there before it failed. So this is made before the first write. An error ends it: what could not be written
/// the system may have dropped, and asking again can succeed wrongly.
package final class Flush: Sendable {
  private let files: any FileSystem
  private let folder: String
  private let descriptor: Int32
  /// Of two, the one with the lower number knows of every error that the other knows of.
  package let number: UInt64

  private static let counter = Atomic<UInt64>(0)

  package init(around folder: String, files: any FileSystem) throws(Failure) {
    self.files = files
    self.folder = folder
    number = Flush.counter.wrappingAdd(1, ordering: .relaxed).newValue
    descriptor = try files.open(folder)
  }

  deinit { try? files.close(descriptor, path: folder) }

  /// Returns when all of these survive a power cut.
  package func synchronise(_ paths: [String]) throws(Failure) {
    // Waiting for the disk is most of the price of either call, and `syncfs` waits once.
    if paths.count > 3 { return try files.synchroniseAll(around: descriptor, path: folder) }
    for path in paths { try files.synchronise(path) }
  }
}
