internal import System

/// Room on a disk that is full, for those who are about to free some: setting things aside takes folders, and what is removed
/// although something names it has to be noted first.
extension Store {
  /// Bytes of the reserve.
  static let reserveSize = 1 << 20

  /// A file that holds nothing, and is given up when the disk is full.
  private var pathOfReserve: String { root + "/index/reserve" }

  /// Makes the reserve if there is none. Where it cannot be made there is none.
  public func keepReserve() {
    do {
      guard try files.status(root + "/format") != nil, try files.entry(pathOfReserve) == nil else { return }
      // No file system makes less of these than they are.
      var generator = SystemRandomNumberGenerator()
      let words = (0..<Store.reserveSize / 8).map { _ in UInt64.random(in: 0...UInt64.max, using: &generator)
      }
      let temporary = try temporaryPath()
      try makeFolders(parentFolder(of: pathOfReserve))
      try files.checkOwnFolder(parentFolder(of: pathOfReserve))
      try files.writeFile(temporary, mode: 0o666) { try words.withUnsafeBytes($0) }
      defer { try? files.remove(temporary) }
      // Until then it may have no room of its own.
      try files.synchronise(temporary)
      _ = try files.renameIfAbsent(temporary, to: pathOfReserve)
    } catch {}
  }

  /// Does something that may need room. On a full disk it makes some and does it again.
  package func withRoom<Result>(_ body: () throws -> Result) throws -> Result {
    while true {
      do { return try body() } catch let error as Failure where error.isFull {
        guard makeRoom() else { throw error }
      }
    }
  }

  /// Frees some room by removing what nobody needs for certain: the reserve, what the dead have left in `tmp/`, inputs of commands that
  /// nobody reads at this moment, and what was remembered of runs, in this order. Needs no room itself.
  ///
  /// - Returns: whether there was anything.
  private func makeRoom() -> Bool {
    if (try? files.remove(pathOfReserve)) != nil { return true }
    if ProcessFolder.removeLeftovers(in: root + "/tmp", files: files) { return true }
    if RestoredInputs(of: self, budget: 0, secret: nil).shrink(to: 0).entries > 0 { return true }
    let index = root + "/index"
    let remembered = ((try? files.names(in: index)) ?? []).filter { $0.hasPrefix("run-") }
    return remembered.count { (try? files.remove("\(index)/\($0)")) != nil } > 0
  }
}
