internal import System

/// What processes have found in the store and rely on before anything durable names it: a file `relied` in the folder of each in
/// `tmp/`. It goes with the process, which by then has written what names the objects, or needs them no more.
extension Store {
  /// Says so before the object is looked for the last time: whoever collects looks here once more after it has set
  /// something aside. A store that cannot be written to is not collected by this process's user either; on a full disk it is tried
  /// again the next time.
  public func rely(on digest: Digest) { rely(on: [digest]) }

  /// The same of several, also of what is about to have its place, before anything names it.
  public func rely(on digests: [Digest]) {
    noteReliance { known in
      guard let new = known.map({ known in digests.filter { !known.contains($0) } }), !new.isEmpty else {
        return
      }
      do {
        // What a write that failed has left is a line of its own, and none.
        try files.write(
          [UInt8(ascii: "\n")] + DigestList.bytes(new), to: processFolder().path + "/relied", .appending)
        known?.formUnion(new)
      } catch let error as Failure where error.isForbidden {
        known = nil
      } catch {}
    }
  }

  /// What any process relies on that may be alive.
  public func reliedOn() throws -> Set<Digest> {
    var all: Set<Digest> = []
    let folder = root + "/tmp"
    guard try files.entry(folder)?.isFolder == true else { return all }
    for name in try files.names(in: folder) where ProcessFolder.isRandomName(name[...]) {
      // A folder may go at any time, with its process.
      if let bytes = try files.contents(of: "\(folder)/\(name)/relied", limit: DigestList.limit) {
        all.formUnion(DigestList.digests(bytes))
      }
    }
    return all
  }
}
